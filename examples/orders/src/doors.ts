// The two doors of the allocation service: gRPC, and events on NATS JetStream.
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { jetstream } from "@nats-io/jetstream";
import { type ConnectionOptions, connect, headers, type NatsConnection } from "@nats-io/transport-node";
import { AllocationService, ErrorInfoSchema, Health } from "stock-allocation-contract";

const { GRPC_TARGET = "127.0.0.1:50051", NATS_URL = "nats://127.0.0.1:4222" } = process.env;
const transport = createGrpcTransport({ baseUrl: `http://${GRPC_TARGET}`, defaultTimeoutMs: 5000 });
export const allocation = createClient(AllocationService, transport);
export const health = createClient(Health, transport);
export const connectBroker = (options?: ConnectionOptions) => connect({ servers: NATS_URL, timeout: 5000, ...options });
export const print = (line: object) => console.log(JSON.stringify(line));

/** What a failed call says to machines: its code, and the typed reason if the service gave one. */
export function failure(error: unknown) {
  const status = ConnectError.from(error);
  const code = Code[status.code].replace(/\B[A-Z]/g, "_$&").toUpperCase();
  return { code, reason: status.findDetails(ErrorInfoSchema)[0]?.reason };
}

/** Publishes an event and waits until the stream has it. Repeated with the same id, it takes effect once. */
export function publish(broker: NatsConnection, subject: string, type: string, event: Uint8Array, id: string) {
  const attributes = { specversion: "1.0", id, source: "/orders", type, datacontenttype: "application/protobuf" };
  const envelope = headers();
  for (const [name, value] of Object.entries(attributes)) envelope.set(`ce-${name}`, value);
  return jetstream(broker).publish(subject, event, { headers: envelope, msgID: id, timeout: 5000 });
}
