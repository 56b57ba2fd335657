"""The whole service as its users meet it: a process, gRPC calls, and NATS messages from clients that know nothing of us."""
