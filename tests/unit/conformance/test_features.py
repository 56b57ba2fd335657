"""A program that does not do what it must is found out, and a missing toolchain is never taken for a success."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any, cast

import pytest

from examples.world.programs import PROGRAMS, Program, Tool
from tests.conformance.__main__ import attempt, check
from tests.conformance.calls import gives_up_on_silence, health
from tests.conformance.features import FEATURES, golden_vectors
from tests.conformance.follower import Follower, bound_by_permissions
from tests.conformance.report import FAILED, NOT_RUN, PASSED, Report
from tests.conformance.stand_in import StandIn
from tests.conformance.subject import Subject
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conformance.live import LiveService
    from tests.conformance.stand_in import Request

NOBODY = cast("LiveService", None)
AUDIT = next(program for program in PROGRAMS if program.name == "audit")


def program_that(prints: str, **others: Any) -> Program:  # noqa: ANN401 - fields of any kind
    fields: dict[str, Any] = {
        "tools": (),
        "build": (),
        "golden_vectors": (),
        "golden_passed": "[1-9] passed",
        "tests": (),
    } | others
    return Program(name="liar", language="Python", part="", command=(sys.executable, "-c", f"print('''{prints}''')"), **fields)


def never(_: Request) -> bool:
    return False


def subject_that(prints: str, folder: Path) -> Subject:
    return Subject(program_that(prints), {}, folder)


def test_a_program_that_asks_for_health_passes(tmp_path: Path) -> None:
    with StandIn() as serving:
        subject = Subject(AUDIT, {"GRPC_TARGET": serving.target}, tmp_path)
        assert attempt(health, subject, NOBODY) == (PASSED, "")


@pytest.mark.parametrize("printed", ['{"health": "NOT_SERVING"}', '{"code": "UNAVAILABLE"}', "", "SERVING"])
def test_a_program_that_does_not_report_health_fails(printed: str, tmp_path: Path) -> None:
    assert attempt(health, subject_that(printed, tmp_path), NOBODY)[0] == FAILED


def test_a_program_that_says_serving_of_a_service_that_is_not_fails(tmp_path: Path) -> None:
    result, detail = attempt(health, subject_that('{"health": "SERVING"}', tmp_path), NOBODY)
    assert result == FAILED
    assert "NOT_SERVING" in detail


def test_a_program_that_does_not_give_up_fails(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"silence never.*DEADLINE_EXCEEDED"):
        gives_up_on_silence(Subject(AUDIT, {}, tmp_path), 1, never)


def test_a_line_that_a_kill_has_torn_is_left_out_and_the_next_life_is_read(tmp_path: Path) -> None:
    torn = """print('{"figures": {"lines": 1}}\\n{"figures": {"lines": 9}', end='', flush=True); import time; time.sleep(60)"""
    follower = Follower((sys.executable, "-c", torn), "torn", {}, tmp_path)
    with follower:
        wait_until(lambda: tmp_path.joinpath("torn.out").read_bytes().endswith(b'{"lines": 9}'))
        follower.kill()
        follower.start()
        wait_until(lambda: tmp_path.joinpath("torn.out").read_bytes().count(b'{"lines": 9}') > 1)
        assert follower.figures_of_this_life() == [{"lines": 1}]
        assert follower.figures() == {"lines": 1}
        assert len(follower.lines()) == len(("first life", "second life"))


def test_an_unwritable_folder_takes_nothing_whoever_writes(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    write = bound_by_permissions([sys.executable, "-c", "import sys; open(sys.argv[1], 'w')", str(tmp_path / "state")])
    done = subprocess.run(write, capture_output=True, text=True, timeout=20, check=False)  # noqa: S603 - our own command
    tmp_path.chmod(0o755)
    assert "PermissionError" in done.stderr


@pytest.mark.parametrize(
    ("tool", "problem"), [("no-such-tool", "not installed"), (sys.executable, r"99\.0 or newer is needed")]
)
def test_a_missing_or_old_toolchain_is_not_run(
    tool: str, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = Report(list(FEATURES))
    program = program_that("", tools=(Tool(tool, ("--version",), (99, 0)),))
    assert re.search(problem, program.problem() or "")
    check(program, tmp_path, report)
    report.show()
    printed = capsys.readouterr().out
    assert report.not_run
    assert not report.failed
    assert f"0 passed, 0 failed, {len(FEATURES)} skipped" in printed
    assert NOT_RUN in printed


@pytest.mark.parametrize("printed", ["", "no tests to run", "0 passed"])
def test_golden_vectors_that_no_test_read_fail(printed: str, tmp_path: Path) -> None:
    command = (sys.executable, "-c", f"print({printed!r})")
    subject = Subject(program_that("", golden_vectors=command), {}, tmp_path)
    assert attempt(golden_vectors, subject, NOBODY)[0] == FAILED


def test_a_build_that_fails_is_a_failure_of_every_feature(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(list(FEATURES))
    check(program_that("", build=((sys.executable, "-c", "raise SystemExit('no such crate')"),)), tmp_path, report)
    report.show()
    assert report.failed
    assert "no such crate" in capsys.readouterr().out
