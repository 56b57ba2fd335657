"""A nats-server with JetStream that lives and dies with the service, on a store inside the data folder."""

from allocation.adapters.embedded_broker.broker import EmbeddedBroker

__all__ = ["EmbeddedBroker"]
