"""Whatever goes wrong with a program becomes a failure of it in the table, and nothing run is no success."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from examples.world.programs import Program, Proof
from tests.conformance import __main__ as runner
from tests.conformance.report import FAILED, NOT_RUN, PASSED, Report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FEATURES = ["health", "restart"]


def program(**others: Any) -> Program:  # noqa: ANN401 - fields of any kind
    fields: dict[str, Any] = {"tools": (), "build": (), "golden_vectors": (), "golden_passed": "", "tests": ()} | others
    return Program(name="crm", language="Java", part="", command=("true",), **fields)


def shown(report: Report, capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    report.show()
    return capsys.readouterr().out.splitlines()


def test_a_service_that_does_not_start_is_a_failure_of_every_feature(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail_to_start(_: object) -> None:
        raise AssertionError("the broker does not serve")

    monkeypatch.setattr("tests.conformance.live.NatsServer.start", fail_to_start)
    report = Report(FEATURES)
    runner.check(program(), tmp_path, report)
    assert shown(report, capsys)[-1] == "0 passed, 2 failed"


def test_a_service_that_does_not_end_is_a_failure_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def live(_: Path) -> Iterator[Any]:
        yield type("Live", (), {"environment": {}})
        raise AssertionError("the service did not end")

    monkeypatch.setattr(runner, "LiveService", live)
    monkeypatch.setattr(runner, "CHECKS", dict.fromkeys(FEATURES, lambda *_: None))
    report = Report(FEATURES)
    runner.check(program(), tmp_path, report)
    lines = shown(report, capsys)
    assert "the service did not end" in lines[-2]
    assert lines[-1] == "1 passed, 1 failed"


@pytest.mark.parametrize("problem", [FileNotFoundError("mvn"), subprocess.TimeoutExpired("mvn", 1200), RuntimeError("mvn")])
def test_a_build_that_cannot_be_done_is_a_failure_of_every_feature(
    problem: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def prepare(_: Program) -> None:
        raise problem

    monkeypatch.setattr(Program, "prepare", prepare)
    report = Report(FEATURES)
    runner.check(program(), tmp_path, report)
    lines = shown(report, capsys)
    assert any("mvn" in line for line in lines)
    assert lines[-1] == "0 passed, 2 failed"


def test_a_command_that_is_missing_is_a_failure_of_every_feature(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(FEATURES)
    runner.check(program(build=(("no-such-compiler",),)), tmp_path, report)
    assert "no-such-compiler" in " ".join(shown(report, capsys))
    assert report.failed


def test_a_selection_in_which_there_is_nothing_to_run_does_not_pass(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["conformance", "--language", "Java", "--feature", "CloudEvents SDK"])
    with pytest.raises(SystemExit, match="nothing was run"):
        runner.main()
    assert "0 passed, 0 failed" in capsys.readouterr().out


def test_what_was_not_run_is_named_once_before_the_closing_line(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(FEATURES)
    report.add("Go", "health", PASSED)
    report.add("Go", "restart", FAILED, "a line was lost")
    report.add_all("Java", FEATURES, NOT_RUN, "mvn is not installed")
    assert shown(report, capsys)[-3:] == [
        "Go, restart: a line was lost",
        "not run: Java: mvn is not installed",
        "1 passed, 1 failed, 2 skipped",
    ]


def test_tests_that_show_what_they_should_hold() -> None:
    Proof((sys.executable, "-c", "print('ran')\nprint('ok 3')"), ("^ok [1-9]",)).hold()


@pytest.mark.parametrize("printed", ["", "ok 0", "not ok 3"])
def test_tests_of_which_none_was_run_do_not_hold(printed: str) -> None:
    with pytest.raises(RuntimeError, match="does not show"):
        Proof((sys.executable, "-c", f"print({printed!r})"), ("^ok [1-9]",)).hold()
