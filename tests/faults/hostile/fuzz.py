"""Fuzzes the contract, guided by coverage: `python -m tests.faults.hostile.fuzz --seconds 600`.

Each target gets an equal part of the time in a process of its own, since libFuzzer ends its process. Input that breaks a target
is written to build/fuzz/; it becomes a plain test when the fault is mended. atheris has wheels for CPython on Linux.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.hostile.corpus import corpus_of
from tests.faults.hostile.fuzz_targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "build" / "fuzz"
_START_SECONDS = 60
_INPUT_BYTES_MAX = 4_096


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """What came of fuzzing one target: how many inputs were tried, how much was covered, and what was said if it broke."""

    target: str
    inputs: int
    covered: int
    fault: str


def fuzz(target: str, seconds: int, seed: int, folder: Path = FOLDER) -> Fuzzed:
    """Fuzz one target for some seconds, in a process of its own."""
    corpus, broken = folder / "corpus" / target, folder / "broken"
    corpus.mkdir(parents=True, exist_ok=True)
    broken.mkdir(parents=True, exist_ok=True)
    for data in corpus_of(target):
        (corpus / sha256(data).hexdigest()[:16]).write_bytes(data)
    command = [sys.executable, "-m", "tests.faults.hostile.fuzz_process", target, str(corpus)]
    command += [f"-max_total_time={seconds}", f"-seed={seed}", f"-max_len={_INPUT_BYTES_MAX}", "-print_final_stats=1"]
    command += [f"-artifact_prefix={broken / target}-", "-timeout=20", "-rss_limit_mb=2048"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, timeout=seconds + _START_SECONDS)  # noqa: S603 - our own module
    said = (ended.stdout + ended.stderr).decode(errors="replace")
    inputs = int(found[1]) if (found := re.search(r"stat::number_of_executed_units: +(\d+)", said)) else 0
    covered = max((int(number) for number in re.findall(r" cov: (\d+)", said)), default=0)
    return Fuzzed(target, inputs, covered, said[-4_000:] if ended.returncode else "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz the targets; 0: nothing broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.hostile.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=_seconds, default=60, help="for all targets together")
    parser.add_argument("--seed", type=_seconds, default=2011, help="of all chance, 1 or more")
    parser.add_argument("--target", action="append", choices=sorted(TARGETS), help="only this one; may be repeated")
    given = parser.parse_args(arguments)
    targets = given.target or list(TARGETS)
    results = [fuzz(target, max(1, given.seconds // len(targets)), given.seed) for target in targets]
    for result in results:
        verdict = "BROKEN" if result.fault else "well"
        sys.stdout.write(f"{result.target}: {result.inputs} inputs, {result.covered} edges covered: {verdict}\n{result.fault}")
    return 1 if any(result.fault for result in results) else 0


def _seconds(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of 1 or more, is {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
