"""Many callers at once allocate from one sku while its batches shrink and grow: nothing is oversold, no answer is a lie."""

from __future__ import annotations

import asyncio
import random
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from allocation.domain.commands import ChangeBatchQuantity, Command, CreateBatch
from allocation.domain.order_line import LineState, LineStatus
from allocation.entrypoints.continuation import Continuation
from allocation.service_layer.group_commit import GroupCommit
from allocation.service_layer.messagebus import GroupOutcome, MessageBus
from tests.integration.stores.books import books_of
from tests.unit.house import TOMORROW, allocate, asked, recorder
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.stores.examples import Opened

RUG = "GARISH-RUG"
BATCHES = ("batch-a", "batch-b", "batch-c")


@pytest.mark.parametrize("steps_max", [3, 1_000])
async def test_callers_in_any_order_never_oversell(opened: Opened, path: Path, steps_max: int) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    luck = random.Random(seed)  # noqa: S311 - a game, no secret
    answers = await play(opened, luck, steps_max)

    books = books_of(opened, path)
    books.check()
    books.check_finished()
    for status in answers:
        kept = books.lines.get((status.line.order_id, status.line.line_id))
        assert (kept is None) == (status.state is LineState.OUT_OF_STOCK), "kept exactly if it was promised"
    changed = [event for event in books.told() if event[0] == "Deallocated"]
    assert changed, "the game was worth playing"


async def play(opened: Opened, luck: random.Random, steps_max: int) -> list[LineStatus]:
    """Let callers begin in a random order, and answer what they were told once everything has come to its end."""
    group_commit, continuation = service(opened, luck.choice([1, 4, 64]), steps_max)
    serving, continuing = group_commit.start(), asyncio.create_task(continuation.run())
    for number, reference in enumerate(BATCHES):
        await group_commit.submit(asked(CreateBatch(reference, RUG, 40, TOMORROW if number else None)))
    commands: list[Command] = [allocate(f"order-{number}", RUG, luck.randint(1, 4)) for number in range(150)]
    commands += [ChangeBatchQuantity(luck.choice(BATCHES), luck.randint(0, 60)) for _ in range(60)]
    luck.shuffle(commands)

    async def call(command: Command, yields: int) -> object:
        for _ in range(yields):
            await asyncio.sleep(0)
        return await group_commit.submit(asked(command))

    answers = await asyncio.gather(*(call(command, luck.randint(0, 60)) for command in commands))

    async def is_finished() -> bool:
        assert not continuing.done()
        return not await opened.reader.unfinished(1)

    await eventually(is_finished)
    continuing.cancel()
    with suppress(asyncio.CancelledError):
        await continuing
    await group_commit.close()
    await serving
    return [answer for answer in answers if isinstance(answer, LineStatus)]


def service(opened: Opened, group_max: int, steps_max: int) -> tuple[GroupCommit, Continuation]:
    """Put a group commit and the door for unfinished work together."""
    bus = MessageBus(recorder(), promises_per_transaction_max=steps_max)

    def committed(outcome: GroupOutcome) -> None:
        if outcome.leaves_unfinished:
            continuation.wake()

    group_commit = GroupCommit(opened.store, bus, committed, group_commands_max=group_max, waiting_commands_max=1_000)
    continuation = Continuation(group_commit, opened.reader, poll_seconds=0.2)
    return group_commit, continuation
