"""A program that does not do what it must is found out, and a missing toolchain is never taken for a success."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, cast

import pytest

from examples.world.programs import Program, Tool
from tests.conformance.__main__ import attempt, check
from tests.conformance.features import FEATURES, golden_vectors, health, typed_errors
from tests.conformance.report import FAILED, NOT_RUN, PASSED, Report
from tests.conformance.subject import Subject

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conformance.live import LiveService

NOBODY = cast("LiveService", None)


def program_that(prints: str, **others: Any) -> Program:  # noqa: ANN401 - fields of any kind
    fields: dict[str, Any] = {
        "tools": (),
        "build": (),
        "golden_vectors": (),
        "golden_passed": "[1-9] passed",
        "tests": (),
    } | others
    return Program(name="liar", language="Python", part="", command=(sys.executable, "-c", f"print('''{prints}''')"), **fields)


def subject_that(prints: str, folder: Path) -> Subject:
    return Subject(program_that(prints), {}, folder)


def test_a_program_that_reports_health_passes(tmp_path: Path) -> None:
    assert attempt(health, subject_that('{"health": "SERVING"}', tmp_path), NOBODY) == (PASSED, "")


@pytest.mark.parametrize("printed", ['{"health": "NOT_SERVING"}', '{"code": "UNAVAILABLE"}', "", "SERVING"])
def test_a_program_that_does_not_report_health_fails(printed: str, tmp_path: Path) -> None:
    assert attempt(health, subject_that(printed, tmp_path), NOBODY)[0] == FAILED


def test_a_rejection_without_its_reason_fails(tmp_path: Path) -> None:
    lines = ['{"health": "SERVING"}', "{}", "{}", '{"code": "FAILED_PRECONDITION"}']
    result, detail = attempt(typed_errors, subject_that("\n".join(lines), tmp_path), NOBODY)
    assert result == FAILED
    assert "REJECTION_REASON_UNKNOWN_SKU" in detail


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
