"""What the audit knows, and what it finds that does not agree. How events come is not known here."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from stock.allocation.v1 import events_pb2

TYPES: dict[str, Any] = {
    kind.full_name: getattr(events_pb2, name)
    for name, kind in events_pb2.DESCRIPTOR.message_types_by_name.items()
    if "sku_sequence" in kind.fields_by_name  # all but Rejected, of which nothing has to be booked
}
IDS_MAX = HELD_MAX = 10_000
NOTHING = '{"ids": {}, "skus": {}, "counts": {"duplicates": 0, "stale": 0, "events": 0, "missing": 0, "disagreements": 0}}'


class Ledger:
    """All of it is JSON. Of a sku every event up to `booked` is; what comes above a gap is held until the gap is filled."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[str, Any] = json.loads((path.exists() and path.read_text()) or NOTHING)
        self.ids, self.skus, self.counts = self.known["ids"], self.known["skus"], self.known["counts"]
        self.write()  # or find out now that it cannot be written

    def write(self) -> None:
        """Replace the file in one step: killed at any moment, this leaves the old ledger or the new one."""
        with (new := Path(f"{self.path}.new")).open("w") as file:
            file.write(json.dumps(self.known))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)

    def figures(self) -> dict[str, int]:
        """Sum up. Missing are the numbers that have not come although a higher one of their sku has."""
        skus = self.skus.values()
        units = [units for sku in skus for _, units in sku["promised"].values()]
        gaps = sum(max(map(int, sku["held"])) - sku["booked"] - len(sku["held"]) for sku in skus if sku["held"])
        figures: dict[str, int] = {"lines": len(units), "units": sum(units)} | self.counts
        figures["missing"] += gaps
        return figures | {"skus": len(skus), "batches": sum(len(sku["purchased"]) for sku in skus)}

    def take(self, event_id: str, event_type: str, payload: bytes) -> list[str]:
        """Take an event, in whatever order they come, and answer what does not agree."""
        try:
            event = TYPES[event_type].FromString(payload)
        except (KeyError, DecodeError):  # of a later version, or not to be read: then its number will be missing
            return []
        known, number = event_id in self.ids, event.sku_sequence
        self.ids[event_id] = None
        if len(self.ids) > IDS_MAX:
            del self.ids[next(iter(self.ids))]
        sku = self.skus.setdefault(event.sku, {"booked": 0, "held": {}, "promised": {}, "purchased": {}, "allocated": {}})
        if known or number <= sku["booked"] or str(number) in sku["held"]:
            self.counts["duplicates" if known else "stale"] += 1
            return []
        self.counts["events"] += 1
        fields = MessageToDict(event, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
        sku["held"][str(number)] = fields | {"type": event.DESCRIPTOR.name}
        found = list(book(sku))
        if len(sku["held"]) > HELD_MAX:  # no redelivery takes that long: go on without what is missing
            lowest = min(map(int, sku["held"]))
            found.append(f"{event.sku}: sku_sequence {sku['booked'] + 1} to {lowest - 1} never came")
            self.counts["missing"] += lowest - 1 - sku["booked"]
            sku["booked"] = lowest - 1
            found += book(sku)
        self.counts["disagreements"] += len(found)
        return found


def book(sku: dict[str, Any]) -> Iterator[str]:
    """Book what is held, in order, up to the first gap, and say what does not agree."""
    promised, purchased, allocated = sku["promised"], sku["purchased"], sku["allocated"]
    while event := sku["held"].pop(str(sku["booked"] + 1), None):
        sku["booked"] += 1
        batch, units = event.get("batch_reference"), event.get("purchased_quantity", event.get("quantity"))
        said = f"{event['sku']}, sku_sequence {sku['booked']}: {event['type']} of {units} units, batch {batch!r}"
        if event["type"] == "StockChanged":
            purchased[batch] = units
        else:
            line = f"{event['order_id']}\n{event['line_id']}"  # no identifier holds a line feed
            before = promised.pop(line, None)
            if before != ([batch, units] if event["type"] == "Deallocated" else None):
                yield f"{said}, line {line!r}, which is promised {before}"
            if before:
                allocated[before[0]] -= before[1]
            if event["type"] == "Allocated":
                promised[line] = [batch, units]
                allocated[batch] = allocated.get(batch, 0) + units
        if units < 0 or allocated.get(batch, 0) > purchased.get(batch, 0):
            yield f"{said}, of whose {purchased.get(batch, 0)} units {allocated.get(batch, 0)} are promised"
