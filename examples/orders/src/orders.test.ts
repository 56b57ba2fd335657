// What the shop does without its doors.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { AllocatedSchema, DeallocatedSchema } from "stock-allocation-contract";
import { goesByEvent, Shop } from "./shop.ts";

let folder = "";
let file = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "orders-"));
  file = join(folder, "state.json");
});
afterEach(() => rmSync(folder, { recursive: true }));

const line = { orderId: "lady-lampshade-1", lineId: "RED-CHAIR", sku: "RED-CHAIR", quantity: 3 };
const allocated = (skuSequence: bigint, other = {}) => create(AllocatedSchema, { ...line, ...other, skuSequence });
const deallocated = (skuSequence: bigint) => create(DeallocatedSchema, { ...line, skuSequence });
const heard = ({ lines, units, duplicates, stale }: ReturnType<Shop["figures"]>) => [lines, units, duplicates, stale];

test("an event that was heard before counts once", () => {
  const shop = new Shop(file);
  shop.hear("id-1", allocated(1n));
  shop.hear("id-1", allocated(1n));
  assert.deepEqual(heard(shop.figures()), [1, 3, 1, 0]);
});

test("of a line the event with the highest sku_sequence counts, in whatever order they come", () => {
  const shop = new Shop(file);
  shop.hear("id-9", deallocated(9_007_199_254_740_993n));
  shop.hear("id-8", allocated(9_007_199_254_740_992n));
  assert.deepEqual(heard(shop.figures()), [0, 0, 0, 1]);
});

test("a line that moves is promised once", () => {
  const shop = new Shop(file);
  shop.hear("id-1", allocated(1n, { batchReference: "early" }));
  shop.hear("id-2", deallocated(2n));
  assert.deepEqual(heard(shop.figures()), [0, 0, 0, 0]);
  shop.hear("id-3", allocated(3n, { batchReference: "late" }));
  assert.deepEqual(heard(shop.figures()), [1, 3, 0, 0]);
});

test("lines are told apart by sku, order and line", () => {
  const shop = new Shop(file);
  shop.hear("id-1", allocated(1n));
  shop.hear("id-2", allocated(1n, { lineId: "second" }));
  shop.hear("id-3", allocated(1n, { orderId: "lady-lampshade-3" }));
  shop.hear("id-4", allocated(1n, { sku: "RETRO-CLOCK" }));
  assert.deepEqual(heard(shop.figures()), [4, 12, 0, 0]);
});

test("the latest 10,000 ids are remembered, and an older one is stopped by its sku_sequence", () => {
  const shop = new Shop(file);
  for (let n = 1; n <= 10_001; n++) shop.hear(`id-${n}`, allocated(BigInt(n)));
  assert.equal(shop.seen.size, 10_000);
  shop.hear("id-2", allocated(2n));
  shop.hear("id-1", allocated(1n));
  assert.deepEqual(heard(shop.figures()), [1, 3, 1, 1]);
});

test("a restart goes on where the last run was saved", () => {
  const shop = new Shop(file);
  shop.hear("id-1", allocated(1n));
  const order = shop.take();
  assert.ok(order);
  const restarted = new Shop(file);
  assert.deepEqual(restarted.figures(), shop.figures());
  assert.deepEqual(restarted.waiting, [{ ...order, byRpc: false }]);
  restarted.hear("id-1", allocated(1n));
  assert.equal(restarted.figures().duplicates, 1);
  assert.match(restarted.take()?.orderId ?? "", /-2$/);
});

test("a missing or empty file is a fresh start, a torn one an error that names it", () => {
  const fresh = new Shop(file).figures();
  assert.deepEqual(fresh, {
    lines: 0,
    units: 0,
    duplicates: 0,
    stale: 0,
    orders: 0,
    by_rpc: 0,
    by_event: 0,
    waiting: 0,
  });
  writeFileSync(file, "");
  assert.deepEqual(new Shop(file).figures(), fresh);
  writeFileSync(file, '{"seen":["id-1"],"li');
  assert.throws(() => new Shop(file), /state\.json is no state of this program/);
});

test("a save that was torn leaves the last one in place", () => {
  const shop = new Shop(file);
  shop.take();
  const saved = readFileSync(file, "utf-8");
  writeFileSync(`${file}.new`, saved.slice(0, saved.length / 2));
  assert.deepEqual(new Shop(file).figures(), shop.figures());
});

test("orders are numbered, of one to three skus, every second by RPC", () => {
  const shop = new Shop(file);
  for (let n = 1; n <= 50; n++) {
    const order = shop.take();
    assert.ok(order);
    assert.match(order.orderId, new RegExp(`^[a-z]+-[a-z]+-${n}$`));
    assert.equal(order.byRpc, n % 2 === 0);
    assert.ok(order.lines.length >= 1 && order.lines.length <= 3);
    assert.equal(new Set(order.lines.map(({ sku }) => sku)).size, order.lines.length);
    for (const { quantity } of order.lines) assert.ok(quantity >= 1 && quantity <= 5);
  }
});

test("every order taken is sent once or waits, at most 1,000 of them", () => {
  const shop = new Shop(file);
  for (let n = 1; n <= 1000; n++) assert.ok(shop.take());
  assert.equal(shop.take(), undefined);
  const [first, second] = shop.waiting;
  assert.ok(first && second);
  shop.sent(first, "event");
  shop.sent(second, "rpc");
  assert.ok(shop.take());
  const { orders, by_rpc, by_event, waiting } = new Shop(file).figures();
  assert.deepEqual([orders, by_rpc, by_event, waiting], [1001, 1, 1, 999]);
});

test("a line goes by event when the service cannot decide it, not when it was refused", () => {
  for (const code of ["UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED"]) {
    assert.equal(goesByEvent({ code, reason: undefined }), true, code);
  }
  const refused = (reason: string) => goesByEvent({ code: "FAILED_PRECONDITION", reason });
  assert.equal(refused("REJECTION_REASON_UNKNOWN_SKU"), true);
  assert.equal(refused("REJECTION_REASON_OF_A_LATER_VERSION"), false);
  assert.equal(goesByEvent({ code: "ALREADY_EXISTS", reason: "REJECTION_REASON_LINE_CONFLICT" }), false);
});
