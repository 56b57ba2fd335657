"""The real service with parts that kill it, fail by chance, or break it: `python -m tests.faults.service_with_failpoints`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING

from allocation.bootstrap import run_dev
from allocation.logs import configure_logs
from allocation.settings import read_settings
from tests.faults.broken import BROKEN
from tests.faults.failpoints import FAILPOINTS, Moment
from tests.faults.restless import RESTLESS

if TYPE_CHECKING:
    from allocation.connections import Adapters


def main() -> None:
    """Run until told to stop, or until the failpoint."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--failpoint", choices=sorted(FAILPOINTS))
    parser.add_argument("--after", type=int, default=1, help="the how manieth time is deadly")
    parser.add_argument("--broken", choices=sorted(BROKEN))
    parser.add_argument("--restless", choices=sorted(RESTLESS), help="what fails now and then")
    parser.add_argument("--seed", type=int, default=1, help="of the chance by which it fails")
    arguments = parser.parse_args()
    settings = read_settings()

    def replace_adapters(adapters: Adapters) -> Adapters:
        # The break first, so that the failpoint strikes around what is broken.
        if arguments.broken:
            adapters = BROKEN[arguments.broken](adapters, f"nats://127.0.0.1:{settings.nats_port}")
        if arguments.restless:
            adapters = RESTLESS[arguments.restless](adapters, arguments.seed)
        if arguments.failpoint:
            adapters = FAILPOINTS[arguments.failpoint](adapters, Moment(arguments.after))
        return adapters

    configure_logs(settings.log_level, settings.log_format)
    asyncio.run(run_dev(settings, sys.stdout.flush, replace_adapters=replace_adapters))


if __name__ == "__main__":
    main()
