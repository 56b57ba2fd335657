"""A service in a process of its own, to be killed: it locks its folder, starts its broker, tells its pid and waits."""

from __future__ import annotations

import asyncio
import importlib
import itertools
import os
import signal
import sys

import structlog

from allocation.adapters.data_folder import DataFolder
from allocation.adapters.embedded_broker import EmbeddedBroker


def die_before_record(number: int) -> None:
    """Arrange that the service dies in place of writing down its first, second... broker."""
    server = importlib.import_module("allocation.adapters.embedded_broker.server")
    remember = vars(server)["remember"]
    numbers = itertools.count(1)

    def remember_or_die(*parts: object) -> None:
        if next(numbers) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        remember(*parts)

    vars(server)["remember"] = remember_or_die


async def main(folder: str, port: int) -> None:
    """Run until killed."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    with DataFolder(folder) as data_folder:
        broker = EmbeddedBroker(data_folder, port)
        await broker.start()
        sys.stdout.write(f"{broker.pid}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    die_before_record(int(sys.argv[3]))
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
