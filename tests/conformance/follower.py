"""A program that follows events, as a process that can be killed, and whose state file can be made unwritable."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from examples.world.processes import dying_with_us
from examples.world.programs import ROOT
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

END_SECONDS = 10
# Permissions do not bind the superuser, unless it gives these capabilities up for good (PR_CAPBSET_DROP of
# CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH and CAP_FOWNER) and then becomes the program. Others have none to give up.
_BECOME_BOUND = (
    "import ctypes, os, sys; library = ctypes.CDLL(None); [library.prctl(24, one, 0, 0, 0) for one in (1, 2, 3)]; "
    "os.execvp(sys.argv[1], sys.argv[1:])"
)


def bound_by_permissions(command: Sequence[str]) -> list[str]:
    """Wrap a command so that file permissions hold for it whoever runs it; on Linux, elsewhere it is as it was."""
    return [sys.executable, "-I", "-S", "-c", _BECOME_BOUND, *command] if sys.platform == "linux" else list(command)


class Follower:
    """A following program; use it as a context manager. What it printed over all its lives is kept."""

    def __init__(self, command: Sequence[str], name: str, environment: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self._environment = environment
        self._printed, self._said = folder / f"{name}.out", folder / f"{name}.err"
        self._printed.write_bytes(b"")
        self._life = 0  # where its output of this life begins
        self._state = folder / f"{name}-state" / "state.json"
        self._state.parent.mkdir()
        self._command = bound_by_permissions([*command, "run", name, str(self._state), "0"])
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, again if it was ended."""
        with self._printed.open("ab") as printed, self._said.open("ab") as said:
            printed.write(b"\n")  # a kill may have torn the last line
            printed.flush()
            self._life = printed.tell()
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
            process.wait(END_SECONDS)
            raise

    def kill(self) -> None:
        """Kill it; it may have ended by itself."""
        self.end(signal.SIGKILL)

    @contextmanager
    def unwritable_state(self) -> Iterator[None]:
        """Let nothing be written in the folder of its state, which can still be read."""
        assert self._state.exists(), "it has acked events and written no state"
        self._state.chmod(0o444)
        self._state.parent.chmod(0o555)
        try:
            probe = bound_by_permissions(["touch", str(self._state), f"{self._state}.probe"])
            refused = subprocess.run(probe, capture_output=True, timeout=END_SECONDS, check=False).returncode  # noqa: S603
            assert refused, "permissions do not hold here"
            yield
        finally:
            self._state.parent.chmod(0o755)
            self._state.chmod(0o644)

    def lines(self, since: int = 0) -> list[dict[str, Any]]:
        """Read what it printed; a line that a kill has torn is left out."""
        return [line for text in self._printed.read_bytes()[since:].split(b"\n")[:-1] if (line := parsed(text))]

    def figures(self) -> dict[str, Any]:
        """Read its latest figures; empty before the first."""
        return figures[-1] if (figures := figures_among(self.lines())) else {}

    def figures_of_this_life(self) -> list[dict[str, Any]]:
        """Read all figures since it was last started, the first of which are those that it remembers."""
        return figures_among(self.lines(self._life))

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
            self.kill()


def parsed(text: bytes) -> dict[str, Any]:
    """Read a JSON object; empty if it is none."""
    try:
        line = json.loads(text)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}


def figures_among(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out what is printed beside figures."""
    return [line["figures"] for line in lines if "figures" in line]
