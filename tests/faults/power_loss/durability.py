"""What a trace must show: nothing was answered, acked or acknowledged before the disk had it. Complaints are sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.power_loss.trace import Call, Trace

WAL = "allocation.sqlite3-wal"
"""The write-ahead log: a transaction is safe once it is synced. Its file is found by the end of its name."""
_STREAM_FILES = "/streams/{}/msgs/"


def check_answer(trace: Trace, order_id: str) -> Iterator[str]:
    """What left first about an Allocate, its answer or its event, left after the sync of the log that holds its line."""
    answer = trace.sending(order_id)
    yield from _check_kept(trace, WAL, order_id, answer, f"the answer about {order_id}")


def check_ack(trace: Trace, order_id: str) -> Iterator[str]:
    """The ack of an inbound message left after the sync of the write-ahead log that holds its line."""
    arrival = trace.receipt(order_id, also="$JS.ACK.ALLOCATION_INBOUND")
    ack = trace.sending("+ACK", after=arrival.ended, also="$JS.ACK.ALLOCATION_INBOUND")
    yield from _check_kept(trace, WAL, order_id, ack, f"the ack of {order_id}")


def check_publish_ack(trace: Trace, order_id: str, stream: str, sequence: int) -> Iterator[str]:
    """The broker's acknowledgement of a message left after the sync of the stream's file that holds it."""
    acknowledgement = trace.sending(f'"seq":{sequence}', also=f'"stream":"{stream}"')
    file = _STREAM_FILES.format(stream)
    what = f"the broker's acknowledgement of {order_id} on {stream}"
    yield from _check_kept(trace, file, order_id, acknowledgement, what)


def _check_kept(trace: Trace, file: str, text: str, told: Call, what: str) -> Iterator[str]:
    """Nobody knows the text before it arrives: what is found of it in the file is of this request."""
    written = [call for call in trace.writes(file, before=told.began) if text in call.text]
    if not written:
        yield f"{what} was sent before anything of it was written to {file}"
    elif not trace.syncs(file, after=written[0].ended, before=told.began):
        yield f"{what} was sent before {file} was synced"
