"""A JetStream in memory, at the level of its wire: the subjects, headers and JSON that our adapters and nats-py meet.

What a client can observe of the part of JetStream that the service uses is as nats-server 2.15.1 has it; test_simulated_broker
compares the two. What it does not simulate it refuses loudly.
"""
