"""What a broker is asked about streams and by publishers, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.simulation.bench import Bench

_BATCH = ("Nats_Batch_Id", "Nats_Batch_Sequence", "Nats_Batch_Commit")


async def streams(bench: Bench) -> None:
    """Streams are created once, named by their subjects, and deleted."""
    await bench.ask(f"STREAM.INFO.{bench.stream}")
    await bench.make_stream()
    await bench.make_stream()
    await bench.make_stream(subjects=[bench.subject("a")])
    await bench.ask("STREAM.CREATE.S-other-" + bench.name, bench.stream_config() | {"name": "S-other-" + bench.name})
    await bench.ask("STREAM.NAMES", {"subject": bench.subject("a")})
    await bench.ask("STREAM.NAMES", {"subject": bench.subject("nobodys")})
    await bench.ask(f"STREAM.DELETE.{bench.stream}")
    await bench.ask(f"STREAM.DELETE.{bench.stream}")


async def a_new_life(bench: Bench) -> None:
    """A stream that is made again counts from one, has forgotten its ids, and was created at another time."""
    created = set()
    for _ in range(2):
        await bench.make_stream()
        await bench.store("a", b"1", Nats_Msg_Id="one")
        await bench.store("a", b"1", Nats_Msg_Id="one")
        created.add((await bench.ask(f"STREAM.INFO.{bench.stream}"))["created"])
        await bench.ask(f"STREAM.DELETE.{bench.stream}")
    bench.seen.append(len(created))


async def publishing(bench: Bench) -> None:
    """Messages are numbered over all subjects, an id is stored once in its window, and no stream means no responder."""
    await bench.store("a", b"too early")
    await bench.make_stream(duplicate_window=400_000_000)
    await bench.make_consumer()
    await bench.store("a", b"1", Nats_Msg_Id="one")
    await bench.store("b", b"2")
    await bench.store("b", b"other subject", Nats_Msg_Id="one")
    await bench.store("nobodys", b"3")
    await bench.pull(batch=10, no_wait=True, expires=1, idle_heartbeat=0.3)
    await bench.until_ended()
    await bench.pull(batch=1, expires=0.6)
    await bench.until_ended()
    await bench.store("a", b"after the window", Nats_Msg_Id="one")


async def atomic_batches(bench: Bench) -> None:
    """A batch is stored whole or not at all: never with a gap, never with an id that is stored or comes twice."""
    await bench.make_stream()
    await bench.make_consumer()
    await bench.store("a", b"old", Nats_Msg_Id="old")
    await bench.store("a", b"1", **_in_batch("whole", 1), Nats_Msg_Id="one")
    await bench.send("b", b"2", **_in_batch("whole", 2))
    await bench.store("a", b"3", **_in_batch("whole", 3, commits=True))
    await bench.store("a", b"1", **_in_batch("repeats", 1), Nats_Msg_Id="old")
    await bench.store("a", b"2", **_in_batch("repeats", 2, commits=True))
    await bench.store("a", b"1", **_in_batch("twice", 1), Nats_Msg_Id="same")
    await bench.store("a", b"2", **_in_batch("twice", 2, commits=True), Nats_Msg_Id="same")
    await bench.store("a", b"1", **_in_batch("gap", 1))
    await bench.store("a", b"3", **_in_batch("gap", 3, commits=True))
    await bench.store("a", b"2", **_in_batch("headless", 2, commits=True))
    await bench.store("a", b"1", **_in_batch("single", 1, commits=True))
    await bench.store("a", b"again", Nats_Msg_Id="one")
    await bench.ask(f"STREAM.INFO.{bench.stream}")
    await bench.pull(batch=20, no_wait=True, expires=1, idle_heartbeat=0.3)
    await bench.until_ended()


async def no_atomic_batches(bench: Bench) -> None:
    """A stream that does not take batches says so."""
    await bench.make_stream(allow_atomic=False)
    await bench.store("a", b"1", **_in_batch("refused", 1))


async def purging(bench: Bench) -> None:
    """What is purged is not delivered, and the numbers go on."""
    await bench.make_stream()
    await bench.make_consumer()
    for number in range(5):
        await bench.store("a", str(number).encode())
    await bench.pull(batch=2, expires=2)
    first, _ = await bench.deliveries(2)
    await bench.answer(first, b"+ACK")
    await bench.settled(num_ack_pending=1)
    await bench.ask(f"STREAM.PURGE.{bench.stream}", {"seq": 4})
    await bench.ask(f"STREAM.INFO.{bench.stream}")
    await bench.pull(batch=9, no_wait=True, expires=1, idle_heartbeat=0.3)
    await bench.until_ended()
    await bench.ask(f"STREAM.PURGE.{bench.stream}", {"seq": 9})
    await bench.store("a", b"the sixth")
    await bench.ask(f"STREAM.INFO.{bench.stream}")


async def a_killed_server(bench: Bench) -> None:
    """After kill -9 stored messages and their ids are there, batches that were not committed are not."""
    await bench.make_stream()
    await bench.make_consumer()
    await bench.store("a", b"1", Nats_Msg_Id="one")
    await bench.store("a", b"2", **_in_batch("cut", 1))
    await bench.restart()
    await bench.store("a", b"1", Nats_Msg_Id="one")
    await bench.store("a", b"3", **_in_batch("cut", 2, commits=True))
    await bench.ask(f"STREAM.INFO.{bench.stream}")
    await bench.pull(batch=9, no_wait=True, expires=1, idle_heartbeat=0.3)
    await bench.until_ended()


def _in_batch(identity: str, number: int, *, commits: bool = False) -> dict[str, str]:
    return dict(zip(_BATCH, (identity, str(number), *(["1"] if commits else [])), strict=False))
