"""The broker adapter against real nats-server processes."""
