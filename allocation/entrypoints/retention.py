"""The door that nobody knocks at: now and then it has old rows forgotten, a page a transaction and a few pages a second.

What may go is decided in the transaction. Without the broker nothing goes: it alone knows what can be delivered again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from allocation.service_layer.aged import InboxPage, InboxPlace, LogPage, ParkedPage
from allocation.service_layer.envelope import Envelope
from allocation.service_layer.errors import CrashedError, ShuttingDownError
from allocation.service_layer.housekeeping import ForgetEvents, ForgetInbox, ForgetParked, StreamReach
from allocation.service_layer.records import StreamPlace
from allocation.service_layer.store import OutcomeUnknownError, StoreUnavailableError
from allocation.service_layer.streams import BrokerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from allocation.service_layer.group_commit import GroupCommit
    from allocation.service_layer.housekeeping import Pass
    from allocation.service_layer.streams import StreamStates
    from allocation.service_layer.views import Reader

log = structlog.get_logger()
PAGE_ROWS = 500
PAUSE_SECONDS = 0.25
"""Between two pages: callers have the store for themselves most of the time."""
_RETRY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Ages:
    """How old what is kept becomes, in seconds."""

    inbox_seconds: float
    log_seconds: float
    parked_seconds: float


class Retention:
    """Has old rows of the inbox, the log and the parked messages forgotten, at its start and every `interval_seconds`."""

    def __init__(  # noqa: PLR0913 - the parts it asks, and its limits by keyword
        self,
        group_commit: GroupCommit,
        reader: Reader,
        states: StreamStates,
        ages: Ages,
        clock: Callable[[], datetime],
        *,
        interval_seconds: float,
        page_rows: int = PAGE_ROWS,
        pause_seconds: float = PAUSE_SECONDS,
    ) -> None:
        self._group_commit = group_commit
        self._reader = reader
        self._states = states
        self._ages = ages
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._page_rows = page_rows
        self._pause_seconds = pause_seconds

    async def run(self) -> None:
        """Serve until cancelled."""
        while True:
            wait_seconds = self._interval_seconds
            try:
                await self.forget()
            except ShuttingDownError:
                return
            except (BrokerUnavailableError, StoreUnavailableError, OutcomeUnknownError, CrashedError) as error:
                wait_seconds = min(_RETRY_SECONDS, self._interval_seconds)
                log.info("old rows are kept for now, trying again", reason=str(error), retry_seconds=wait_seconds)
            await asyncio.sleep(wait_seconds)

    async def forget(self) -> None:
        """Have all forgotten that is old enough now. Raises what keeps it from that; what went until then is gone."""
        forgotten = {
            "inbox": await self._forget_inbox(),
            "parked_messages": await self._forget_parked(),
            "events": await self._forget_events(),
        }
        if any(forgotten.values()):
            log.info("old rows were forgotten", **forgotten)

    async def _forget_inbox(self) -> int:
        forgotten, above = 0, None
        before = self._before(self._ages.inbox_seconds)
        while (reach := await self._reach()) is not None:
            page = InboxPage(before, above, self._page_rows)
            passed = await self._submit(ForgetInbox(page, reach))
            forgotten += passed.forgotten
            if not isinstance(passed.next, InboxPlace):
                break
            above = passed.next
            await asyncio.sleep(self._pause_seconds)
        return forgotten

    async def _forget_parked(self) -> int:
        forgotten, above = 0, None
        before = self._before(self._ages.parked_seconds)
        while (reach := await self._reach()) is not None:
            page = ParkedPage(reach.state.name, above, self._page_rows)
            passed = await self._submit(ForgetParked(page, before, reach))
            forgotten += passed.forgotten
            if not isinstance(passed.next, StreamPlace):
                break
            above = passed.next
            await asyncio.sleep(self._pause_seconds)
        return forgotten

    async def _forget_events(self) -> int:
        forgotten, before = 0, self._before(self._ages.log_seconds)
        while True:
            passed = await self._submit(ForgetEvents(LogPage(self._page_rows), before, await self._states.events()))
            forgotten += passed.forgotten
            if passed.next is None:
                return forgotten
            await asyncio.sleep(self._pause_seconds)

    async def _reach(self) -> StreamReach | None:
        """Ask how far back the inbound stream reaches; None while its life is unknown here, which must be read first."""
        state = await self._states.inbound()
        known = await self._reader.stream(state.name)
        if known is None or known.created_at != state.created_at:
            return None
        return StreamReach(await self._states.inbound(), known.incarnation)

    def _before(self, age_seconds: float) -> datetime:
        return self._clock() - timedelta(seconds=age_seconds)

    async def _submit(self, command: ForgetInbox | ForgetParked | ForgetEvents) -> Pass:
        passed: Pass = await (await self._group_commit.enqueue(Envelope(command, "", ""), alone=True))
        return passed
