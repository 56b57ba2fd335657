"""Faults of network, service and broker, each done to the real service as a process, with callers and publishers at work."""

from __future__ import annotations

from tests.faults.fault import Fault
from tests.faults.processes import brokers, copies, crashes, messages, network, replays, streams

FAULTS: tuple[Fault, ...] = (
    Fault(
        "killed-before-commit",
        "service killed between fetch and commit of inbound messages",
        crashes.killed_at("while-consuming", after_max=80),
        in_short_form=False,
    ),
    Fault(
        "killed-in-commit",
        "service killed while it commits",
        crashes.killed_at("while-committing", after_max=80),
        in_short_form=False,
    ),
    Fault(
        "killed-before-ack",
        "service killed between commit and ack",
        crashes.killed_at("before-ack", after_max=80),
        in_short_form=False,
    ),
    Fault(
        "killed-after-publishing",
        "service killed between the ack of events and marking them",
        crashes.killed_at("after-publishing", after_max=300),
        in_short_form=False,
    ),
    Fault("killed-again-and-again", "service killed every 0.2 to 2 s", crashes.killed_again_and_again),
    Fault("service-frozen", "service frozen for 15 s", crashes.frozen),
    Fault("unknown-outcomes", "commits of unknown outcome, done or not", crashes.unknown_outcomes),
    Fault("broker-killed", "broker killed every 0.5 s", brokers.killed),
    Fault("own-broker-killed", "the service's own broker killed", brokers.own_killed),
    Fault("broker-frozen", "broker frozen for 20 s", brokers.frozen, in_short_form=False),
    Fault("broker-restored", "broker put back to an old copy", copies.broker_restored),
    Fault("database-restored", "database put back to an old copy", copies.database_restored),
    Fault("acks-lost", "acks of events lost: stored, not told", network.acks_lost),
    Fault("half-open", "connection to the broker half-open", network.half_open, in_short_form=False),
    Fault("silent-network", "network to the broker silent for 40 s", network.silent),
    Fault("slow-lossy-network", "slow, jittering network that cuts connections", network.slow_and_lossy),
    Fault("replies-lost", "answers to RPCs lost", network.replies_lost),
    Fault("poison", "poison among the messages, handlers that crash", messages.poisoned),
    Fault("killed-while-replaying", "service killed while parked messages are replayed", replays.killed_while_replaying),
    Fault("hundred-times-over", "the same messages and calls 100 times over", messages.a_hundred_times_over),
    Fault("event-stream-deleted", "event stream deleted", streams.events_deleted),
    Fault("inbound-stream-deleted", "inbound stream deleted", streams.inbound_deleted),
    Fault("inbound-stream-purged", "inbound stream purged", streams.inbound_purged),
    Fault("consumer-deleted", "consumer deleted", streams.consumer_deleted),
    Fault("remade-by-a-stranger", "event stream and consumer made anew by a stranger", streams.remade_by_a_stranger),
    Fault(
        "inbound-remade-by-a-stranger",
        "inbound stream made anew by a stranger",
        streams.inbound_remade_by_a_stranger,
        in_short_form=False,
    ),
)
