// What the shop knows, and its rules; no doors. A file keeps it: what is not saved has not happened.
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type { Allocated, Deallocated } from "stock-allocation-contract";

const SEEN_MAX = 10_000;
const WAITING_MAX = 1000;
const CUSTOMERS = ["baron-bookcase", "count-credenza", "lady-lampshade", "mister-ottoman"];
const SKUS = ["RED-CHAIR", "SMALL-TABLE", "TASTELESS-LAMP", "RETRO-CLOCK", "MISBEGOTTEN-RUG"];
const pick = (limit: number) => Math.floor(Math.random() * limit);

type Line = { sku: string; quantity: number };
/** `lines` are still to be sent; `kept` counts those that the service has kept, allocated or backordered. */
export type Order = { orderId: string; eventId: string; byRpc: boolean; lines: Line[]; kept: number };

export class Shop {
  seen = new Set<string>(); // the latest ce-ids, the oldest first
  lines: Record<string, { sequence: string; promised: number }> = {};
  counts = { duplicates: 0, stale: 0, orders: 0, by_rpc: 0, by_event: 0 };
  waiting: Order[] = []; // taken, and not yet gone out
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
    const text = existsSync(file) ? readFileSync(file, "utf-8") : "";
    try {
      Object.assign(this, JSON.parse(text || "{}"));
    } catch (error) {
      throw new Error(`${file} is no state of this program (${error}); to start afresh, remove it`);
    }
    this.seen = new Set(this.seen);
    // Whoever asked for these has ended, perhaps before the answer: as an event they are safe to repeat.
    for (const order of this.waiting) order.byRpc = false;
  }

  save(): void {
    writeFileSync(`${this.#file}.new`, JSON.stringify({ ...this, seen: [...this.seen] }), { flush: true });
    renameSync(`${this.#file}.new`, this.#file);
  }

  /** Lets an event count, unless it was heard before or something newer of its line was. */
  hear(id: string, event: Allocated | Deallocated): void {
    if (this.seen.has(id)) return void this.counts.duplicates++;
    const [oldest = ""] = this.seen.add(id);
    if (this.seen.size > SEEN_MAX) this.seen.delete(oldest);
    const key = JSON.stringify([event.sku, event.orderId, event.lineId]);
    if (event.skuSequence <= BigInt(this.lines[key]?.sequence ?? 0)) return void this.counts.stale++;
    const promised = event.$typeName === "stock.allocation.v1.Allocated" ? event.quantity : 0;
    this.lines[key] = { sequence: String(event.skuSequence), promised };
  }

  figures() {
    const promises = Object.values(this.lines).filter(({ promised }) => promised > 0);
    const units = promises.reduce((sum, { promised }) => sum + promised, 0);
    return { lines: promises.length, units, ...this.counts, waiting: this.waiting.length };
  }

  /** Takes the next order, unless too many wait. It is saved before it is sent: no number is used twice, none is lost. */
  take(): Order | undefined {
    if (this.waiting.length >= WAITING_MAX) return undefined;
    const n = ++this.counts.orders;
    const lines = SKUS.slice(pick(SKUS.length))
      .slice(0, 1 + pick(3))
      .map((sku) => ({ sku, quantity: 1 + pick(5) }));
    const orderId = `${CUSTOMERS[pick(CUSTOMERS.length)]}-${n}`;
    const order = { orderId, eventId: randomUUID(), byRpc: n % 2 === 0, lines, kept: 0 };
    this.waiting.push(order);
    this.save();
    return order;
  }

  sent(order: Order, by: "rpc" | "event"): void {
    this.waiting.splice(this.waiting.indexOf(order), 1);
    this.counts[`by_${by}`]++;
    this.save();
  }
}

// ABORTED is Connect's word for a connection that broke under a call; the service never says it.
export const goesByEvent = ({ code, reason }: { code: string; reason: string | undefined }) =>
  ["UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED"].includes(code) ||
  reason === "REJECTION_REASON_UNKNOWN_SKU";
