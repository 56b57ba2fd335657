// What the vectors in tests/golden/v1 prove for every language, over each file that lies there.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { createRegistry, fromBinary, fromJson, getOption, hasOption, isFieldSet, toBinary, toJson } from "@bufbuild/protobuf";
import * as contract from "../lib/index.js";

const folder = new URL("../../../tests/golden/v1/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
const goldens = files.map((name) => JSON.parse(readFileSync(new URL(name, folder), "utf-8")));
const registry = createRegistry(...Object.values(contract).filter((each) => each.kind === "message"));
const option = contract.EventOptionsSchema; // describes the contract, and is never sent
const messages = [...registry].filter((each) => each.file.proto.package === option.file.proto.package && each !== option);

test("every message of the contract has its golden file, and every golden file its message", () => {
  assert.notEqual(messages.length, 0, "the package exports no message");
  const names = messages.map((message) => message.typeName);
  assert.deepEqual(goldens.map((golden) => golden.message).sort(), names.sort());
});

test("golden: a zero that is present is among the vectors", () => {
  assert.ok(goldens.some((golden) => golden.vectors.some(({ name }) => name === "zero that is present")));
});

test("golden files cover every subject of the contract", () => {
  const events = goldens.filter((golden) => golden.subject).map((golden) => golden.message.split(".").at(-1));
  assert.deepEqual(events.sort(), Object.keys(contract.subjects).sort());
});

for (const golden of goldens) {
  test(`golden ${golden.message}`, async (t) => {
    const schema = registry.getMessage(golden.message);
    assert.ok(schema, `the package does not export ${golden.message}`);
    await t.test("golden: the vectors that say most are there", () => {
      const names = golden.vectors.map(({ name }) => name);
      for (const name of ["nothing set", "everything set", "from a later version"]) {
        assert.ok(names.includes(name), `no vector "${name}"`);
      }
    });

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
    const isEvent = hasOption(schema, contract.event);
    await t.test("golden: an event, and no other message, has a subject, headers and attributes", () => {
      for (const key of ["subject", "headers", "attributes"]) {
        assert.equal(Object.keys(golden[key] ?? {}).length > 0, isEvent, key);
      }
    });
    await t.test("golden: the subject is that of the constant, and of the option", () => {
      assert.equal(contract.subjects[schema.name], golden.subject);
      assert.equal(getOption(schema, contract.event).subject, golden.subject ?? "");
    });
    if (isEvent) {
      await t.test("golden: headers are percent-decoded into attributes", () => {
        const attributes = Object.entries(golden.headers ?? {})
          .filter(([name]) => name.startsWith("ce-"))
          .map(([name, value]) => [name.slice("ce-".length), decodeURIComponent(value)]);
        assert.deepEqual(Object.fromEntries(attributes), golden.attributes);
      });
      await t.test("golden: the headers name the message, and its id twice", () => {
        assert.equal(golden.headers?.["ce-type"], golden.message);
        assert.ok(golden.headers?.["ce-id"], "no ce-id");
        assert.equal(golden.headers["Nats-Msg-Id"], golden.headers["ce-id"]);
      });
    }
  });
}
