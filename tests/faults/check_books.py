"""Checks the database against itself: counters against rows, rows against the log, and the log as an auditor reads it."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from tests.faults.problem import Kind, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.evidence import Evidence, Row

_FOLLOWS = {
    "Allocated": {"", "Deallocated", "Backordered"},
    "Deallocated": {"Allocated"},
    "Backordered": {"", "Deallocated"},
}
"""Which event about a kept line may follow which; "" is before its first. OutOfStock is about a line that is not kept."""


def check_rest(evidence: Evidence) -> Iterator[Problem]:
    """Nothing was left behind."""
    for table in ("outbox", "internal_commands"):
        if rows := evidence.tables[table]:
            yield Problem(Kind.STUCK, f"{table} still holds {len(rows)} rows")
    for product in evidence.tables["products"]:
        if product["promised_through"] is not None:
            yield Problem(Kind.STUCK, f"{product['sku']} is still unfinished")


def check_counters(evidence: Evidence) -> Iterator[Problem]:
    """What is counted equals what is there, and no batch is oversold."""
    lines = evidence.tables["order_lines"]
    promised: Counter[str] = Counter()
    for line in lines:
        promised[line["batch_reference"]] += line["quantity"]
    for batch in evidence.tables["batches"]:
        reference, allocated = batch["reference"], batch["allocated_quantity"]
        if allocated != promised[reference]:
            yield Problem(
                Kind.WRONG, f"batch {reference} says that {allocated} are allocated, its lines say {promised[reference]}"
            )
        if promised[reference] > batch["purchased_quantity"]:
            yield Problem(
                Kind.OVERSOLD, f"batch {reference} is oversold: {promised[reference]} of {batch['purchased_quantity']}"
            )
        if batch["target_quantity"] != batch["purchased_quantity"]:
            yield Problem(
                Kind.STUCK, f"batch {reference} was to hold {batch['target_quantity']} and holds {batch['purchased_quantity']}"
            )
    created = Counter(batch["sku"] for batch in evidence.tables["batches"])
    for product in evidence.tables["products"]:
        if product["batch_count"] != created[product["sku"]]:
            sentence = f"counts {product['batch_count']} batches, and {created[product['sku']]} are there"
            yield Problem(Kind.WRONG, f"{product['sku']} {sentence}")
        waiting = sum(line["sku"] == product["sku"] and line["batch_reference"] is None for line in lines)
        if waiting != product["waiting_lines"]:
            yield Problem(Kind.WRONG, f"{product['sku']} says that {product['waiting_lines']} lines wait, and {waiting} do")


def check_waiting(evidence: Evidence) -> Iterator[Problem]:
    """No line waits that is nobody's, or that would fit."""
    roomiest: dict[str, Row] = {}
    for batch in evidence.tables["batches"]:
        if batch["sku"] not in roomiest or _room(batch) > _room(roomiest[batch["sku"]]):
            roomiest[batch["sku"]] = batch
    for line in evidence.tables["order_lines"]:
        name = f"line {line['order_id']} {line['line_id']}"
        if line["state"] == "displaced":
            yield Problem(Kind.LOST, f"{name} was displaced and left there")
        best = roomiest.get(line["sku"])
        if line["batch_reference"] is None and best is not None and _room(best) >= line["quantity"]:
            room = f"{best['reference']} has room for {_room(best)}"
            yield Problem(Kind.STUCK, f"{name} waits for {line['quantity']}, and {room}")


def check_sequences(evidence: Evidence) -> Iterator[Problem]:
    """The numbers of each sku are 1, 2, 3… without a gap, up to what its product says."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for event in evidence.tables["events"]:
        if event["sku_sequence"] is not None:
            numbers[event["sku"]].append(event["sku_sequence"])
    for sku in numbers.keys() - {product["sku"] for product in evidence.tables["products"]}:
        yield Problem(Kind.LOST, f"{sku} has {len(numbers[sku])} events and is no product")
    for product in evidence.tables["products"]:
        found, expected = numbers[product["sku"]], list(range(1, product["sku_sequence"] + 1))
        if found != expected:
            yield Problem(
                Kind.WRONG,
                f"{product['sku']} counts to {product['sku_sequence']}, its events are {_difference(found, expected)}",
            )


def check_histories(evidence: Evidence) -> Iterator[Problem]:
    """Every line's events follow from one another, and end where the line stands; none is kept, or left, twice."""
    last: dict[tuple[str, str], tuple[str, str | None, int]] = {}
    for event, message in evidence.decoded():
        kind = event["type"].rpartition(".")[2]
        if kind not in _FOLLOWS:
            continue
        name = (message.order_id, message.line_id)
        before = last.get(name, ("", None, 0))
        if before[0] not in _FOLLOWS[kind]:
            yield Problem(
                Kind.WRONG,
                f"line {name[0]} {name[1]} was {kind} after {before[0] or 'nothing'} (number {message.sku_sequence})",
            )
        if kind == "Deallocated" and before[1] != message.batch_reference:
            yield Problem(Kind.WRONG, f"line {name[0]} {name[1]} left {message.batch_reference} and was on {before[1]}")
        batch = message.batch_reference if kind == "Allocated" else None
        last[name] = (kind, batch, message.sku_sequence)
    for line in evidence.tables["order_lines"]:
        stands = (line["state"].capitalize(), line["batch_reference"], line["sku_sequence"])
        told = last.pop((line["order_id"], line["line_id"]), None)
        if stands != told:
            yield Problem(
                Kind.WRONG, f"line {line['order_id']} {line['line_id']} stands at {stands}, its last event says {told}"
            )
    for name in last:
        yield Problem(Kind.LOST, f"line {name[0]} {name[1]} was announced and is not kept")


def check_audit(evidence: Evidence) -> Iterator[Problem]:
    """Whoever sums up the events alone never sees a batch oversold, and arrives at what the batches hold."""
    held: dict[str, int] = {}
    promised: Counter[str] = Counter()
    for event, message in evidence.decoded():
        kind = event["type"].rpartition(".")[2]
        if kind == "StockChanged":
            held[message.batch_reference] = message.purchased_quantity
        elif kind in ("Allocated", "Deallocated"):
            promised[message.batch_reference] += message.quantity if kind == "Allocated" else -message.quantity
        else:
            continue
        reference = message.batch_reference
        if promised[reference] > held.get(reference, 0):
            yield Problem(
                Kind.OVERSOLD,
                f"after {_shown(event, message)} {promised[reference]} of {held.get(reference)} of {reference} are promised",
            )
    for batch in evidence.tables["batches"]:
        reference = batch["reference"]
        summed = (held.get(reference), promised[reference])
        if summed != (batch["purchased_quantity"], batch["allocated_quantity"]):
            yield Problem(
                Kind.WRONG, f"batch {reference} holds and promises {summed} by its events, by its row {_quantities(batch)}"
            )


def _room(batch: Row) -> int:
    room: int = batch["purchased_quantity"] - batch["allocated_quantity"]
    return room


def _quantities(batch: Row) -> tuple[int, int]:
    return batch["purchased_quantity"], batch["allocated_quantity"]


def _shown(event: Row, message: Any) -> str:  # noqa: ANN401 - one of several generated classes
    return f"{event['type'].rpartition('.')[2]} {event['sku']} {message.sku_sequence}"


def _difference(found: list[int], expected: list[int]) -> str:
    missing, twice = set(expected) - set(found), [number for number, times in Counter(found).items() if times > 1]
    return f"without {sorted(missing)}, with {sorted(twice)} twice, {'in' if found == sorted(found) else 'out of'} order"
