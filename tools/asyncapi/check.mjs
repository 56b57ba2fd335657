// Parses docs/asyncapi.yaml, or another file that is named, and prints every diagnostic; fails if there is an error or a warning.
import { DiagnosticSeverity } from "@asyncapi/parser";
import { path, read } from "./document.mjs";

const source = process.argv[2] ?? path;
const { document, diagnostics } = await read(source);
for (const { line } of diagnostics) {
  console.log(`${source}:${line}`);
}
if (!document || diagnostics.some(({ severity }) => severity <= DiagnosticSeverity.Warning)) {
  console.error(`${source} is not valid`);
  process.exit(1);
}
const operations = document.operations();
const counted = `${operations.filterBySend().length} sent, ${operations.filterByReceive().length} received`;
console.log(`${source}: AsyncAPI ${document.version()}, ${operations.length} operations (${counted}), valid`);
