// Facts go to standard output, one JSON object a line; what is meant for people goes to standard error.
import { randomUUID } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator } from "@bufbuild/protovalidate";
import * as contract from "stock-allocation-contract";
import { allocation, connectBroker, failure, health, print, publish } from "./doors.ts";
import { run } from "./run.ts";

async function tryOut(name: string): Promise<number> {
  try {
    const { status } = await health.check({ service: "" });
    print({ health: contract.HealthCheckResponse_ServingStatus[status] });
    const [batchReference, sku, orderId] = [`${name}-batch`, `${name}-sku`, `${name}-1`];
    const { batch } = await allocation.createBatch({ batchReference, sku, purchasedQuantity: 10 });
    print({ batch_reference: batch?.batchReference, purchased_quantity: batch?.purchasedQuantity });
    const { line } = await allocation.allocate({ orderId, sku, quantity: 3 });
    const state = contract.LineStateSchema.value[line?.state ?? 0]?.name;
    print({ order_id: line?.orderId, line_id: line?.lineId, state, batch_reference: line?.batchReference });
    const unknown = allocation.allocate({ orderId, sku: `${name}-unknown`, quantity: 1 });
    const refusal = await unknown.then(() => ({ code: "OK", reason: undefined }), failure);
    print(refusal);
    return refusal.reason === "REJECTION_REASON_UNKNOWN_SKU" ? 0 : 1;
  } catch (error) {
    print(failure(error));
    return 1;
  }
}

async function damage(batchReference: string, quantity: number): Promise<number> {
  const event = create(contract.BatchQuantityChangedSchema, { batchReference, quantity });
  // The service would set a broken message aside, and its publisher would not hear of it.
  const { violations } = createValidator().validate(contract.BatchQuantityChangedSchema, event);
  if (violations) {
    print({ violations: [...new Set(violations.map(({ field }) => pathToString(field)))] });
    return 2;
  }
  const [subject, data] = [
    contract.subjects.BatchQuantityChanged,
    toBinary(contract.BatchQuantityChangedSchema, event),
  ];
  const ack = await publish(await connectBroker(), subject, event.$typeName, data, randomUUID());
  print({ subject, stream_sequence: ack.seq });
  return 0;
}

async function main([command = "", ...values]: string[]): Promise<number> {
  const [name = "", second = "", seconds = ""] = values;
  const isInt32 = /^-?\d+$/.test(second) && Number(second) === (Number(second) | 0);
  const canRun = /^[^\s.*>/\\]+$/.test(name) && second !== "" && /^\d+(\.\d+)?$/.test(seconds);
  if (command === "try" && values.length === 1) return tryOut(name);
  if (command === "damage" && values.length === 2 && isInt32) return damage(name, Number(second));
  if (command === "run" && values.length === 3 && canRun) return run(name, second, Number(seconds));
  console.error(`orders: cannot do ${JSON.stringify(process.argv.slice(2))}. Usage: orders try NAME
       orders damage BATCH_REFERENCE QUANTITY   (a whole number from -2147483648 to 2147483647)
       orders run NAME STATE_FILE SECONDS       (NAME without spaces and . * > / \\; SECONDS 0 or more)`);
  return 64;
}

const failed = (error: unknown) => console.error(`orders: ${error}`);
process.exit((await main(process.argv.slice(2)).catch(failed)) ?? 1);
