"""Runs the five programs against a live service and prints a table, language by feature: `make conformance`.

A language whose toolchain is missing is named as not run; with CI set in the environment that fails, as any failure does.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec

from examples.world.programs import PROGRAMS, Program
from tests.conformance.clients_page import try_page
from tests.conformance.cloudevents_check import read_by_an_sdk
from tests.conformance.features import FEATURES
from tests.conformance.live import LiveService
from tests.conformance.report import FAILED, NOT_RUN, PASSED, Report
from tests.conformance.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Callable

Given = ParamSpec("Given")
SDK = "CloudEvents SDK"
CHECKS: dict[str, Callable[[Subject, LiveService], None]] = FEATURES | {"empty folder": try_page, SDK: read_by_an_sdk}


def main() -> None:
    """Run what was asked for, print the table, exit with 1 unless all that should pass has passed."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("--language", action="append", choices=[program.language for program in PROGRAMS])
    parser.add_argument("--feature", action="append", choices=list(CHECKS))
    arguments = parser.parse_args()
    programs = [program for program in PROGRAMS if not arguments.language or program.language in arguments.language]
    report = Report(arguments.feature or list(CHECKS))
    for program in programs:
        with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
            check(program, Path(folder), report)
    report.show()
    if report.is_empty:
        languages = ", ".join(program.language for program in programs)
        sys.exit(f"nothing was run: {', '.join(report.features)} is not checked for {languages}")
    sys.exit(report.failed or (report.not_run and bool(os.environ.get("CI"))))


def check(program: Program, folder: Path, report: Report) -> None:
    """Check one program, each feature by itself."""
    features = features_of(program, report)
    if not features:
        return
    if problem := program.problem():
        report.add_all(program.language, features, NOT_RUN, problem)
        return
    report.progress(f"{program.language}: building {program.name}")
    result, detail = attempt(program.prepare)
    if result == PASSED:
        result, detail = attempt(check_live, program, folder, report)
    if result == FAILED:  # and with it whatever it did not come to; at least the last, if it was the ending that failed
        left = [feature for feature in features if not report.has(program.language, feature)]
        report.add_all(program.language, left or features[-1:], FAILED, detail)


def check_live(program: Program, folder: Path, report: Report) -> None:
    """Check one program, which is built, against a live service."""
    with LiveService(folder) as live:
        subject = Subject(program, live.environment, folder)
        for feature in features_of(program, report):
            began = time.monotonic()
            result, detail = attempt(CHECKS[feature], subject, live)
            report.add(program.language, feature, result, detail)
            report.progress(f"{program.language}: {feature} {result} in {time.monotonic() - began:.1f} s")


def features_of(program: Program, report: Report) -> list[str]:
    """List what is to be checked; an independent CloudEvents SDK is there in Go."""
    return [feature for feature in report.features if feature != SDK or program.language == "Go"]


def attempt(check: Callable[Given, None], *given: Given.args, **named: Given.kwargs) -> tuple[str, str]:
    """Run one check; whatever goes wrong in it is its failure and not the run's."""
    try:
        check(*given, **named)
    except Exception as error:  # noqa: BLE001 - whatever it is, it belongs into the table
        where = traceback.extract_tb(error.__traceback__)[-1]
        return FAILED, f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}: {error}"
    return PASSED, ""


if __name__ == "__main__":
    for ending in (signal.SIGTERM, signal.SIGHUP):  # so that what was started is ended
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    main()
