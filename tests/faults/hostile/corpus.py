"""What fuzzing starts from: the golden vectors, as the bytes that each target takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocation.contract import inward
from tests.faults.hostile.fuzz_targets import HEADERS, PLANTED, REQUESTS, SUBJECTS
from tests.faults.hostile.garbage import golden_messages

if TYPE_CHECKING:
    from collections.abc import Iterator

_TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def corpus_of(target: str) -> list[bytes]:
    """Answer the seeds of a target."""
    return list(_SEEDS[target]())


def _inbound() -> Iterator[bytes]:
    for number, payloads in _by_subject():
        type_name = (inward.message_type_of(SUBJECTS[number]) or "").encode()
        for payload in payloads:
            yield bytes([number, 0]) + payload
            yield (
                bytes([number, 3])
                + _header("ce-id", b"id")
                + _header("CE-Source", b"/shop")
                + _header("ce-type", type_name)
                + payload
            )
            yield bytes([number, 2]) + _header("traceparent", _TRACE) + _header("ce-correlationid", b"%C3%9C %") + payload


def _outgoing() -> Iterator[bytes]:
    for number, payloads in _by_subject():
        for payload in payloads:
            yield bytes([number]) + payload


def _request() -> Iterator[bytes]:
    golden = golden_messages()
    for number, (message_type, _) in enumerate(REQUESTS):
        for payload in golden[message_type.DESCRIPTOR.full_name]:
            yield bytes([number]) + payload


def _header_value() -> Iterator[bytes]:
    yield from (b'"quoted \\" %C3%BC"', "RÜG 100 %".encode(), b"%", b"%zz", b"", _TRACE, b"\xff\xfe", b"\x00\n")


def _by_subject() -> Iterator[tuple[int, list[bytes]]]:
    golden = golden_messages()
    for number, subject in enumerate(inward.INBOUND_SUBJECTS):
        yield number, golden[inward.message_type_of(subject) or ""]


def _header(name: str, value: bytes) -> bytes:
    return bytes([HEADERS.index(name), len(value)]) + value


_SEEDS = {"inbound": _inbound, "request": _request, "outgoing": _outgoing, "header-value": _header_value, PLANTED: _outgoing}
