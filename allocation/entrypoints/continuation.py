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
    """Carries out `ContinuePromising` for each unfinished sku until none is left, then waits to be woken."""

    def __init__(self, group_commit: GroupCommit, reader: Reader, *, poll_seconds: float) -> None:
        self._group_commit = group_commit
        self._reader = reader
        self._poll_seconds = poll_seconds
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Say that something was left unfinished."""
        self._woken.set()

    async def run(self) -> None:
        """Serve until cancelled."""
        while True:
            self._woken.clear()
            try:
                while await self._continue_all():
                    pass
            except ShuttingDownError:
                return
            except (StoreUnavailableError, OutcomeUnknownError, CrashedError) as error:
                log.warning("could not continue, trying again", error=str(error), retry_seconds=_RETRY_SECONDS)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await self._woken.wait()

    async def _continue_all(self) -> bool:
        unfinished = await self._reader.unfinished(_SKUS_AT_ONCE)
        waiting = [
            await self._group_commit.enqueue(
                Envelope(ContinuePromising(todo.sku), todo.correlation_id, todo.causation_id), alone=True
            )
            for todo in unfinished
        ]
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return bool(unfinished)
