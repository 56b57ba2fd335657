// Generated from the options of the event messages in protos/. DO NOT EDIT.
export * from "./subjects.js";
export * from "./stock/allocation/v1/batch_pb.js";
export * from "./stock/allocation/v1/line_pb.js";
export * from "./stock/allocation/v1/allocation_service_pb.js";
export * from "./stock/allocation/v1/errors_pb.js";
export * from "./stock/allocation/v1/options_pb.js";
export * from "./stock/allocation/v1/events_pb.js";
export * from "./stock/allocation/v1/inbound_events_pb.js";
export * from "./google/rpc/error_details_pb.js";
export * from "./grpc_health/v1/health_pb.js";
