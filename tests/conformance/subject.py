"""A program under test: its commands run to their end, and its follower as a process that can be killed."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from examples.world.processes import dying_with_us
from examples.world.programs import ROOT, Program
from tests.waiting import wait_until

if TYPE_CHECKING:
    import signal
    from pathlib import Path

COMMAND_SECONDS = 30
END_SECONDS = 10


@dataclass(frozen=True)
class Answer:
    """What a command printed and how it ended."""

    status: int
    lines: list[dict[str, Any]]
    said: str


class Subject:
    """One program, told where the service is."""

    def __init__(self, program: Program, environment: dict[str, str], folder: Path) -> None:
        self.program = program
        self.folder = folder
        self._environment = os.environ | environment

    def ask(self, *arguments: str) -> Answer:
        """Run a command to its end.

        Raises:
            subprocess.TimeoutExpired: it did not end.

        """
        done = subprocess.run(  # noqa: S603 - one of the project's programs
            [*self.program.command, *arguments],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        return Answer(done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr)

    def follow(self, name: str) -> Follower:
        """Start following events under a durable name."""
        state = str(self.folder / f"{name}.json")
        return Follower([*self.program.command, "run", name, state, "0"], self._environment, self.folder)


class Follower:
    """A following program; use it as a context manager. What it printed over all its lives is kept."""

    def __init__(self, command: list[str], environment: dict[str, str], folder: Path) -> None:
        self._command, self._environment = command, environment
        self._printed, self._said = folder / "printed.txt", folder / "said.txt"
        self._printed.write_bytes(b"")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, again if it was ended."""
        with self._printed.open("ab") as printed, self._said.open("ab") as said:
            self._process = subprocess.Popen(  # noqa: S603 - one of the project's programs
                dying_with_us(self._command), cwd=ROOT, env=self._environment, stdout=printed, stderr=said
            )

    def end(self, how: signal.Signals) -> int:
        """End it and answer its exit status."""
        process, self._process = self._process, None
        assert process is not None, "the follower does not run"
        process.send_signal(how)
        try:
            return process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def lines(self) -> list[dict[str, Any]]:
        """Read what it printed; a line that a kill has torn is left out."""
        complete = self._printed.read_bytes().split(b"\n")[:-1]
        return [json.loads(line) for line in complete if line.startswith(b"{") and line.endswith(b"}")]

    def figures(self) -> dict[str, Any]:
        """Read its latest figures; empty before the first."""
        figures: list[dict[str, Any]] = [line["figures"] for line in self.lines() if "figures" in line]
        return figures[-1] if figures else {}

    def wait_for(self, seconds: float, **expected: int) -> None:
        """Wait until its figures have these values.

        Raises:
            AssertionError: they did not in time.

        """
        try:
            wait_until(lambda: expected.items() <= self.figures().items(), seconds)
        except TimeoutError:
            said = self._said.read_text(errors="replace")[-1500:]
            seen = f"after {seconds:g} s its figures are {self.figures()}, expected {expected}"
            raise AssertionError(f"{seen}; it said:\n{said}") from None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
