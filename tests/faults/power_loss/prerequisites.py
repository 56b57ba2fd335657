"""What a machine must have for the trials of this folder: in CI its absence is a failure, elsewhere it is said aloud."""

from __future__ import annotations

import os
import shutil
import sys
import unittest


def need_forgetful_disk() -> None:
    """Ask for FUSE. Raises SkipTest, which names what is missing; in CI RuntimeError."""
    if sys.platform != "linux":
        _missing("FUSE as it is used here is that of Linux")
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        _missing("/dev/fuse is missing, or not for this user")
    if shutil.which("fusermount3") is None:
        _missing("fusermount3 is missing (Debian: apt-get install fuse3)")


def need_strace() -> None:
    """Ask for strace. Raises as above."""
    if sys.platform != "linux":
        _missing("strace is a program of Linux")
    if shutil.which("strace") is None:
        _missing("strace is missing (Debian: apt-get install strace)")


def _missing(reason: str) -> None:
    if os.environ.get("CI"):
        raise RuntimeError(reason)
    raise unittest.SkipTest(f"not run: {reason}")
