"""Protobuf's wire format by hand, for messages that no encoder would make."""

from __future__ import annotations

_VARINT, _BYTES = 0, 2


def varint(number: int, value: int) -> bytes:
    """Encode an integer field; negative values as protobuf does, in ten bytes."""
    return _tag(number, _VARINT) + _varint(value % (1 << 64))


def text(number: int, value: str | bytes) -> bytes:
    """Encode a string field, or bytes that are no UTF-8."""
    raw = value.encode() if isinstance(value, str) else value
    return _tag(number, _BYTES) + _varint(len(raw)) + raw


def _tag(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _varint(value: int) -> bytes:
    encoded = b""
    while value > 0x7F:
        encoded, value = encoded + bytes([value & 0x7F | 0x80]), value >> 7
    return encoded + bytes([value])
