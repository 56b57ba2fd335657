"""The real service, broken on purpose: neither its database nor its broker waits for the disk. The checks must find it out.

`python -m tests.faults.power_loss.service_without_syncs [--database-alone]`.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from allocation.adapters.embedded_broker import files
from allocation.adapters.sql import sqlite
from allocation.bootstrap import run_dev
from allocation.logs import configure_logs
from allocation.settings import read_settings

if TYPE_CHECKING:
    from pathlib import Path


def main() -> None:
    """Run until told to stop."""
    _let_the_database_not_sync()
    if "--database-alone" not in sys.argv:
        _let_the_broker_not_sync()
    settings = read_settings()
    configure_logs(settings.log_level, settings.log_format)
    asyncio.run(run_dev(settings, sys.stdout.flush))


def _let_the_database_not_sync() -> None:
    name = "_WRITER"  # nothing that anybody may choose
    pragmas: tuple[str, ...] = getattr(sqlite, name)
    assert "synchronous=FULL" in pragmas
    setattr(sqlite, name, tuple(pragma.replace("=FULL", "=OFF") for pragma in pragmas))


def _let_the_broker_not_sync() -> None:
    write = files.replace_text

    def write_with_the_default(path: Path, text: str) -> None:
        assert '"sync_interval": "always"' in text
        write(path, text.replace('"sync_interval": "always"', '"sync_interval": "2m"'))

    files.replace_text = write_with_the_default


if __name__ == "__main__":
    main()
