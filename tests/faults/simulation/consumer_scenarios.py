"""What a broker is asked by those who consume, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.simulation.bench import Bench

_NAK_LATER = b'-NAK {"delay": 300000000}'


async def consumers(bench: Bench) -> None:
    """Consumers are created once and deleted."""
    await bench.ask(f"CONSUMER.INFO.{bench.stream}.c")
    await bench.make_stream()
    await bench.ask(f"CONSUMER.INFO.{bench.stream}.c")
    await bench.make_consumer()
    await bench.make_consumer()
    await bench.make_consumer(max_ack_pending=4)
    await bench.ask(f"STREAM.INFO.{bench.stream}")
    await bench.ask(f"CONSUMER.DELETE.{bench.stream}.c")
    await bench.ask(f"CONSUMER.DELETE.{bench.stream}.c")


async def pulls(bench: Bench) -> None:
    """A pull takes what there is, waits for the first message, is told that nothing is left, or expires."""
    await bench.make_stream()
    await bench.make_consumer()
    await bench.pull(batch=5, no_wait=True)
    await bench.until_ended()
    await bench.pull(batch=5, no_wait=True, expires=0.5, idle_heartbeat=0.2)
    await bench.until_ended()
    await bench.pull(batch=5, no_wait=True, expires=1, idle_heartbeat=0.3)
    await bench.store("a", b"1")
    await bench.until_ended()
    for number in range(2, 6):
        await bench.store("b", str(number).encode())
    await bench.pull(batch=3, no_wait=True, expires=1, idle_heartbeat=0.3)
    await bench.deliveries(3)
    await bench.pull(batch=3, no_wait=True, expires=1, idle_heartbeat=0.3)
    await bench.until_ended()
    await bench.pull(batch=3, expires=0.5)
    await bench.until_ended()
    await bench.pull(batch=1, expires=1, idle_heartbeat=0.9)
    await bench.until_ended()
    await bench.ask(f"CONSUMER.INFO.{bench.stream}.c")


async def two_pulls(bench: Bench) -> None:
    """Two pulls are served in turn."""
    await bench.make_stream()
    await bench.make_consumer()
    await bench.pull(batch=2, expires=1)
    await bench.pull(batch=2, expires=1)
    await bench.settled(num_waiting=2)
    for number in range(3):
        await bench.store("a", str(number).encode())
        await bench.deliveries(1)
    await bench.until_ended()


async def a_pull_that_nobody_listens_to(bench: Bench) -> None:
    """A pull is forgotten with its inbox."""
    await bench.make_stream()
    await bench.make_consumer()
    await bench.pull(batch=2, expires=2)
    await bench.settled(num_waiting=1)
    await bench.leave()
    await bench.pull(batch=2, expires=0.5)
    await bench.store("a", b"1")
    await bench.until_ended()


async def acknowledging(bench: Bench) -> None:
    """Acknowledged messages are gone, others come again after ack_wait, and are counted."""
    await bench.make_stream()
    await bench.make_consumer(ack_wait=500_000_000)
    for number in range(4):
        await bench.store("a", str(number).encode())
    await bench.pull(batch=4, expires=2)
    first, second, third, _ = await bench.deliveries(4)
    await bench.answer(first, b"+ACK")
    await bench.answer(third, b"+TERM it was bad")
    await bench.answer(first, b"-NAK")
    await bench.settled(num_ack_pending=2)
    await bench.pull(batch=4, expires=0.7)
    replies = await bench.until_ended()
    await bench.answer(second, b"+ACK")
    await bench.answer(replies[-1], b"")
    await bench.settled(num_ack_pending=0)


async def asking_again(bench: Bench) -> None:
    """What is asked for again comes at once or after its delay; later messages pass it meanwhile."""
    await bench.make_stream()
    await bench.make_consumer()
    for number in range(3):
        await bench.store("a", str(number).encode())
    await bench.pull(batch=1, expires=2)
    (first,) = await bench.deliveries(1)
    await bench.answer(first, _NAK_LATER)
    await bench.pull(batch=2, expires=2)
    second, _ = await bench.deliveries(2)
    await bench.answer(second, b"-NAK")
    await bench.pull(batch=2, expires=2)
    await bench.deliveries(2)
    await bench.settled(num_ack_pending=3)


async def keeping(bench: Bench) -> None:
    """Who says that work goes on, is not interrupted by a redelivery."""
    await bench.make_stream()
    await bench.make_consumer(ack_wait=1_000_000_000)
    await bench.store("a", b"1")
    await bench.pull(batch=1, expires=2)
    (first,) = await bench.deliveries(1)
    for _ in range(3):
        await bench.answer(first, b"+WPI")
        await bench.pull(batch=1, expires=0.5)
        await bench.until_ended()
    await bench.pull(batch=1, expires=2)
    await bench.deliveries(1)


async def the_limit_of_unacknowledged_messages(bench: Bench) -> None:
    """At the limit a pull waits, and is told at its heartbeat that nothing is left; another one is out of turn."""
    await bench.make_stream()
    await bench.make_consumer(max_ack_pending=2)
    for number in range(6):
        await bench.store("a", str(number).encode())
    await bench.pull(batch=5, no_wait=True, expires=2, idle_heartbeat=0.4)
    first, _ = await bench.until_ended()
    await bench.answer(first, b"+ACK")
    await bench.settled(num_ack_pending=1)
    await bench.pull(batch=5, no_wait=True, expires=2, idle_heartbeat=0.4)
    await bench.until_ended()
    await bench.pull(batch=9, expires=0.6)
    await bench.settled(num_waiting=1)
    await bench.pull(batch=5, no_wait=True, expires=2, idle_heartbeat=0.4)
    await bench.until_ended()
    await bench.until_ended()


async def what_is_deleted(bench: Bench) -> None:
    """A waiting pull is told that its consumer is deleted, with its stream or alone; then nobody responds."""
    await bench.make_stream()
    for deleted in (f"CONSUMER.DELETE.{bench.stream}.c", f"STREAM.DELETE.{bench.stream}"):
        await bench.make_consumer()
        await bench.pull(batch=1, expires=3)
        await bench.settled(num_waiting=1)
        await bench.ask(deleted)
        await bench.until_ended()
        await bench.pull(batch=1, expires=3)
        await bench.until_ended()
    await bench.store("a", b"1")


async def readers(bench: Bench) -> None:
    """A reader without acknowledgements begins where it is told to, and reads headers alone."""
    await bench.make_stream()
    for number in range(4):
        await bench.store("a", b"x" * number, Nats_Msg_Id=f"id-{number}")
    config = {
        "deliver_policy": "by_start_sequence",
        "opt_start_seq": 3,
        "ack_policy": "none",
        "replay_policy": "instant",
        "headers_only": True,
        "mem_storage": True,
        "num_replicas": 1,
        "inactive_threshold": 30_000_000_000,
    }
    made = await bench.ask(f"CONSUMER.CREATE.{bench.stream}", {"stream_name": bench.stream, "config": config})
    await bench.pull(made["name"], batch=1000, no_wait=True, expires=1, idle_heartbeat=0.3)
    await bench.until_ended()
