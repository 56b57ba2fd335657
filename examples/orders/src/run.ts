// Takes orders, sends them, and follows what is promised. It may end between any two lines: shop.ts remembers.
import { setTimeout as pause } from "node:timers/promises";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { AckPolicy, type Consumer, DeliverPolicy, type JsMsg, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { type NatsConnection, nanos } from "@nats-io/transport-node";
import * as contract from "stock-allocation-contract";
import { allocation, connectBroker, failure, print, publish } from "./doors.ts";
import { goesByEvent, type Order, Shop } from "./shop.ts";

const STREAM = "ALLOCATION_EVENTS";

export async function run(name: string, file: string, seconds: number): Promise<number> {
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));
  const shop = new Shop(file);
  print({ figures: shop.figures() });
  // Pings find a dead connection within 6 s; -1: it is never given up.
  const patience = { waitOnFirstConnect: true, maxReconnectAttempts: -1, pingInterval: 2000, maxPingOut: 2 };
  const broker = connectBroker(patience);
  await Promise.all([takeOrders(shop, seconds), publishOrders(shop, broker), follow(shop, broker, name)]);
  return 0;
}

async function takeOrders(shop: Shop, seconds: number): Promise<void> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await pause(100)) {
    const order = shop.take();
    if (order?.byRpc) void askFor(shop, order);
  }
}

/** Asks for each line; those that the service did not decide are left to publishOrders. */
async function askFor(shop: Shop, order: Order): Promise<void> {
  const states: contract.LineState[] = [];
  const undecided: Order["lines"] = [];
  for (const line of order.lines) {
    try {
      const answer = await allocation.allocate({ orderId: order.orderId, ...line }, { timeoutMs: 2000 });
      states.push(answer.line?.state ?? 0);
    } catch (error) {
      console.error(`${order.orderId}, ${line.sku}: ${error}`);
      if (goesByEvent(failure(error))) undecided.push(line);
    }
  }
  const kept = states.filter((each) => each !== contract.LineState.OUT_OF_STOCK).length;
  Object.assign(order, { byRpc: false, lines: undecided, kept });
  if (undecided.length > 0) return;
  const [state] = [...states.filter((each) => each !== contract.LineState.ALLOCATED), ...states];
  shop.sent(order, "rpc");
  print({ order_id: order.orderId, by: "rpc", kept, state: state && contract.LineStateSchema.value[state]?.name });
}

async function publishOrders(shop: Shop, connecting: Promise<NatsConnection>): Promise<never> {
  for (const broker = await connecting; ; await pause(100)) {
    for (const order of shop.waiting.filter(({ byRpc }) => !byRpc)) {
      const event = create(contract.OrderPlacedSchema, { orderId: order.orderId, lines: order.lines });
      const data = toBinary(contract.OrderPlacedSchema, event);
      try {
        await publish(broker, contract.subjects.OrderPlaced, event.$typeName, data, order.eventId);
        shop.sent(order, "event");
        print({ order_id: order.orderId, by: "event", kept: order.kept + order.lines.length });
      } catch (error) {
        console.error(`${order.orderId} waits for the broker: ${error}`);
        await pause(1000);
      }
    }
  }
}

async function follow(shop: Shop, connecting: Promise<NatsConnection>, name: string): Promise<never> {
  const broker = await connecting;
  let printed = JSON.stringify({ figures: shop.figures() });
  for (let consumer: Consumer | undefined; ; ) {
    const batch: JsMsg[] = [];
    try {
      consumer ??= await durable(broker, name);
      const messages = await consumer.fetch({ max_messages: 100, expires: 1000 });
      const bound = setTimeout(() => messages.stop(new Error("no answer for 5 s")), 5000);
      for await (const message of messages) batch.push(message);
      clearTimeout(bound);
    } catch (error) {
      console.error(`waiting for ${STREAM}: ${error}`);
      consumer = undefined; // the next turn looks for it anew
      await pause(1000);
    }
    for (const message of batch) {
      const event = decode(message);
      if (event) shop.hear(message.headers?.get("ce-id") || `${message.seq}`, event);
    }
    if (batch.length > 0) shop.save();
    for (const message of batch) message.ack();
    const figures = JSON.stringify({ figures: shop.figures() });
    if (batch.length > 0 || figures !== printed) console.log(figures);
    printed = figures;
  }
}

async function durable(broker: NatsConnection, name: string): Promise<Consumer> {
  const filter_subjects = [contract.subjects.Allocated, contract.subjects.Deallocated];
  const ack_wait = nanos(10_000); // then what was not acked comes again
  const config = { ack_policy: AckPolicy.Explicit, deliver_policy: DeliverPolicy.All, ack_wait, filter_subjects };
  const { consumers } = await jetstreamManager(broker, { checkAPI: false });
  const created = consumers.add(STREAM, { durable_name: name, ...config });
  // The client does not send "create or update": an existing consumer that differs is an error, and then updated.
  return jetstream(broker).consumers.getConsumerFromInfo(
    await created.catch(() => consumers.update(STREAM, name, config)),
  );
}

/** Answers nothing for an event that it does not know or cannot read: the next one is served. */
function decode({ headers, data, seq }: JsMsg) {
  const schemas = [contract.AllocatedSchema, contract.DeallocatedSchema];
  const schema = schemas.find(({ typeName }) => typeName === headers?.get("ce-type"));
  try {
    return schema && fromBinary(schema, data);
  } catch (error) {
    console.error(`message ${seq} of ${STREAM} is left out: ${error}`);
    return undefined;
  }
}
