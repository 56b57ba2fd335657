"""Acknowledgements of events are taken out of what a broker says, whole and alone, however its bytes are cut."""

from __future__ import annotations

import pytest

from tests.faults.processes.lost_acks import AckLoss

_ACK = b'{"stream":"ALLOCATION_EVENTS","seq":12,"batch":"a","count":3}'
_OTHER_ACK = b'{"stream":"ALLOCATION_INBOUND","seq":12}'


def _said(payload: bytes) -> bytes:
    return b"MSG _INBOX.allocation.x 4 %d\r\n%s\r\n" % (len(payload), payload)


def _delivered(payload: bytes) -> bytes:
    headers = b"NATS/1.0\r\nce-id: 1\r\n\r\n"
    whole = headers + payload
    return b"HMSG order.placed 5 $JS.ACK.x %d %d\r\n%s\r\n" % (len(headers), len(whole), whole)


SAID = b'INFO {"server":"x"}\r\n' + _said(_OTHER_ACK) + _said(_ACK) + b"PING\r\n" + _delivered(b"MSG \r\n") + _said(_ACK)


@pytest.mark.parametrize("step", [1, 7, 1_000])
def test_as_many_as_are_wanted_are_lost_and_all_else_passes_unchanged(step: int) -> None:
    loss = AckLoss()
    loss.wanted = 1
    sieve = loss.sieve()

    passed = b"".join(sieve(SAID[begin : begin + step]) for begin in range(0, len(SAID), step))

    assert passed == SAID.replace(_said(_ACK), b"", 1)
    assert loss.lost == 1


def test_nothing_is_lost_as_long_as_nothing_is_wanted() -> None:
    assert AckLoss().sieve()(SAID) == SAID
