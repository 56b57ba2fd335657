"""From a message's headers and bytes to a command in its envelope, or to a command that parks it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from stock.allocation.v1.inbound_events_pb2 import BatchQuantityChanged

from allocation.domain.commands import ChangeBatchQuantity
from allocation.entrypoints.inbound_envelope import HEADER_CHARACTERS_MAX, envelope_of
from allocation.service_layer.housekeeping import Park, ParkingReason
from tests.unit.house import INBOUND, message_of

if TYPE_CHECKING:
    from allocation.service_layer.envelope import Envelope
    from allocation.service_layer.streams import InboundMessage

EVENT = BatchQuantityChanged(batch_reference="b1", quantity=3)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TYPE = "stock.allocation.v1.BatchQuantityChanged"


def translated(message: InboundMessage) -> Envelope:
    return envelope_of(message, 2, lambda: "new-id")


def with_headers(**headers: str) -> Envelope:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return translated(message_of(EVENT, sequence=41, headers=named))


def why_parked(envelope: Envelope) -> tuple[ParkingReason, str]:
    assert isinstance(envelope.command, Park)
    return envelope.command.reason, envelope.command.detail


def test_a_bare_message_needs_no_headers() -> None:
    envelope = with_headers()
    assert envelope.command == ChangeBatchQuantity("b1", 3)
    assert (envelope.correlation_id, envelope.causation_id, envelope.traceparent) == ("new-id", f"{INBOUND}/2/41", None)
    assert envelope.receipt is not None
    assert (envelope.receipt.source, envelope.receipt.message_id) == (f"{INBOUND}/2", "41")
    assert (envelope.receipt.message_type, envelope.receipt.incarnation) == (TYPE, 2)


def test_a_whole_envelope_is_read() -> None:
    envelope = with_headers(ce_source="/warehouse", ce_id="7", ce_type=TYPE, ce_correlationid="the-flood", traceparent=TRACE)
    assert envelope.command == ChangeBatchQuantity("b1", 3)
    assert (envelope.correlation_id, envelope.causation_id, envelope.traceparent) == ("the-flood", "7", TRACE)
    assert envelope.receipt is not None
    assert (envelope.receipt.source, envelope.receipt.message_id) == ("/warehouse", "7")


def test_what_has_no_correlation_is_correlated_by_its_id() -> None:
    assert with_headers(ce_id="7").correlation_id == "7"


def test_nobody_takes_the_identity_of_a_message_without_one() -> None:
    assert why_parked(with_headers(ce_source=f"{INBOUND}/2", ce_id="42")) == (
        ParkingReason.MALFORMED,
        f"ce-source: must not be {INBOUND}/ and a number: messages without an identity are known by that, is '{INBOUND}/2'",
    )
    assert isinstance(with_headers(ce_source=f"/{INBOUND}/2", ce_id="42").command, ChangeBatchQuantity)


@pytest.mark.parametrize("headers", [{"ce_id": "7"}, {"ce_source": "/warehouse"}])
def test_half_an_identity_is_none(headers: dict[str, str]) -> None:
    receipt = with_headers(**headers).receipt
    assert receipt is not None
    assert (receipt.source, receipt.message_id) == (f"{INBOUND}/2", "41")


def test_values_are_percent_decoded() -> None:
    receipt = with_headers(ce_source="/w%C3%A4rehouse", ce_id="a%20b").receipt
    assert receipt is not None
    assert (receipt.source, receipt.message_id) == ("/wärehouse", "a b")


def test_a_wrong_type_is_parked() -> None:
    assert why_parked(with_headers(ce_type="com.shop.Something")) == (
        ParkingReason.WRONG_TYPE,
        f"ce-type 'com.shop.Something' on a subject that carries {TYPE}",
    )


def test_an_unknown_subject_is_parked() -> None:
    envelope = translated(replace(message_of(EVENT), subject="batch.burnt"))
    assert why_parked(envelope) == (ParkingReason.UNKNOWN_SUBJECT, "no message is known for subject 'batch.burnt'")
    assert envelope.receipt is not None
    assert envelope.receipt.message_type == ""


def test_a_broken_constraint_is_parked_with_what_breaks_it() -> None:
    envelope = translated(message_of(BatchQuantityChanged(batch_reference="b1")))
    assert why_parked(envelope) == (ParkingReason.MALFORMED, "quantity: must be present")


def test_bytes_that_are_no_message_are_parked() -> None:
    reason, _ = why_parked(translated(replace(message_of(EVENT), payload=b"\xff")))
    assert reason is ParkingReason.MALFORMED


@pytest.mark.parametrize("name", ["ce_id", "ce_source", "ce_correlationid"])
@pytest.mark.parametrize("value", ["", "x" * (HEADER_CHARACTERS_MAX + 1), "%0A", "\x07", "seven%FF"])
def test_a_header_that_cannot_be_kept_is_parked_under_its_place(name: str, value: str) -> None:
    envelope = with_headers(**{"ce_source": "/warehouse", "ce_id": "7", name: value})
    reason, detail = why_parked(envelope)
    assert reason is ParkingReason.MALFORMED
    assert detail.startswith(f"{name.replace('_', '-')}: must be 1 to 256 characters of UTF-8, no control characters, is ")
    assert envelope.receipt is not None
    assert (envelope.receipt.source, envelope.receipt.message_id) == (f"{INBOUND}/2", "41")
    assert (envelope.correlation_id, envelope.causation_id, envelope.traceparent) == ("new-id", f"{INBOUND}/2/41", None)


@pytest.mark.parametrize("trace", ["", "spam", "\n", "x" * 1_000, TRACE + "\n", TRACE.upper(), f" {TRACE}"])
def test_a_trace_that_is_none_is_dropped_and_the_message_taken(trace: str) -> None:
    envelope = with_headers(traceparent=trace)
    assert envelope.traceparent is None
    assert envelope.command == ChangeBatchQuantity("b1", 3)


@pytest.mark.parametrize("message_id", ["7\u00a07", "七%E3%80%80七"])
def test_a_space_of_another_script_is_no_control_character(message_id: str) -> None:
    receipt = with_headers(ce_source="/warehouse", ce_id=message_id).receipt
    assert receipt is not None
    assert receipt.source == "/warehouse"


def test_the_longest_header_is_kept() -> None:
    receipt = with_headers(ce_source="/warehouse", ce_id="x" * HEADER_CHARACTERS_MAX).receipt
    assert receipt is not None
    assert len(receipt.message_id) == HEADER_CHARACTERS_MAX


def test_the_fingerprint_tells_payloads_apart_not_headers() -> None:
    receipts = [
        translated(message).receipt
        for message in (
            message_of(EVENT),
            message_of(EVENT, sequence=2, headers={"ce-id": "7"}),
            message_of(BatchQuantityChanged(batch_reference="b1", quantity=4)),
        )
    ]
    first, same, other = (receipt.fingerprint for receipt in receipts if receipt is not None)
    assert first == same != other
    assert len(first) == 32
