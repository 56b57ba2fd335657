"""What one history is to be like: how much is asked, which limits the service has, and which faults strike how often."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from allocation.entrypoints.redelivery import deliveries_within

if TYPE_CHECKING:
    from tests.faults.simulation.chance import Chance

# How likely a fault is at each of its occasions, at most.
OCCASIONS: dict[str, float] = {
    "request lost": 0.05,
    "reply lost": 0.1,
    "delivery lost": 0.1,
    "ack lost": 0.3,
    "acks queued": 0.05,
    "network slow": 0.05,
    "late arrival": 0.8,
    "client rebuilt": 0.6,
    "store slow": 0.06,
    "store unavailable": 0.2,
    "store cannot be read": 0.1,
    "store refuses": 0.08,
    "crash before commit": 0.04,
    "crash after commit": 0.04,
    "commit unknown, done": 0.15,
    "commit unknown, not done": 0.15,
    "call slow": 0.1,
    "request of a caller lost": 0.1,
    "answer to a caller lost": 0.15,
    "broker forgets": 0.7,
}
# How often a misfortune strikes in a virtual second, at most.
MISFORTUNES: dict[str, float] = {
    "connection cut": 0.3,
    "broker killed": 0.1,
    "leader election": 0.1,
    "service killed": 0.1,
    "service stopped": 0.05,
    "consumer deleted": 0.05,
    "consumer made anew": 0.03,
    "inbound stream deleted": 0.02,
    "inbound stream made anew": 0.02,
    "event stream deleted": 0.03,
}
_SKUS = ("SMALL-TABLE", "MISBEGOTTEN-RUG", "UNLIKELY-LAMP")
_GIBIBYTE = 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings of the service that histories vary."""

    promises_per_transaction_max: int = 1_000
    group_commands_max: int = 256
    waiting_commands_max: int = 10_000
    fetch_messages_max: int = 256
    publish_events_max: int = 500
    unknown_wait_seconds: float = 30.0
    deliveries_max: int = 40
    ack_pending_max: int = 10_000
    ack_wait_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Plan:
    """One history. `rates` are for each occasion, `misfortunes` for each second.

    `contested` is the part of a caller's calls in which all callers ask for the same line at about the same time, each with a
    quantity of its own. `stock_max` bounds the first batch of every sku. `two_writers` adds a second service.
    """

    limits: Limits = Limits()
    skus: tuple[str, ...] = _SKUS
    callers: int = 3
    calls_each: int = 8
    messages: int = 12
    orders: int = 8
    contested: float = 0.1
    stock_max: int = 20
    pause_seconds: float = 1.0
    poll_seconds: float = 5.0
    patience_max: int = 6
    call_seconds: float = 10.0
    inbound_bytes_max: int = _GIBIBYTE
    rates: dict[str, float] = field(default_factory=dict)
    misfortunes: dict[str, float] = field(default_factory=dict)
    two_writers: bool = False

    def with_faults(self, rates: dict[str, float] | None = None, misfortunes: dict[str, float] | None = None) -> Plan:
        """Answer the plan with these faults, at least as often as given, beside its own."""
        return replace(self, rates=self.rates | (rates or {}), misfortunes=self.misfortunes | (misfortunes or {}))


def draw_plan(chance: Chance) -> Plan:
    """Draw a plan: some faults are left out altogether, so that the others are met in every company."""
    random = chance.random
    unknown_wait_seconds = random.choice((1.0, 5.0, 30.0))
    limits = Limits(
        promises_per_transaction_max=random.choice((2, 5, 1_000, 1_000)),
        group_commands_max=random.choice((1, 4, 256)),
        waiting_commands_max=random.choice((4, 10_000, 10_000)),
        fetch_messages_max=random.choice((1, 5, 256)),
        publish_events_max=random.choice((1, 3, 500)),
        unknown_wait_seconds=unknown_wait_seconds,
        deliveries_max=deliveries_within(unknown_wait_seconds) + random.choice((1, 5, 30)),
        ack_pending_max=random.choice((3, 10_000, 10_000)),
        ack_wait_seconds=random.choice((3.0, 30.0)),
    )
    return Plan(
        limits,
        skus=_SKUS[: random.randint(1, len(_SKUS))],
        callers=random.randint(1, 4),
        calls_each=random.randint(2, 8),
        messages=random.randint(4, 16),
        orders=random.randint(2, 10),
        pause_seconds=random.choice((0.02, 0.3, 2.0)),
        patience_max=random.choice((1, 3, 10)),
        call_seconds=random.choice((1.0, 10.0)),
        rates=_some(chance, OCCASIONS),
        misfortunes=_some(chance, MISFORTUNES),
    )


def _some(chance: Chance, rates: dict[str, float]) -> dict[str, float]:
    return {kind: rate * chance.random.random() for kind, rate in rates.items() if chance.random.random() < 1 / 2}
