"""The door for the service's own durable commands: what a transaction had to leave is done, whatever comes between."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from allocation.domain.commands import ChangeBatchQuantity, ContinuePromising, CreateBatch, PlaceOrder
from allocation.domain.order_line import LineState, OrderLine
from allocation.entrypoints.continuation import Continuation
from allocation.service_layer.envelope import Envelope
from allocation.service_layer.store import OutcomeUnknownError, StoreUnavailableError
from tests.integration.doors.parts import Parts, running_parts
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SKUS = ("SMALL-TABLE", "LARGE-TABLE", "TEASPOON")
LINES = 23


@asynccontextmanager
async def running(parts: Parts) -> AsyncIterator[Continuation]:
    continuation = Continuation(parts.group_commit, parts.store, poll_seconds=60.0)
    task = asyncio.create_task(continuation.run())
    yield continuation
    task.cancel()
    await asyncio.wait({task})


async def leave_work(parts: Parts) -> None:
    """Take the stock of many lines away, in a house that moves five lines in a transaction."""
    for sku in SKUS:
        lines = tuple(OrderLine(f"order of {sku}", f"{number:02}", sku, 1) for number in range(LINES))
        for command in (
            CreateBatch(f"old {sku}", sku, LINES),
            PlaceOrder(lines[0].order_id, lines),
            ChangeBatchQuantity(f"old {sku}", 0),
            CreateBatch(f"new {sku}", sku, LINES),
        ):
            await parts.group_commit.submit(Envelope(command, f"correlation of {sku}", "causation"))
    assert sorted(parts.store.commands) == sorted(SKUS)


async def assert_all_is_done(parts: Parts) -> None:
    await eventually(lambda: not parts.store.commands)
    assert {kept.state for kept in parts.store.kept.values()} == {LineState.ALLOCATED}
    assert {kept.batch_reference for kept in parts.store.kept.values()} == {f"new {sku}" for sku in SKUS}


@pytest.fixture
async def parts() -> AsyncIterator[Parts]:
    """A house that moves five lines in a transaction."""
    async with running_parts(promises_per_transaction_max=5) as running:
        yield running


async def test_it_goes_on_until_nothing_is_left_on_account_of_what_began_it(parts: Parts) -> None:
    async with running(parts) as continuation:
        await asyncio.sleep(0)
        await leave_work(parts)
        continuation.wake()
        await assert_all_is_done(parts)
    assert {(event.sku, event.correlation_id) for event in parts.store.log} == {(sku, f"correlation of {sku}") for sku in SKUS}
    alone = [group for group in parts.bus.groups if any(isinstance(command, ContinuePromising) for command in group)]
    assert {len(group) for group in alone} == {1}


async def test_what_was_left_by_an_earlier_life_is_done_at_the_start(parts: Parts) -> None:
    await leave_work(parts)
    async with running(parts):
        await assert_all_is_done(parts)


@pytest.mark.parametrize("trouble", [StoreUnavailableError("away"), OutcomeUnknownError("lost")])
async def test_it_survives_a_store_in_trouble(parts: Parts, trouble: Exception) -> None:
    await leave_work(parts)
    parts.store.troubles.extend([None, None, trouble])
    async with running(parts):
        await assert_all_is_done(parts)


@pytest.mark.parametrize("damage", ["no lines are on the batch", "its lines have more units than it has promised"])
async def test_a_sku_that_gets_no_further_is_told_once_and_keeps_nobody_up(parts: Parts, damage: str) -> None:
    await leave_work(parts)
    sku = min(SKUS)
    for key, kept in list(parts.store.kept.items()):
        if kept.batch_reference == f"old {sku}" and damage.startswith("no lines"):
            del parts.store.kept[key]
        elif kept.batch_reference == f"old {sku}":
            kept.line = replace(kept.line, quantity=5)
    with capture_logs() as logged:
        continuation = Continuation(parts.group_commit, parts.store, poll_seconds=0.01)
        task = asyncio.create_task(continuation.run())
        await eventually(lambda: list(parts.store.commands) == [sku])
        rows, tries = len(parts.store.log), len(parts.bus.groups)
        await eventually(lambda: len(parts.bus.groups) >= tries + 5)
        assert len(parts.store.log) == rows, "the log does not grow"
        task.cancel()
        await asyncio.wait({task})
    told = [line for line in logged if line["event"] == "a sku is stuck: new lines of it are promised nothing"]
    assert [(line["sku"], line["command"], line["log_level"]) for line in told] == [
        (sku, "allocation verify --repair", "error")
    ]


async def test_a_sku_that_was_repaired_goes_on(parts: Parts) -> None:
    await leave_work(parts)
    sku = min(SKUS)
    kept = {key: line for key, line in parts.store.kept.items() if line.batch_reference == f"old {sku}"}
    for key in kept:
        del parts.store.kept[key]
    continuation = Continuation(parts.group_commit, parts.store, poll_seconds=0.01)
    task = asyncio.create_task(continuation.run())
    await eventually(lambda: list(parts.store.commands) == [sku])
    parts.store.kept.update(kept)
    await assert_all_is_done(parts)
    task.cancel()
    await asyncio.wait({task})


async def test_it_ends_in_the_moment_in_which_it_is_woken(parts: Parts) -> None:
    continuation = Continuation(parts.group_commit, parts.store, poll_seconds=60.0)
    task = asyncio.create_task(continuation.run())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    continuation.wake()
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=5)
    task.cancel()
    await asyncio.wait({task})
    assert done
