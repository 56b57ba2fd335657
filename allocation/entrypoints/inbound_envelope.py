"""From an inbound message to a command in its envelope: by subject, headers and bytes; or to a command that parks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocation.contract import inward
from allocation.contract.cloudevents import decode_headers, valid_traceparent
from allocation.contract.validation import MalformedError, Violation, has_no_control_characters, shown
from allocation.service_layer.envelope import Envelope, Receipt
from allocation.service_layer.housekeeping import Park, ParkingReason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from allocation.domain.commands import Command
    from allocation.service_layer.streams import InboundMessage

HEADER_CHARACTERS_MAX = 256


def envelope_of(message: InboundMessage, incarnation: int, new_id: Callable[[], str]) -> Envelope:
    """Translate a message; what cannot be asked becomes a `Park` that says why."""
    headers = decode_headers(message.headers)
    place = f"{message.stream}/{incarnation}"
    source, message_id = place, str(message.sequence)
    try:
        _check_headers(headers, message.stream)
    except MalformedError as error:
        command: Command = Park(ParkingReason.MALFORMED, str(error))
        headers = {}
    else:
        if "ce-source" in headers and "ce-id" in headers:
            source, message_id = headers["ce-source"], headers["ce-id"]
        command = _command_of(message, headers.get("ce-type"))
    receipt = Receipt(message, inward.message_type_of(message.subject) or "", incarnation, source, message_id)
    return Envelope(
        command,
        correlation_id=headers.get("ce-correlationid") or headers.get("ce-id") or new_id(),
        causation_id=headers.get("ce-id") or f"{place}/{message.sequence}",
        traceparent=valid_traceparent(headers.get("traceparent")),
        receipt=receipt,
    )


def _command_of(message: InboundMessage, given_type: str | None) -> Command:
    expected_type = inward.message_type_of(message.subject)
    if expected_type is None:
        return Park(ParkingReason.UNKNOWN_SUBJECT, f"no message is known for subject {shown(message.subject)}")
    if given_type is not None and given_type != expected_type:
        return Park(ParkingReason.WRONG_TYPE, f"ce-type {shown(given_type)} on a subject that carries {expected_type}")
    try:
        return inward.command_of_event(message.subject, message.payload)
    except MalformedError as error:
        return Park(ParkingReason.MALFORMED, str(error))


def _check_headers(headers: Mapping[str, str], stream: str) -> None:
    rule = f"must be 1 to {HEADER_CHARACTERS_MAX} characters of UTF-8, no control characters"
    violations = [
        Violation(name, f"{rule}, is {shown(headers[name])}")
        for name in ("ce-id", "ce-source", "ce-correlationid")
        if name in headers and not _is_valid(headers[name])
    ]
    source = headers.get("ce-source", "")
    if source.startswith(f"{stream}/") and source.removeprefix(f"{stream}/").isdecimal():
        rule = f"must not be {stream}/ and a number: messages without an identity are known by that"
        violations.append(Violation("ce-source", f"{rule}, is {shown(source)}"))
    if violations:
        raise MalformedError(violations)


def _is_valid(value: str) -> bool:
    # Bytes that are no UTF-8 are U+FFFD by now: two broken identities must not become the same one.
    return 0 < len(value) <= HEADER_CHARACTERS_MAX and has_no_control_characters(value) and "\ufffd" not in value
