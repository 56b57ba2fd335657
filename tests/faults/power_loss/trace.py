"""What strace wrote down, as calls in the order in which they began and ended."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SYNCS = ("fsync", "fdatasync", "msync", "sync_file_range")
SENDS = ("write", "writev", "sendto", "sendmsg")
RECEIVES = ("read", "recvfrom", "recvmsg")
_BEGUN = re.compile(r"(?P<thread>\d+) +(?P<at>[\d.]+) (?P<name>\w+)\((?P<text>.*)", re.DOTALL)
_RESUMED = re.compile(r"(?P<thread>\d+) +[\d.]+ <\.\.\. \w+ resumed>(?P<text>.*)", re.DOTALL)
_DESCRIPTOR = re.compile(r"\d+<(.*?)>[,) ]", re.DOTALL)
_BYTE = re.compile(r"\\x([0-9a-f]{2})")
_UNFINISHED = " <unfinished ...>"


@dataclass
class Call:
    """A system call: `began` and `ended` are places in the trace, `on` is the file or socket, `text` all arguments decoded.

    `at` is when it began, as time.time() tells it.
    """

    thread: int
    name: str
    at: float
    began: int
    text: str
    ended: int = 0
    on: str = ""

    @property
    def is_socket(self) -> bool:
        """Whether it is about a TCP connection."""
        return self.on.startswith("TCP")


class Trace:
    """All calls of a program, its threads and its children."""

    def __init__(self, calls: list[Call]) -> None:
        self.calls = calls

    def receipt(self, text: str, *, after: int = 0, also: str = "") -> Call:
        """Find the first time that something came in by a socket."""
        return self._first(RECEIVES, text, after, also)

    def sending(self, text: str, *, after: int = 0, also: str = "") -> Call:
        """Find the first time that something went out by a socket."""
        return self._first(SENDS, text, after, also)

    def writes(self, file: str, *, before: int) -> list[Call]:
        """Find what began to be written to a file before a place."""
        return [
            call
            for call in self.calls
            if call.name in ("write", "writev", "pwrite64") and file in call.on and call.began < before
        ]

    def syncs(self, file: str, *, after: int, before: int) -> list[Call]:
        """Find the syncs of a file that began after one place and had ended, well, before another."""
        return [
            call
            for call in self.calls
            if call.name in SYNCS and file in call.on and after < call.began and call.ended < before and _went_well(call)
        ]

    def _first(self, names: tuple[str, ...], text: str, after: int, also: str) -> Call:
        for call in self.calls:
            if call.name in names and call.is_socket and call.began > after and text in call.text and also in call.text:
                return call
        raise LookupError(f"no {'/'.join(names)} of {text!r} {also!r} was traced")


def read_trace(log: Path) -> Trace:
    """Read what strace -f -ttt -yy -xx has written."""
    return Trace(list(_calls(log)))


def _calls(log: Path) -> Iterator[Call]:
    unfinished: dict[int, Call] = {}
    with log.open(encoding="ascii") as lines:
        for place, raw in enumerate(lines, 1):
            line = _BYTE.sub(lambda found: chr(int(found[1], 16)), raw.rstrip("\n"))
            if resumed := _RESUMED.match(line):
                call = unfinished.pop(int(resumed["thread"]), None)
                if call is None:
                    continue
                call.text += resumed["text"]
            elif begun := _BEGUN.match(line):
                call = Call(int(begun["thread"]), begun["name"], float(begun["at"]), place, begun["text"])
                yield call
                if line.endswith(_UNFINISHED):
                    call.text = call.text.removesuffix(_UNFINISHED)
                    unfinished[call.thread] = call
                    call.on = _on(call)
                    continue
            else:
                continue
            call.ended = place
            call.on = _on(call)


def _on(call: Call) -> str:
    found = _DESCRIPTOR.match(call.text + " ")
    return found[1] if found else ""


def _went_well(call: Call) -> bool:
    return bool(call.ended) and re.search(r"= 0$", call.text) is not None
