"""Runs a nats-server, the service and the five programs on this machine for a while, draws what flows, compares their figures.

On the way the service is stopped for a tenth of the time, and crm is killed and started again: `make world`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from examples.world.board import Board
from examples.world.flow import Flow
from examples.world.programs import PROGRAMS
from examples.world.world import SETTLE_SECONDS, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from examples.world.processes import Process

DRAW_SECONDS = 0.25
INTERRUPTED = 130
SECONDS_MIN = 10
STOP_AT, START_AT, KILL_AT, REVIVE_AT = 0.4, 0.5, 0.6, 0.65


async def live(world: World) -> list[str]:
    """Let the world live for its time, then let it settle; answer what does not agree."""
    flow = Flow()
    await flow.listen(world.nats_url)
    with Board(flow, world.programs) as board:
        turns = [
            (STOP_AT, "the allocation service is stopped; orders are taken on", world.stop_service),
            (START_AT, "the allocation service is started again", world.start_service),
            *(
                (at, text, act)
                for program, process in world.programs
                if program.name == "crm"
                for at, text, act in restart(process)
            ),
        ]
        began = time.monotonic()
        while (elapsed := time.monotonic() - began) < world.seconds or turns:
            while turns and elapsed > turns[0][0] * world.seconds:
                _, text, act = turns.pop(0)
                board.tell(text)
                act()
            await draw(world, board, f"{max(world.seconds - elapsed, 0):.0f} s to go")
        problems = await settle(world, board, flow)
    await flow.close()
    board.show_figures()
    return problems


def restart(process: Process) -> list[tuple[float, str, Callable[[], None]]]:
    """Plan the death of a program, and its second life."""
    return [
        (KILL_AT, f"{process.name} is killed", lambda: process.end(signal.SIGKILL)),
        (REVIVE_AT, f"{process.name} is started again", process.start),
    ]


async def settle(world: World, board: Board, flow: Flow) -> list[str]:
    """Wait until all figures agree; answer what still does not at the end."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while problems := world.problems(flow):
        if time.monotonic() > deadline:
            break
        await draw(world, board, "no more orders; waiting until all figures agree")
    return problems


async def draw(world: World, board: Board, title: str) -> None:
    """Show the present state once."""
    for line in world.read_news():
        board.tell(line)
    board.draw(title)
    await asyncio.sleep(DRAW_SECONDS)


def main() -> None:
    """Build, run, compare; exit with 1 if the figures do not agree, or if a program could not be run and CI is set."""
    parser = argparse.ArgumentParser(prog="python -m examples.world", description=__doc__)
    parser.add_argument(
        "--seconds", type=int, default=60, help=f"how long orders are placed: {SECONDS_MIN} or more (default 60)"
    )
    seconds: int = parser.parse_args().seconds
    if seconds < SECONDS_MIN:
        parser.error(f"--seconds {seconds}: must be {SECONDS_MIN} or more, or too little happens")
    absent = {program.name: problem for program in PROGRAMS if (problem := program.problem())}
    present = [program for program in PROGRAMS if program.name not in absent]
    for program in present:
        print(f"building {program.name} ({program.language})", flush=True)
        program.prepare()
    with tempfile.TemporaryDirectory(prefix="world-") as folder, World(Path(folder), present, seconds) as world:
        problems = asyncio.run(live(world))
        down = world.taken_while_down
    print(f"{len(world.lines_kept)} orders were taken, {down} of them while the service was down; {len(present)} programs ran.")
    for name, problem in absent.items():
        print(f"not run: {name}: {problem}")
    for problem in problems:
        print(problem)
    if problems or (absent and os.environ.get("CI")):
        sys.exit("The figures do not agree." if problems else "Every program must run in CI.")
    print("All figures agree.")


if __name__ == "__main__":
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
