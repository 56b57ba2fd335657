"""Becomes a program under strace that keeps its process id: `python -m tests.faults.power_loss.traced LOG CALLS COMMAND...`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SYNCS = "fsync,fdatasync,msync,sync_file_range"
ALL_CALLS = f"{SYNCS},read,recvfrom,recvmsg,write,writev,sendto,sendmsg,pwrite64"
BYTES_SHOWN = 8_192


def traced(log: Path, calls: str, command: tuple[str, ...]) -> tuple[str, ...]:
    """Answer the arguments with which Python runs a command of Python under strace."""
    return ("-m", __name__, str(log), calls, *command)


def main() -> None:
    """Trace this process and all that it starts; the tracer is its grandchild, so that signals reach the program itself."""
    log, calls, *command = sys.argv[1:]
    strace = ["strace", "-D", "-f", "--seccomp-bpf", "-ttt", "-yy", "-xx", "-s", str(BYTES_SHOWN), "-o", log]
    os.execvp(  # noqa: S606 - it is meant to become that program
        strace[0], [*strace, "-e", f"trace={calls}", "-e", "signal=none", "--", sys.executable, *command]
    )


if __name__ == "__main__":
    main()
