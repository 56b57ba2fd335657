// What the vectors in tests/golden/v1 prove for every language, over each file that lies there.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { createRegistry, fromBinary, fromJson, getOption, isFieldSet, toBinary, toJson } from "@bufbuild/protobuf";
import * as contract from "../lib/index.js";

const folder = new URL("../../../tests/golden/v1/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
const registry = createRegistry(...Object.values(contract).filter((each) => each.kind === "message"));
const goldens = files.map((name) => JSON.parse(readFileSync(new URL(name, folder), "utf-8")));

test("golden files are there, with the vectors that say most", () => {
  assert.notEqual(files.length, 0, `no vectors in ${folder.pathname}`);
  const names = new Set(goldens.flatMap((golden) => golden.vectors.map((vector) => vector.name)));
  for (const name of ["nothing set", "everything set", "zero that is present", "from a later version"]) {
    assert.ok(names.has(name), `no vector "${name}"`);
  }
});

test("golden files cover every event of the contract", () => {
  const events = goldens.filter((golden) => golden.subject).map((golden) => golden.message.split(".").at(-1));
  assert.deepEqual(events.sort(), Object.keys(contract.subjects).sort());
});

for (const golden of goldens) {
  test(`golden ${golden.message}`, async (t) => {
    const schema = registry.getMessage(golden.message);
    assert.ok(schema, `the package does not export ${golden.message}`);
    assert.notEqual(golden.vectors.length, 0, "no vectors");

    for (const { name, wire, json } of golden.vectors) {
      await t.test(`golden: ${name} is read`, () => {
        const message = fromBinary(schema, Buffer.from(wire, "hex"));
        assert.deepEqual(toJson(schema, message, { registry }), json);
      });
      if (name !== "from a later version") {
        await t.test(`golden: ${name} is written`, () => {
          const bytes = toBinary(schema, fromJson(schema, json, { registry }));
          assert.equal(Buffer.from(bytes).toString("hex"), wire);
        });
      }
    }
    const present = golden.vectors.find(({ name }) => name === "zero that is present");
    if (present) {
      await t.test("golden: a quantity of 0 that was sent is there, one that was not is absent", () => {
        const sent = fromBinary(schema, Buffer.from(present.wire, "hex"));
        assert.equal(isFieldSet(sent, schema.field.quantity), true);
        assert.equal(sent.quantity, 0);
        assert.equal(isFieldSet(fromBinary(schema, new Uint8Array()), schema.field.quantity), false);
      });
    }
    await t.test("golden: the subject is that of the constant, and of the option", () => {
      assert.equal(contract.subjects[schema.name], golden.subject);
      assert.equal(getOption(schema, contract.event).subject, golden.subject ?? "");
    });
    await t.test("golden: headers are percent-decoded into attributes", () => {
      const attributes = Object.entries(golden.headers ?? {})
        .filter(([name]) => name.startsWith("ce-"))
        .map(([name, value]) => [name.slice("ce-".length), decodeURIComponent(value)]);
      assert.deepEqual(Object.fromEntries(attributes), golden.attributes ?? {});
    });
  });
}
