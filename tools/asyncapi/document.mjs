// Reads docs/asyncapi.yaml with AsyncAPI's own parser, which learns protobuf from AsyncAPI's own converter.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { DiagnosticSeverity, Parser } from "@asyncapi/parser";
import { ProtoBuffSchemaParser } from "@asyncapi/protobuf-schema-parser";

export const path = fileURLToPath(new URL("../../docs/asyncapi.yaml", import.meta.url));

const SEVERITIES = {
  [DiagnosticSeverity.Error]: "error",
  [DiagnosticSeverity.Warning]: "warning",
  [DiagnosticSeverity.Information]: "information",
  [DiagnosticSeverity.Hint]: "hint",
};

// Answers the document, or undefined if it is none, and the diagnostics, each as a line.
export async function read(source = path) {
  const parser = new Parser();
  parser.registerSchemaParser(ProtoBuffSchemaParser());
  const { document, diagnostics } = await parser.parse(await readFile(source, "utf8"), { source });
  return { document, diagnostics: diagnostics.map((diagnostic) => ({ ...diagnostic, line: lineOf(diagnostic) })) };
}

function lineOf({ range, severity, code, message, path: place }) {
  return `${range.start.line + 1}: ${SEVERITIES[severity]} ${code}: ${message} (${place.join(".")})`;
}
