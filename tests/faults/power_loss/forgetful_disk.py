"""The forgetful disk as a test holds it: it is plugged in, its power fails, and it is plugged in again."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self

from examples.world.processes import dying_with_us
from tests.waiting import wait_until

_ROOT = Path(__file__).parents[3]
_END_SECONDS = 10.0


class ForgetfulDisk:
    """A disk mounted on a folder; while it has no power, `platter` is a plain folder with what it holds.

    With `strict_names` a name is safe only once its folder is synced; with `sync_lies` syncing makes nothing safe.
    """

    def __init__(self, mount: Path, platter: Path, *, strict_names: bool = False, sync_lies: bool = False) -> None:
        self.mount = mount
        self.platter = platter
        self.syncs = 0
        self._options = ["--strict-names"] * strict_names + ["--sync-lies"] * sync_lies
        self._process: subprocess.Popen[str] | None = None
        self._listener = threading.Thread()
        self._said = threading.Event()
        mount.mkdir(parents=True, exist_ok=True)
        platter.mkdir(parents=True)

    def plug_in(self, seed: int | None = None) -> None:
        """Mount it; the seed is of the chance by which unsynced pieces will survive its next failure, without it none do."""
        assert self._process is None, "the disk has power already"
        self._said.clear()
        chance = [] if seed is None else ["--seed", str(seed)]
        command = [sys.executable, "-m", "tests.faults.power_loss.disk_process", str(self.mount), str(self.platter)]
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            dying_with_us([*command, *self._options, *chance]),
            cwd=_ROOT,
            # The binding would take libfuse 2 where that is installed too.
            env=os.environ | {"FUSE_LIBRARY_NAME": "fuse3"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._listener = threading.Thread(target=self._listen, args=(self._process,), daemon=True)
        self._listener.start()
        wait_until(lambda: self.mount.is_mount() or self._running().poll() is not None)
        assert self._running().poll() is None, "the disk cannot be mounted; what it says is printed"

    def fail_after(self, operations: int) -> None:
        """Let the power fail in the middle of the work: at so many changes and syncs from now."""
        self._tell(f"fail-after {operations}")

    def fail(self) -> None:
        """Let the power fail now, unless it has failed."""
        self._tell("fail")

    @property
    def has_failed(self) -> bool:
        """Whether the power has failed: whoever asks the disk for anything since then waits."""
        return self._said.is_set()

    def unplug(self) -> None:
        """End it: whoever waits for it gets an error, if still alive. Harmless if it has no power."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait(_END_SECONDS)
        self._listener.join(_END_SECONDS)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        # It would unmount itself, but not while anybody who is about to die still has a file of it open.
        subprocess.run(["fusermount3", "-u", "-z", str(self.mount)], check=False, capture_output=True)  # noqa: S603, S607 - from PATH
        wait_until(self._is_plain_folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()

    def _is_plain_folder(self) -> bool:
        try:
            return self.mount.stat().st_dev == self.mount.parent.stat().st_dev
        except OSError:  # a mount whose process is gone
            return False

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            match line.split():
                case ["failed", syncs]:
                    self.syncs += int(syncs)
                    self._said.set()
                case _:
                    print(line, end="")  # noqa: T201 - shown when a test fails

    def _tell(self, command: str) -> None:
        pipe = self._running().stdin
        assert pipe is not None
        pipe.write(command + "\n")
        pipe.flush()

    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None, "the disk has no power"
        return self._process
