"""The service as it is, and eight ways of breaking it: each has to be caught in a setting in which the service is clean."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.faults.simulation import broken

if TYPE_CHECKING:
    from collections.abc import Callable

    from allocation.connections import Adapters
    from allocation.lifecycle import Service
    from tests.faults.simulation.plan import Plan
    from tests.faults.simulation.world import World

UNBROKEN = "unbroken"
CAUGHT_WITHIN_HISTORIES = 300


def _as_they_are(adapters: Adapters, _world: World) -> Adapters:
    return adapters


def _as_composed(_service: Service) -> None:
    """Change nothing."""


def _as_drawn(plan: Plan) -> Plan:
    return plan


@dataclass(frozen=True, slots=True)
class Variant:
    """A build of the service, and the setting of chance in which it has to be caught."""

    what: str
    adapters: Callable[[Adapters, World], Adapters] = _as_they_are
    changes: Callable[[Service], None] = _as_composed
    setting: Callable[[Plan], Plan] = _as_drawn


def _dies_often(plan: Plan) -> Plan:
    return plan.with_faults({"crash before commit": 0.1, "crash after commit": 0.1})


def _commits_unknown(plan: Plan) -> Plan:
    limits = replace(plan.limits, group_commands_max=256)
    crowd = replace(plan, limits=limits, callers=5, calls_each=8, pause_seconds=0.02, stock_max=4)
    return crowd.with_faults({"commit unknown, done": 0.3, "store slow": 0.2})


def _commits_fail(plan: Plan) -> Plan:
    limits = replace(plan.limits, group_commands_max=256)
    crowd = replace(plan, limits=limits, callers=5, calls_each=8, contested=0.7, pause_seconds=0.02, patience_max=1)
    return crowd.with_faults({"commit unknown, not done": 0.3, "store slow": 0.2})


def _quantities_retried(plan: Plan) -> Plan:
    return replace(plan, messages=16, pause_seconds=0.3).with_faults({"commit unknown, not done": 0.3, "store refuses": 0.2})


def _acks_lost(plan: Plan) -> Plan:
    return plan.with_faults({"ack lost": 0.3, "crash after commit": 0.05})


def _sent_late(plan: Plan) -> Plan:
    limits = replace(plan.limits, publish_events_max=1)
    return replace(plan, limits=limits).with_faults({"late arrival": 0.9, "network slow": 0.1}, {"connection cut": 0.3})


def _two_writers(plan: Plan) -> Plan:
    limits = replace(plan.limits, promises_per_transaction_max=1_000)
    changed = replace(plan, limits=limits, skus=("SMALL-TABLE", "MISBEGOTTEN-RUG"), callers=4, two_writers=True)
    return replace(changed, misfortunes={}).with_faults({"store slow": 0.2})


VARIANTS: dict[str, Variant] = {
    UNBROKEN: Variant("as it is"),
    "ack-before-commit": Variant("acknowledges messages before they took effect", broken.acks_first, setting=_dies_often),
    "no-inbox": Variant("does not remember what it consumed", broken.has_no_inbox, setting=_acks_lost),
    "no-message-id": Variant("publishes without Nats-Msg-Id", broken.has_no_message_ids, setting=_sent_late),
    "cursor-relay": Variant(
        "publishes what is above the last position that it published", broken.has_cursor, setting=_two_writers
    ),
    "fence-off": Variant("applies older quantities over newer ones", broken.has_no_fence, setting=_quantities_retried),
    "rejection-before-commit": Variant(
        "answers rejections before the commit", changes=broken.rejects_at_once, setting=_commits_fail
    ),
    "each-alone-after-unknown-commit": Variant(
        "tries each command again, alone, when a commit is unknown", broken.takes_unknown_for_refused, setting=_commits_unknown
    ),
    "no-outbox": Variant("publishes after the commit, and keeps nothing to publish", broken.has_no_outbox, setting=_dies_often),
}
