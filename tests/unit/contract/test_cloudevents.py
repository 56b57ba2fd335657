"""The envelope, both ways."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation.contract.cloudevents import decode, decode_headers, encode, encode_headers
from tests.integration.jetstream.examples import an_event


def test_the_envelope_names_every_attribute_of_an_event() -> None:
    event = an_event(sku="RÖD STOL 100%")
    assert encode_headers(event, "/stock/allocation") == {
        "ce-specversion": "1.0",
        "ce-id": event.event_id,
        "ce-source": "/stock/allocation",
        "ce-type": "stock.allocation.v1.Allocated",
        "ce-subject": "R%C3%96D%20STOL%20100%25",
        "ce-time": "2026-03-01T12:30:00.000250Z",
        "ce-datacontenttype": "application/protobuf",
        "ce-correlationid": "the-correlation",
        "ce-causationid": "the-causation",
        "Nats-Msg-Id": event.event_id,
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }


def test_an_event_without_a_trace_has_no_traceparent() -> None:
    event = dataclasses.replace(an_event(), traceparent=None)
    assert "traceparent" not in encode_headers(event, "/stock/allocation")


def test_times_of_other_zones_are_sent_as_utc() -> None:
    elsewhere = datetime(2026, 3, 1, 1, 0, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    event = dataclasses.replace(an_event(), occurred_at=elsewhere)
    assert encode_headers(event, "/x")["ce-time"] == "2026-02-28T19:30:00.000000Z"


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("SMALL-TABLE", "SMALL-TABLE"),
        ("Euro € 😀", "Euro%20%E2%82%AC%20%F0%9F%98%80"),
        ('a "b"', "a%20%22b%22"),
        ("100%", "100%25"),
        ("!#$&'~", "!#$&'~"),
        ("\x7f\t", "%7F%09"),
        ("", ""),
    ],
)
def test_values_are_encoded_as_the_binding_says(value: str, encoded: str) -> None:
    assert encode(value) == encoded
    assert decode(encoded) == value


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_was_encoded_is_decoded_to_the_same(value: str) -> None:
    encoded = encode(value)
    assert all("\x21" <= character <= "\x7e" for character in encoded)
    assert decode(encoded) == value


def test_inbound_headers_are_lower_cased_and_only_the_envelope_is_decoded() -> None:
    headers = {"CE-Subject": "R%C3%96D", "Traceparent": "00%20", "ce-id": "7"}
    assert decode_headers(headers) == {"ce-subject": "RÖD", "traceparent": "00%20", "ce-id": "7"}


def test_strange_headers_are_read_as_well_as_they_can_be() -> None:
    headers = {"ce-id": "50% off", "ce-source": "%FF", "ce-type": '"quoted \\"name\\""', "ce-subject": '"'}
    assert decode_headers(headers) == {
        "ce-id": "50% off",
        "ce-source": "\ufffd",
        "ce-type": 'quoted "name"',
        "ce-subject": '"',
    }
    assert decode_headers(None) == {}
