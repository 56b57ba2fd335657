"""What a process holds: memory, descriptors, threads. Read from outside."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Self

import psutil

MEBIBYTE = 1 << 20
_SAMPLE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Vitals:
    """A look at a process."""

    memory_bytes: int
    descriptors: int
    threads: int


def vitals_of(pid: int) -> Vitals:
    """Look at a process."""
    process = psutil.Process(pid)
    with process.oneshot():
        return Vitals(process.memory_info().rss, process.num_fds(), process.num_threads())


class PeakMemory:
    """The largest resident size of a process while the block runs, sampled from a thread."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.bytes = 0

    def __enter__(self) -> Self:
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._over.wait(_SAMPLE_SECONDS):
            self._look()

    def _look(self) -> None:
        try:
            self.bytes = max(self.bytes, self._process.memory_info().rss)
        except psutil.NoSuchProcess:
            self._over.set()
