"""What every program must show of its calls over gRPC."""

from __future__ import annotations

import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from stock.allocation.v1 import allocation_service_pb2 as messages

from tests.conformance.expectations import expect, fresh
from tests.conformance.live import CALL_SECONDS
from tests.conformance.stand_in import NOT_SERVING, StandIn
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conformance.live import LiveService
    from tests.conformance.stand_in import Request
    from tests.conformance.subject import Subject

DEADLINE_SECONDS_MAX = 15.0
SERVING = {"health": "SERVING"}
DEADLINE_EXCEEDED = {"code": "DEADLINE_EXCEEDED"}


def health(subject: Subject, live: LiveService) -> None:
    """It asks the standard health service, and says what that answers."""
    del live
    answer = subject.ask("try", fresh(subject, "health"))
    expect(answer.lines[:1], [SERVING])
    with StandIn(health=NOT_SERVING) as stand_in:
        answer = subject.asking(stand_in.target).ask("try", fresh(subject, "health"))
    expect(answer.lines[:1], [{"health": "NOT_SERVING"}], "a service that does not serve")


def rpc(subject: Subject, live: LiveService) -> None:
    """It creates a batch and allocates a line of it."""
    name = fresh(subject, "rpc")
    answer = subject.ask("try", name)
    expect((answer.status, answer.lines[1:3]), (0, [created(name), allocated(name)]))
    with live.stub() as stub:
        request = messages.GetBatchRequest(batch_reference=f"{name}-batch")
        batch = stub.GetBatch(request, timeout=CALL_SECONDS).batch
    expect((batch.purchased_quantity, batch.allocated_quantity), (10, 3))


def typed_errors(subject: Subject, live: LiveService) -> None:
    """It reads code and typed reason of a rejection, whichever call it comes from; only the last one is as it should be."""
    name = fresh(subject, "errors")
    answer = subject.ask("try", name)
    refusal = {"code": "FAILED_PRECONDITION", "reason": "REJECTION_REASON_UNKNOWN_SKU"}
    expect((answer.status, answer.lines[3:]), (0, [refusal]), "a sku that nobody ever bought")

    name = fresh(subject, "errors")
    live.create(f"{name}-batch", f"{name}-sku", 11)
    answer = subject.ask("try", name)
    conflict = {"code": "ALREADY_EXISTS", "reason": "REJECTION_REASON_BATCH_CONFLICT"}
    expect((answer.status, answer.lines), (1, [SERVING, conflict]), "a batch that exists with another quantity")

    conflict = {"code": "ALREADY_EXISTS", "reason": "REJECTION_REASON_LINE_CONFLICT"}
    name = fresh(subject, "errors")
    live.create(f"{name}-batch", f"{name}-sku", 10)
    live.allocate_line(f"{name}-1", f"{name}-sku", 4)
    answer = subject.ask("try", name)
    expect((answer.status, answer.lines), (1, [SERVING, created(name), conflict]), "a line that exists with another quantity")

    name = fresh(subject, "errors")
    live.create(f"{name}-other", f"{name}-unknown", 10)
    live.allocate_line(f"{name}-1", f"{name}-unknown", 2)
    answer = subject.ask("try", name)
    lines = [SERVING, created(name), allocated(name), conflict]
    expect((answer.status, answer.lines), (1, lines), "a last line that is refused for another reason")


def deadline(subject: Subject, live: LiveService) -> None:
    """Each of its calls gives up by its deadline: on a frozen service, and on one that is silent from that call on."""
    with ThreadPoolExecutor(4) as at_once:
        cases = [at_once.submit(gives_up_on_a_frozen_service, subject, live)]
        for heard, is_silent_at in enumerate((at_create_batch, at_allocate, at_the_refused_allocate), start=1):
            cases.append(at_once.submit(gives_up_on_silence, subject, heard, is_silent_at))
        for case in cases:
            case.result()
    wait_until(live.service.serves)


def gives_up_on_a_frozen_service(subject: Subject, live: LiveService) -> None:
    """The service accepts connections and does nothing, so that the first call has to give up."""
    live.service.send(signal.SIGSTOP)
    try:
        gives_up(subject, fresh(subject, "deadline"), [], "a frozen service")
    finally:
        live.service.send(signal.SIGCONT)


def gives_up_on_silence(subject: Subject, heard: int, is_silent_at: Callable[[Request], bool]) -> None:
    """The calls before are answered as they should be; this one never is."""
    name = fresh(subject, "deadline")
    answered = [SERVING, created(name), allocated(name)][:heard]
    with StandIn(is_silent_at=is_silent_at) as stand_in:
        gives_up(subject.asking(stand_in.target), name, answered, f"silence {is_silent_at.__name__.replace('_', ' ')}")


def gives_up(subject: Subject, name: str, answered: list[dict[str, Any]], what: str) -> None:
    """It says that the deadline is over, in time, and ends with 1."""
    began = time.monotonic()
    try:
        answer = subject.ask("try", name, seconds=DEADLINE_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"{what}: it has not given up after {DEADLINE_SECONDS_MAX:g} s") from None
    expect((answer.status, answer.lines), (1, [*answered, DEADLINE_EXCEEDED]), f"{what}, {time.monotonic() - began:.1f} s")


def at_create_batch(request: Request) -> bool:
    """Be silent at the first call of the allocation service."""
    return isinstance(request, messages.CreateBatchRequest)


def at_allocate(request: Request) -> bool:
    """Be silent at the second."""
    return isinstance(request, messages.AllocateRequest) and request.sku.endswith("-sku")


def at_the_refused_allocate(request: Request) -> bool:
    """Be silent at the last, which the service would refuse."""
    return isinstance(request, messages.AllocateRequest) and request.sku.endswith("-unknown")


def created(name: str) -> dict[str, Any]:
    """Say what is printed of a created batch."""
    return {"batch_reference": f"{name}-batch", "purchased_quantity": 10}


def allocated(name: str) -> dict[str, Any]:
    """Say what is printed of an allocated line."""
    state, batch = "LINE_STATE_ALLOCATED", f"{name}-batch"
    return {"order_id": f"{name}-1", "line_id": f"{name}-sku", "state": state, "batch_reference": batch}
