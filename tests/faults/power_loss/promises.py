"""Observes that nothing is promised before it is on the disk: one run under strace, every promise in it looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.fault import Account
from tests.faults.power_loss.durability import check_ack, check_answer, check_publish_ack
from tests.faults.power_loss.observation import CONCURRENT_CALLS, LONE_CALL, LONE_MESSAGE, concurrent_call, observe
from tests.faults.power_loss.prerequisites import need_strace
from tests.faults.problem import Kind, Problem

if TYPE_CHECKING:
    from tests.faults.fault import Trial
    from tests.faults.power_loss.trace import Trace

PROMISES = CONCURRENT_CALLS + 5


async def keep_their_order(trial: Trial) -> Account:
    """Look for anything that was answered, acked or acknowledged before the disk had it."""
    need_strace()
    found = promised_too_early(await observe(trial.folder))
    problems = tuple(Problem(Kind.LOST, sentence) for sentence in found)
    return Account(times=PROMISES, commands=CONCURRENT_CALLS + 2, events=2, problems=problems)


def promised_too_early(trace: Trace) -> list[str]:
    """Name every promise of an observation that was made before it was kept."""
    orders = [LONE_CALL, *(concurrent_call(number) for number in range(CONCURRENT_CALLS))]
    return [
        *(sentence for order_id in orders for sentence in check_answer(trace, order_id)),
        *check_ack(trace, LONE_MESSAGE),
        *check_publish_ack(trace, LONE_MESSAGE, "ALLOCATION_INBOUND", 1),
        *check_publish_ack(trace, LONE_CALL, "ALLOCATION_EVENTS", 2),
        *check_publish_ack(trace, LONE_MESSAGE, "ALLOCATION_EVENTS", 3),
    ]
