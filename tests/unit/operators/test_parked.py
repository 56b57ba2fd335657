"""What an operator reads of a parked message: what is in it, whom it is about, and what to do."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from stock.allocation.v1.inbound_events_pb2 import BatchCreated, BatchQuantityChanged, OrderPlaced, OrderPlacedLine

from allocation.adapters.sql.parked_reader import KeptMessage
from allocation.commands import parked_endings_shown, parked_shown
from allocation.contract.inward import subject_of
from allocation.operators import parked, parked_endings, parked_message
from allocation.service_layer.housekeeping import ParkingReason
from allocation.service_layer.records import Ending, ParkedMessage, StreamPlace
from tests.unit.house import LATER, TODAY, TOMORROW
from tests.unit.service_layer.happenings import changed

if TYPE_CHECKING:
    from google.protobuf.message import Message

PLACE = StreamPlace("ALLOCATION_INBOUND", 1, 42)
DISCARD = "allocation parked discard ALLOCATION_INBOUND/1/42 --reason '...'"
REPLAY = "allocation parked replay ALLOCATION_INBOUND/1/42"


def message(event: Message | bytes, reason: ParkingReason = ParkingReason.MALFORMED, **headers: str) -> ParkedMessage:
    payload = event if isinstance(event, bytes) else event.SerializeToString()
    subject = "batch.created" if isinstance(event, bytes) else subject_of(type(event))
    sent = json.dumps({name.replace("_", "-"): value for name, value in headers.items()})
    return ParkedMessage(PLACE, subject, sent, payload, b"", 3, reason, "why", TODAY, 7)


def shown(kept: KeptMessage) -> Any:  # noqa: ANN401 - JSON
    return json.loads(parked_shown.message_as_json(kept))


def test_a_place_is_one_word_that_can_be_copied() -> None:
    assert parked_message.written(PLACE) == "ALLOCATION_INBOUND/1/42"
    assert parked_message.place_of(parked_message.written(PLACE)) == PLACE
    assert parked_message.place_of("S/2147483647/9223372036854775807") == StreamPlace("S", 2**31 - 1, 2**63 - 1)


@pytest.mark.parametrize(
    "text", ["", "S", "S/1", "S/1/2/3", "S/a/2", "S/1/-2", "S/01/2", "S/1/2 ", "S/٣/2", "S/1/9223372036854775808"]
)
def test_what_is_no_place_is_refused_by_its_text(text: str) -> None:
    with pytest.raises(parked_message.PlaceError, match="is no place of a message: write it as it is listed"):
        parked_message.place_of(text)


def test_a_message_is_read_by_the_type_of_its_subject() -> None:
    assert parked_message.decoded(message(changed(0))) == (
        "stock.allocation.v1.BatchQuantityChanged",
        {"batch_reference": "b1", "quantity": 0},
    )
    assert parked_message.decoded(message(b"\xff")) == ("stock.allocation.v1.BatchCreated", None)
    assert parked_message.decoded(replace(message(b""), subject="weather.changed")) == ("", None)


def test_a_time_that_cannot_be_written_is_shown_as_bytes() -> None:
    event = BatchCreated(batch_reference="b1")
    event.eta.seconds = 2**60
    assert parked_message.decoded(message(event)) == ("stock.allocation.v1.BatchCreated", None)


@pytest.mark.parametrize(
    ("event", "about"),
    [
        (changed(5), "b1"),
        (BatchCreated(batch_reference="b2"), "b2"),
        (OrderPlaced(order_id="o1", lines=[OrderPlacedLine(sku="RUG")]), "o1"),
        (BatchQuantityChanged(quantity=3), ""),
        (b"\xff", ""),
    ],
)
def test_a_message_is_about_a_batch_or_an_order(event: Message | bytes, about: str) -> None:
    assert parked_message.concerns(message(event)) == about


@pytest.mark.parametrize(
    ("reason", "commands"),
    [
        (ParkingReason.MALFORMED, [DISCARD]),
        (ParkingReason.WRONG_TYPE, [DISCARD]),
        (ParkingReason.UNKNOWN_SUBJECT, [REPLAY, DISCARD]),
        (ParkingReason.IDENTITY_REUSED, [DISCARD]),
        (ParkingReason.UNKNOWN_BATCH, [REPLAY, DISCARD]),
        (ParkingReason.TOO_MANY_DELIVERIES, [REPLAY]),
    ],
)
def test_every_reason_comes_with_the_commands_to_copy(reason: ParkingReason, commands: list[str]) -> None:
    advice, *found = parked_message.advice(message(changed(5), reason))
    assert found == commands
    assert advice.endswith(".")


def test_the_publisher_is_named_if_it_has_said_who_it_is() -> None:
    (advice, _) = parked_message.advice(message(b"\xff", ce_source="/warehouse%201", ce_id="7"))
    assert "have its publisher (/warehouse 1) send it anew" in advice


def test_what_has_ended_needs_no_advice() -> None:
    ended = KeptMessage(message(changed(5)), Ending("discarded", "sent by a test", TOMORROW))
    found = shown(ended)
    assert (found["advice"], found["commands"]) == ([], [])
    assert found["ending"] == {"outcome": "discarded", "detail": "sent by a test", "ended_at": "2026-01-02T00:00:00Z"}
    assert "what to do" not in parked_shown.message_for_people(ended)
    assert "  ended       discarded 2026-01-02T00:00:00Z: sent by a test" in parked_shown.message_for_people(ended)


def test_messages_are_counted_by_their_reason_beyond_what_is_listed() -> None:
    listing = parked.Listing()
    for parked_at in (TOMORROW, TODAY, LATER):
        listing.groups.setdefault("malformed", parked.Group()).add(replace(message(b"\xff"), parked_at=parked_at))
    listing.shown.append(KeptMessage(message(b"\xff"), None))
    lines = parked_shown.listing_for_people(listing).splitlines()
    assert lines[0] == "malformed: 3 messages, first 2026-01-01T00:00:00Z, last 2026-01-12T00:00:00Z; batch.created"
    assert lines[1:3] == ["  ALLOCATION_INBOUND/1/42  batch.created  2026-01-01T00:00:00Z", "    why"]
    assert lines[3] == "2 messages more not shown: narrow it down, or say --limit 3."


@pytest.mark.parametrize(
    ("others", "said"),
    [
        (0, "Nothing is parked."),
        (1, "Nothing that is parked matches; 1 other is parked."),
        (1_200, "Nothing that is parked matches; 1,200 others are parked."),
    ],
)
def test_that_nothing_matches_is_not_said_as_if_nothing_were_parked(others: int, said: str) -> None:
    assert parked_shown.listing_for_people(parked.Listing(others=others)) == said
    nothing = parked_endings_shown.Rest()
    assert parked_endings_shown.replays_summed_up([], nothing, others) == said
    assert parked_endings_shown.discarded_summed_up(0, 0, nothing, others) == said


def test_what_has_ended_is_among_the_others_where_it_was_looked_for() -> None:
    listing = parked.Listing(with_ended=True, others=3)
    assert parked_shown.listing_for_people(listing) == "Nothing that is or was parked matches; 3 others were parked."


def test_many_places_are_asked_for_in_portions() -> None:
    places = [StreamPlace("S", 1, number) for number in range(250)]
    assert [len(portion) for portion in parked_endings.portions(places)] == [100, 100, 50]
    assert [place for portion in parked_endings.portions(places) for place in portion] == places
    assert parked_endings.portions([]) == []


def test_a_huge_payload_is_shown_by_its_beginning() -> None:
    lines = parked_shown.message_for_people(KeptMessage(message(b"\xff" * 900_000), None)).splitlines()
    at = lines.index("  payload     900000 bytes that are no stock.allocation.v1.BatchCreated")
    assert lines[at + 64].startswith("    0003f0  ff ")
    assert lines[at + 65] == "    … and 898,976 more: --json has all"


def test_a_huge_order_is_shown_by_its_beginning() -> None:
    ordered = [OrderPlacedLine(line_id=str(number), sku="RUG", quantity=1) for number in range(2_000)]
    kept = KeptMessage(message(OrderPlaced(order_id="x" * 500_000, lines=ordered)), None)
    lines = parked_shown.message_for_people(kept).splitlines()
    assert "    … and 9,805 lines more: --json has all" in lines
    assert max(map(len, lines)) < 1_100
    assert len(shown(kept)["message"]["lines"]) == 2_000
    listing = parked.Listing({"malformed": parked.Group()}, [kept])
    listing.groups["malformed"].add(kept.message)
    assert max(map(len, parked_shown.listing_for_people(listing).splitlines())) < 300


def test_the_content_of_a_message_does_not_steer_a_terminal() -> None:
    text = parked_shown.message_for_people(KeptMessage(message(changed(5, "b\u202e\x9b2J")), None))
    assert all(character.isprintable() for line in text.split("\n") for character in line)
