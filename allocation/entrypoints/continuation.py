"""The door for the service's own durable commands: goes on with every sku that a transaction left unfinished."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from allocation.domain.commands import ContinuePromising
from allocation.service_layer.envelope import Envelope
from allocation.service_layer.errors import CrashedError, ShuttingDownError
from allocation.service_layer.store import OutcomeUnknownError, StoreUnavailableError

if TYPE_CHECKING:
    from allocation.service_layer.group_commit import GroupCommit
    from allocation.service_layer.views import Reader

log = structlog.get_logger()
_SKUS_AT_ONCE = 100
_RETRY_SECONDS = 1.0


class Continuation:
    """Carries out `ContinuePromising` for each unfinished sku until none gets any further, then waits to be woken.

    A sku that gets no further has counters that are not what its lines say. That is told once; it is tried again now and
    then, for a repair may have been made, and whenever something was left unfinished.
    """

    def __init__(self, group_commit: GroupCommit, reader: Reader, *, poll_seconds: float) -> None:
        self._group_commit = group_commit
        self._reader = reader
        self._poll_seconds = poll_seconds
        self._woken = asyncio.Event()
        self._stuck: set[str] = set()
        self._told: set[str] = set()

    def wake(self) -> None:
        """Say that something was left unfinished."""
        self._woken.set()

    async def run(self) -> None:
        """Serve until cancelled."""
        while True:
            self._woken.clear()
            self._stuck.clear()
            try:
                while await self._continue_all():
                    pass
            except ShuttingDownError:
                return
            except (StoreUnavailableError, OutcomeUnknownError) as error:
                log.warning("could not continue, trying again", error=str(error), retry_seconds=_RETRY_SECONDS)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await self._woken.wait()

    async def _continue_all(self) -> bool:
        """Go a step further with every sku that is not stuck; False if there is none."""
        unfinished = await self._reader.unfinished(_SKUS_AT_ONCE + len(self._stuck))
        todo = [left for left in unfinished if left.sku not in self._stuck]
        waiting = [
            await self._group_commit.enqueue(
                Envelope(ContinuePromising(left.sku), left.correlation_id, left.causation_id), alone=True
            )
            for left in todo
        ]
        outcomes: list[bool | BaseException] = await asyncio.gather(*waiting, return_exceptions=True)
        for left, outcome in zip(todo, outcomes, strict=True):
            if isinstance(outcome, CrashedError):
                self._give_up(left.sku, "going on met a bug, or counters that are wrong")
            elif isinstance(outcome, BaseException):
                raise outcome
            elif outcome:
                self._told.discard(left.sku)
            else:
                self._give_up(left.sku, "a batch has to shrink and has no lines: its counters are wrong")
        return bool(todo)

    def _give_up(self, sku: str, reason: str) -> None:
        self._stuck.add(sku)
        if sku not in self._told:
            self._told.add(sku)
            log.error(
                "a sku is stuck: new lines of it are promised nothing",
                sku=sku,
                reason=reason,
                command="allocation verify --repair",
            )
