"""A shell block that does not do what the page shows is found out, and nothing of it lives on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest

from tests.conformance.page_shell import run
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path


def test_a_command_that_prints_what_is_shown_is_fine(tmp_path: Path) -> None:
    run(tmp_path, "echo 10 rugs\n", "10 rugs\n")


def test_a_command_that_goes_on_is_ended_when_it_has_printed_it(tmp_path: Path) -> None:
    run(tmp_path, "echo 10 rugs; sleep 100\n", "10 rugs\n")


def test_a_command_that_prints_something_else_is_found_out(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="9 rugs"):
        run(tmp_path, "echo 9 rugs\n", "10 rugs\n")


def test_a_command_that_prints_more_is_found_out(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="9 rugs"):
        run(tmp_path, "echo 10 rugs; sleep 0.1; echo 9 rugs; sleep 100\n", "10 rugs\n")


def test_a_command_that_fails_is_found_out(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no rugs"):
        run(tmp_path, "echo no rugs >&2; false\n", None)


def test_a_command_that_fails_after_it_has_printed_it_is_found_out(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="failed with 3"):
        run(tmp_path, "echo 10 rugs; sleep 0.1; exit 3\n", "10 rugs\n")


def test_the_first_command_that_fails_ends_a_block(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="failed"):
        run(tmp_path, "false\ntrue\n", None)


@pytest.mark.parametrize("ending", ["exit 0", "sleep 100"])
def test_what_a_block_leaves_in_the_background_ends_with_it(ending: str, tmp_path: Path) -> None:
    run(tmp_path, f"sleep 100 & echo $! >background; echo 10 rugs; {ending}\n", "10 rugs\n")
    background = int((tmp_path / "background").read_text())
    wait_until(lambda: not psutil.pid_exists(background) or psutil.Process(background).status() == psutil.STATUS_ZOMBIE)


def test_a_block_that_takes_too_long_says_what_it_has_printed_and_said(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"(?s)after 0\.3 s.*9 rugs.*still counting"):
        run(tmp_path, "echo 9 rugs; echo still counting >&2; sleep 100\n", "10 rugs\n", seconds=0.3)
