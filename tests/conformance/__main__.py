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
from typing import TYPE_CHECKING

from examples.world.programs import PROGRAMS, Program
from tests.conformance.clients_page import try_page
from tests.conformance.cloudevents_check import read_by_an_sdk
from tests.conformance.features import FEATURES
from tests.conformance.live import LiveService
from tests.conformance.report import FAILED, NOT_RUN, PASSED, Report
from tests.conformance.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Callable

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
    sys.exit(report.failed or (report.not_run and bool(os.environ.get("CI"))))


def check(program: Program, folder: Path, report: Report) -> None:
    """Check one program, each feature by itself."""
    if problem := program.problem():
        report.add_all(program.language, features_of(program, report), NOT_RUN, problem)
        return
    report.progress(f"{program.language}: building {program.name}")
    try:
        program.prepare()
    except RuntimeError as error:
        report.add_all(program.language, features_of(program, report), FAILED, str(error))
        return
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


def attempt(check: Callable[[Subject, LiveService], None], subject: Subject, live: LiveService) -> tuple[str, str]:
    """Run one check; whatever goes wrong in it is its failure and not the run's."""
    try:
        check(subject, live)
    except Exception as error:  # noqa: BLE001 - whatever it is, it belongs into the table
        where = traceback.extract_tb(error.__traceback__)[-1]
        return FAILED, f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}: {error}"
    return PASSED, ""


if __name__ == "__main__":
    for ending in (signal.SIGTERM, signal.SIGHUP):  # so that what was started is ended
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    main()
