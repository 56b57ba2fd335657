"""A program under test: its commands run to their end, and its follower as a process that can be killed."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any, NamedTuple

from examples.world.processes import dying_with_us
from examples.world.programs import ROOT, Program
from tests.conformance.follower import Follower

if TYPE_CHECKING:
    from pathlib import Path

COMMAND_SECONDS = 30.0


class Answer(NamedTuple):
    """What a command printed and how it ended."""

    status: int
    lines: list[dict[str, Any]]
    said: str


class Subject:
    """One program, told where the service is."""

    def __init__(self, program: Program, environment: dict[str, str], folder: Path) -> None:
        self.program = program
        self.folder = folder
        self._told = environment

    def asking(self, grpc_target: str) -> Subject:
        """Have the same program call somebody else."""
        return Subject(self.program, self._told | {"GRPC_TARGET": grpc_target}, self.folder)

    def ask(self, *arguments: str, seconds: float = COMMAND_SECONDS) -> Answer:
        """Run a command to its end.

        Raises:
            subprocess.TimeoutExpired: it did not end.

        """
        done = subprocess.run(  # noqa: S603 - one of the project's programs
            dying_with_us([*self.program.command, *arguments]),
            cwd=ROOT,
            env=os.environ | self._told,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        return Answer(done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr)

    def follow(self, name: str) -> Follower:
        """Start following events under a durable name."""
        return Follower(self.program.command, name, os.environ | self._told, self.folder)
