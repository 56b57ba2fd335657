"""The Go program that reads events by the CNCF's CloudEvents SDK: built, and run with a deadline."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

_SOURCE = Path(__file__).parent / "cloudevents"
_PROGRAM = Path(__file__).parents[2] / "build" / "conformance" / "cloudevents"
_BUILD_SECONDS = 300.0
_READ_SECONDS = 30.0
# By then the program has ended itself.
_RUN_SECONDS = _READ_SECONDS + 10.0


class ProgramError(Exception):
    """It cannot be built, or has not read what it was asked for; the message has its own words."""


def build() -> None:
    """Build it, or do little where that was done before.

    Raises:
        ProgramError: Go is missing, or cannot build it.

    """
    go = shutil.which("go")
    if go is None:
        raise ProgramError("go is not on PATH: .ci/toolchains installs it, and build/toolchains/env puts it there")
    _PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    command = (go, "build", "-trimpath", "-buildvcs=false", "-mod=readonly", "-o", str(_PROGRAM), ".")
    _run(command, _BUILD_SECONDS, "go cannot build tests/conformance/cloudevents")


def read(nats_url: str, stream: str, begin: int, count: int) -> list[dict[str, Any]]:
    """Answer what the SDK read, one entry an event, in the order of the stream.

    Raises:
        ProgramError: it could not read so many.

    """
    place = ("-nats", nats_url, "-stream", stream, "-from", str(begin))
    command = (str(_PROGRAM), *place, "-count", str(count), "-deadline", f"{_READ_SECONDS}s")
    return [json.loads(line) for line in _run(command, _RUN_SECONDS, "the SDK cannot read the stream").splitlines()]


def _run(command: tuple[str, ...], deadline_seconds: float, failure: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            command, cwd=_SOURCE, capture_output=True, encoding="utf-8", timeout=deadline_seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise ProgramError(f"{failure}: it took longer than {deadline_seconds:.0f} s") from None
    if done.returncode != 0:
        raise ProgramError(f"{failure}: {done.stderr.strip()}")
    return done.stdout
