// Renders docs/asyncapi.yaml as one page that needs no network: node render.mjs OUTPUT.html
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { stringify } from "@asyncapi/parser";
import { read } from "./document.mjs";

const [output] = process.argv.slice(2);
if (!output) {
  console.error("usage: node render.mjs OUTPUT.html");
  process.exit(2);
}
const { document, diagnostics } = await read();
if (!document) {
  console.error(diagnostics.map(({ line }) => line).join("\n"));
  process.exit(1);
}

const require = createRequire(import.meta.url);
const component = (name) => readFile(require.resolve(`@asyncapi/react-component/${name}`), "utf8");
const script = await component("browser/standalone/without-parser.js");
const styles = await component("styles/default.min.css");
const config = {
  show: { sidebar: true, errors: false, schemas: false },
  expand: { messageExamples: true },
};
// Inside a script only `<` could end it.
const literal = (value) => JSON.stringify(value).replaceAll("<", "\\u003c");

await writeFile(
  output,
  `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${document.info().title()} ${document.info().version()}</title>
<style>${styles}</style>
<style>
body { margin: 0; font-family: system-ui, sans-serif; }
.prose code::before, .prose code::after { content: none !important; }
.lowercase { text-transform: none !important; }
.panel--center { min-width: 0; }
.examples pre { white-space: pre-wrap; overflow-wrap: anywhere; }
</style>
</head>
<body>
<div id="asyncapi"></div>
<script>${script}</script>
<script>
const page = document.getElementById("asyncapi");
// The component begins with every payload folded, has no setting for that, and folds them again while it starts.
const rowOf = (button) => button.parentElement.parentElement;
const folded = () => [...page.querySelectorAll("button")].filter(
  (button) => button.textContent === "Payload" && rowOf(button).textContent.includes("Expand all"));
const unfold = (frames) => {
  folded().forEach((button) => button.click());
  if (frames > 0) requestAnimationFrame(() => unfold(frames - 1));
  else document.getElementById(location.hash.slice(1))?.scrollIntoView();
};
AsyncApiStandalone.render({ schema: ${literal(stringify(document))}, config: ${literal(config)} }, page);
unfold(60);
</script>
</body>
</html>
`,
);
