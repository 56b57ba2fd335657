// The constraints of the protos travel with the messages: protovalidate finds them in this package.
import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator } from "@bufbuild/protovalidate";
import { AllocateRequestSchema, BatchQuantityChangedSchema, OrderPlacedSchema } from "../lib/index.js";

const validator = createValidator();

function brokenFields(schema, content) {
  const result = validator.validate(schema, create(schema, content));
  assert.notEqual(result.kind, "error", result.error);
  return (result.violations ?? []).map((violation) => pathToString(violation.field));
}

const kept = [
  [BatchQuantityChangedSchema, { batchReference: "batch-1", quantity: 0 }],
  [AllocateRequestSchema, { orderId: "order 1", sku: "MISBEGOTTEN-RÜG", quantity: 1 }],
  [AllocateRequestSchema, { orderId: "o".repeat(128), lineId: "", sku: "s", quantity: 2147483647 }],
  [OrderPlacedSchema, { orderId: "order-1", lines: [{ sku: "RED-CHAIR", quantity: 1 }] }],
];
for (const [schema, content] of kept) {
  test(`a ${schema.name} keeps the constraints: ${JSON.stringify(content).slice(0, 60)}`, () => {
    assert.deepEqual(brokenFields(schema, content), []);
  });
}

const broken = [
  [BatchQuantityChangedSchema, { batchReference: "batch-1" }, ["quantity"]],
  [BatchQuantityChangedSchema, { batchReference: "batch-1", quantity: -1 }, ["quantity"]],
  [BatchQuantityChangedSchema, { batchReference: "", quantity: 1 }, ["batch_reference"]],
  [AllocateRequestSchema, { orderId: "o".repeat(129), sku: "s", quantity: 0 }, ["order_id", "quantity"]],
  [AllocateRequestSchema, { orderId: "one\u0007", sku: "s", quantity: 1 }, ["order_id"]],
  [OrderPlacedSchema, { orderId: "order-1" }, ["lines"]],
  [OrderPlacedSchema, { orderId: "order-1", lines: [{ sku: "s", quantity: 1 }, { quantity: 1 }] }, ["lines[1].sku"]],
];
for (const [schema, content, fields] of broken) {
  test(`a ${schema.name} breaks the constraints of ${fields}: ${JSON.stringify(content).slice(0, 60)}`, () => {
    assert.deepEqual(brokenFields(schema, content), fields);
  });
}
