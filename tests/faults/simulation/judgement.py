"""The evidence of a history for the checker: the memory store as tables, the simulated streams as messages."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError
from stock.allocation.v1.line_pb2 import LineState

from allocation.adapters.sql.rows import microseconds
from tests.faults.checker import problems
from tests.faults.evidence import EVENTS, INBOUND, Evidence, Row, Stored
from tests.faults.problem import Kind, Problem

if TYPE_CHECKING:
    from allocation.adapters.memory import MemoryStore
    from tests.faults.ledger import Ledger
    from tests.faults.simulation.world import World


def judge(world: World) -> list[str]:
    """Answer all that is wrong."""
    inbound, outgoing = _messages(world, INBOUND), _messages(world, EVENTS)
    evidence = Evidence(_tables(world.memory, world.positions), inbound, outgoing)
    lost = _without_nonsense(evidence)
    ledger, untrue = _without_displaced(evidence, world.ledger)
    return [*world.complaints, *lost, *untrue, *problems(evidence, ledger, gone_through=world.gone_through)]


def _without_nonsense(evidence: Evidence) -> list[str]:
    """Check by ourselves, and leave out, messages that cannot be decoded: they must be parked."""
    parked = {(row["incarnation"], row["sequence"]) for row in evidence.tables["parked_messages"]}
    lost = []
    for message in list(evidence.inbound):
        try:
            _ = message.message
        except DecodeError:
            evidence.inbound.remove(message)
            if (evidence.incarnation, message.sequence) not in parked:
                lost.append(Problem(Kind.LOST, f"{message.subject} {message.sequence} is no such message and was not parked"))
    return list(lost)


def _without_displaced(evidence: Evidence, ledger: Ledger) -> tuple[Ledger, list[str]]:
    """Check by ourselves, and leave out, answers about lines that had left their batch and were not yet tried elsewhere.

    Those stand BACKORDERED under the number of their Deallocated, until a later transaction goes on with their sku.
    """
    left = {
        (message.sku, message.sku_sequence): (message.order_id, message.line_id)
        for event, message in evidence.decoded()
        if event["type"].endswith(".Deallocated")
    }
    lines, untrue = [], []
    for line in ledger.lines:
        displaced = [answer for answer in line.answers if (answer.sku, answer.sku_sequence) in left]
        for answer in displaced:
            of_line = left[answer.sku, answer.sku_sequence] == (answer.order_id, answer.line_id)
            if not of_line or answer.state != LineState.LINE_STATE_BACKORDERED or answer.batch_reference:
                untrue.append(f"the call for {line.name} was answered {answer}, and its line had left its batch")
        silent = line.calls - len(displaced)
        answers = [answer for answer in line.answers if answer not in displaced]
        lines.append(replace(line, calls=silent, answers=answers))
    return replace(ledger, lines=lines), untrue


def _messages(world: World, name: str) -> list[Stored]:
    stream = world.broker.streams.get(name)
    archive = stream.archive if stream is not None else []
    return [Stored(kept.sequence, kept.subject, kept.headers, kept.payload) for kept in archive]


def _tables(memory: MemoryStore, positions: dict[str, int]) -> dict[str, list[Row]]:
    return {
        "products": [
            {
                "sku": state.sku,
                "sku_sequence": state.sku_sequence,
                "promise_number": state.promise_number,
                "batch_count": state.batch_count,
                "waiting_lines": state.waiting_lines,
                "promised_through": state.promised_through,
            }
            for state in memory.products.values()
        ],
        "batches": [
            {
                "reference": batch.reference,
                "sku": batch.sku,
                "purchased_quantity": batch.purchased_quantity,
                "eta": None if batch.eta is None else microseconds(batch.eta),
                "allocated_quantity": batch.allocated_quantity,
                "created_quantity": batch.created_quantity,
                "target_quantity": batch.target_quantity,
            }
            for batch in memory.batches_by_reference.values()
        ],
        "order_lines": [
            {
                "order_id": kept.line.order_id,
                "line_id": kept.line.line_id,
                "sku": kept.line.sku,
                "quantity": kept.line.quantity,
                "promise_number": kept.promise_number,
                "state": kept.state.value,
                "batch_reference": kept.batch_reference,
                "sku_sequence": kept.sku_sequence,
            }
            for kept in memory.kept.values()
        ],
        "events": _events(memory, positions),
        "outbox": [{"position": position} for position in sorted(memory.unpublished)],
        "inbox": [
            {"source": entry.key.source, "message_id": entry.key.message_id, "fingerprint": entry.fingerprint}
            for entry in memory.consumed.values()
        ],
        "parked_messages": [
            {
                **message.place._asdict(),
                "subject": message.subject,
                "reason": message.reason.value,
                "ending": memory.ended[message.place].outcome if message.place in memory.ended else None,
            }
            for message in memory.parked.values()
        ],
        "fences": [
            {"batch_reference": reference, "incarnation": fence.incarnation, "sequence": fence.sequence}
            for reference, fence in memory.fences.items()
        ],
        "streams": [
            {"name": known.name, "incarnation": known.incarnation, "last_sequence": known.last_sequence}
            for known in memory.streams.values()
        ],
        "internal_commands": [{"sku": sku} for sku in memory.commands],
    }


def _events(memory: MemoryStore, positions: dict[str, int]) -> list[Row]:
    rows: list[Row] = [
        {
            "position": positions.get(event.event_id, number),
            "event_id": event.event_id,
            "type": event.type,
            "subject": event.subject,
            "sku": event.sku,
            "sku_sequence": event.sku_sequence,
            "payload": event.payload,
            "correlation_id": event.correlation_id,
            "causation_id": event.causation_id,
        }
        for number, event in enumerate(memory.log, 1)
    ]
    return sorted(rows, key=lambda row: int(row["position"]))
