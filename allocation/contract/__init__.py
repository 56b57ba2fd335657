"""The only place that knows both the protobuf contract and the domain: what comes in, what goes out, what is malformed."""
