"""What was asked of the service and what it answered, as its callers and publishers remember it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from stock.allocation.v1.allocation_service_pb2 import (
    AllocateRequest,
    ChangeBatchQuantityRequest,
    ChangeBatchQuantityResponse,
    CreateBatchRequest,
)
from stock.allocation.v1.batch_pb2 import Batch
from stock.allocation.v1.line_pb2 import LineStatus

from tests.faults.stall import Stall

if TYPE_CHECKING:
    from collections.abc import Iterator

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class LineName(NamedTuple):
    """What names an order line; an empty line_id was replaced by the sku."""

    order_id: str
    line_id: str


_REFUSALS = {
    ("RESOURCE_EXHAUSTED", "REJECTION_REASON_QUEUE_FULL"),
    ("UNAVAILABLE", "REJECTION_REASON_SHUTTING_DOWN"),
    ("UNAVAILABLE", "REJECTION_REASON_STORE_UNAVAILABLE"),
}
"""Codes and reasons with which the service says that it has done nothing."""


class Rejected(NamedTuple):
    """A rejection as its caller was told it: the name of the status code and of the RejectionReason."""

    code: str
    reason: str


@dataclass
class Asked(Generic[Request, Answer]):
    """One command asked for by RPC, once, or again: after a call that nobody answered, or after an answer, to hear it again."""

    request: Request
    calls: int = 0
    answers: list[Answer] = field(default_factory=list)
    rejections: list[Rejected] = field(default_factory=list)
    refused: set[int] = field(default_factory=set)
    """Which calls, counted from 1, were refused with a reason that says that nothing happened."""

    @property
    def told(self) -> int:
        """How many of the calls were answered, with a rejection or without."""
        return len(self.answers) + len(self.rejections)

    @property
    def silent(self) -> int:
        """How many of the calls may be in effect or not: nobody was told."""
        return self.calls - self.told - len(self.refused)

    @property
    def may_be_in_effect(self) -> bool:
        """Whether it was answered, or may have been done; what was rejected or refused each time changed nothing."""
        return bool(self.answers) or self.silent > 0

    def fail(self, code: str, reason: str) -> None:
        """Take down how the last call failed: with a refusal, or with silence."""
        if (code, reason) in _REFUSALS:
            self.refused.add(self.calls)


@dataclass
class AskedLine(Asked[AllocateRequest, LineStatus]):
    """One line asked for by RPC."""

    @property
    def name(self) -> LineName:
        """The line."""
        return LineName(self.request.order_id, self.request.line_id or self.request.sku)


@dataclass
class AskedBatch(Asked[CreateBatchRequest, Batch]):
    """One batch that was to be created by RPC."""


@dataclass
class AskedQuantity(Asked[ChangeBatchQuantityRequest, ChangeBatchQuantityResponse]):
    """One change of what a batch holds, by RPC; each call has a correlation_id of its own, by which the log names it.

    Who asks for these asks for one after the other, and nobody else changes or creates that batch.
    """

    identity: str = ""

    def correlation_id(self, call: int) -> str:
        """Answer the correlation_id of a call, counted from 1."""
        return f"{self.identity}/{call}"

    @property
    def correlation_ids(self) -> set[str]:
        """The correlation_ids of all calls so far that were not refused."""
        return {self.correlation_id(call) for call in range(1, self.calls + 1) if call not in self.refused}


@dataclass(frozen=True)
class Published:
    """One message that the broker acknowledged, and where it said to have stored it."""

    subject: str
    message: Any
    headers: dict[str, str]
    sequence: int


class Mark(NamedTuple):
    """A moment of the ledger: how many lines, batches and changes had been asked for."""

    lines: int
    batches: int
    quantities: int


@dataclass
class Ledger:
    """Everything that was asked."""

    lines: list[AskedLine] = field(default_factory=list)
    batches: list[AskedBatch] = field(default_factory=list)
    quantities: list[AskedQuantity] = field(default_factory=list)
    published: list[Published] = field(default_factory=list)
    callers: Stall = field(default_factory=Stall)
    publishers: Stall = field(default_factory=Stall)

    @property
    def calls(self) -> int:
        """How many RPCs were asked."""
        return sum(asked.calls for asked in self._asked())

    @property
    def unanswered(self) -> int:
        """How many calls were never answered."""
        return sum(asked.silent for asked in self._asked())

    @property
    def refused(self) -> int:
        """How many calls were refused with a reason that says that nothing happened."""
        return sum(len(asked.refused) for asked in self._asked())

    @property
    def commands(self) -> int:
        """How many commands were asked, by either door."""
        return self.calls + len(self.published)

    @property
    def stall_seconds(self) -> float:
        """The longest time for which none of the callers, or none of the publishers, was answered while they asked."""
        return max(self.callers.longest_seconds, self.publishers.longest_seconds)

    def mark(self) -> Mark:
        """Answer how much was asked by RPC until now."""
        return Mark(len(self.lines), len(self.batches), len(self.quantities))

    def forget_calls_after(self, mark: Mark) -> None:
        """Strike out what was asked by RPC since: the service has lost it by nature, and those who asked know that."""
        del self.lines[mark.lines :], self.batches[mark.batches :], self.quantities[mark.quantities :]

    def _asked(self) -> Iterator[Asked[Any, Any]]:
        yield from self.lines
        yield from self.batches
        yield from self.quantities

    def __str__(self) -> str:
        calls = f"{self.calls} RPCs ({self.unanswered} unanswered, {self.refused} refused)"
        return f"{calls}, {len(self.published)} messages published"
