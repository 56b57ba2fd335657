"""The ports to the message broker, kept by NATS JetStream: the only place that knows nats-py and JetStream's own words.

Nothing of nats-py leaks out: whatever goes wrong is one of the errors that the ports name.
"""
