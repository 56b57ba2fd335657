"""The real service on a virtual clock, between a simulated broker, store and network that fail by seeded chance.

What is real: the doors, the adapters to JetStream, group commit, bus, handlers, domain, contract and the store in memory.
What is simulated: time, the nats-server and the connection to it, when and whether the store commits, gRPC's wire, death.
`python -m tests.faults.simulation --help` runs histories of it; a seed replays exactly.
"""
