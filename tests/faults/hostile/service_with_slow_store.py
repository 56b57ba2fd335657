"""The real service on a slow disk: `python -m tests.faults.hostile.service_with_slow_store SECONDS`.

Each transaction takes that much longer. So a load can be ten times what the service carries, and not what its clients do.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from allocation.bootstrap import run_dev
from allocation.logs import configure_logs
from allocation.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from allocation.connections import Adapters
    from allocation.service_layer.store import Store, Transaction

Result = TypeVar("Result")


class SlowStore:
    """A store whose transactions take longer."""

    def __init__(self, store: Store, seconds: float) -> None:
        self._store = store
        self._seconds = seconds

    async def transact(self, work: Callable[[Transaction], Result]) -> Result:
        """Wait, and then do the work in one transaction."""
        await asyncio.sleep(self._seconds)
        return await self._store.transact(work)


def main() -> None:
    """Run until told to stop."""
    seconds = float(sys.argv[1])
    settings = read_settings()

    def slowed(adapters: Adapters) -> Adapters:
        return replace(adapters, store=SlowStore(adapters.store, seconds))

    configure_logs(settings.log_level, settings.log_format)
    asyncio.run(run_dev(settings, sys.stdout.flush, replace_adapters=slowed))


if __name__ == "__main__":
    main()
