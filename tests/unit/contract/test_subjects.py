"""The option that ties a message to its subject is the only place where subjects are written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from stock.allocation.v1 import errors_pb2, events_pb2, inbound_events_pb2, options_pb2

from allocation.contract.inward import INBOUND_SUBJECTS
from allocation.contract.outward import OUTBOUND_SUBJECTS, rejection_reason
from allocation.domain.errors import RejectionReason

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

OUT = list(events_pb2.DESCRIPTOR.message_types_by_name.values())
# A line is a part of an order, not an event.
IN = [kind for kind in inbound_events_pb2.DESCRIPTOR.message_types_by_name.values() if kind.name != "OrderPlacedLine"]


def options_of(kind: Any) -> Any:  # noqa: ANN401 - the stubs do not know what an extension holds
    return kind.GetOptions().Extensions[options_pb2.event]


@pytest.mark.parametrize("kind", OUT, ids=lambda kind: kind.name)
def test_an_outgoing_subject_is_the_message_in_snake_case(kind: Descriptor) -> None:
    snake_case = re.sub(r"(?<!^)(?=[A-Z])", "_", kind.name).lower()
    assert options_of(kind).subject == f"allocation.{snake_case}"
    assert options_of(kind).direction == options_pb2.DIRECTION_OUTBOUND


@pytest.mark.parametrize("kind", IN, ids=lambda kind: kind.name)
def test_an_inbound_event_has_a_subject(kind: Descriptor) -> None:
    assert options_of(kind).direction == options_pb2.DIRECTION_INBOUND
    assert options_of(kind).subject in INBOUND_SUBJECTS


def test_a_part_of_an_event_has_no_subject() -> None:
    assert options_of(inbound_events_pb2.OrderPlacedLine.DESCRIPTOR) == options_pb2.EventOptions()


def test_what_is_published_and_consumed_is_what_the_options_say() -> None:
    assert sorted(OUTBOUND_SUBJECTS) == sorted(options_of(kind).subject for kind in OUT)
    assert sorted(INBOUND_SUBJECTS) == sorted(options_of(kind).subject for kind in IN)


def test_the_subjects_that_others_rely_on() -> None:
    assert "batch.quantity.changed" in INBOUND_SUBJECTS
    assert "allocation.allocated" in OUTBOUND_SUBJECTS
    assert options_pb2.event.number == 71846


@pytest.mark.parametrize("reason", RejectionReason)
def test_every_reason_of_the_domain_is_in_the_contract(reason: RejectionReason) -> None:
    assert errors_pb2.RejectionReason.Value(rejection_reason(reason)) > 0
