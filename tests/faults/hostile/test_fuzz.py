"""Any bytes are a command that keeps the domain's limits, or malformed; what goes out reads back as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as any_of

from tests.faults.hostile.corpus import corpus_of
from tests.faults.hostile.fuzz import fuzz
from tests.faults.hostile.fuzz_targets import PLANTED, TARGETS
from tests.faults.hostile.garbage import mutated

if TYPE_CHECKING:
    import random
    from pathlib import Path

FUZZED_SECONDS = 3
EXAMPLES = 300


@pytest.mark.parametrize("target", TARGETS)
@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, database=None)
@given(data=any_of.binary(max_size=400))
def test_any_bytes_are_well_received_by(target: str, data: bytes) -> None:
    TARGETS[target](data)


@pytest.mark.parametrize("target", TARGETS)
@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, database=None)
@given(chance=any_of.randoms(use_true_random=False), number=any_of.integers(min_value=0))
def test_a_damaged_golden_message_is_well_received_by(target: str, chance: random.Random, number: int) -> None:
    seeds = corpus_of(target)
    TARGETS[target](mutated(chance, seeds[number % len(seeds)]))


@pytest.mark.parametrize("target", TARGETS)
def test_every_golden_message_is_well_received_by(target: str) -> None:
    for data in corpus_of(target):
        TARGETS[target](data)


@pytest.mark.parametrize("target", TARGETS)
def test_bytes_that_are_found_by_coverage_are_well_received_by(target: str, tmp_path: Path) -> None:
    fuzzed = fuzz(target, FUZZED_SECONDS, 2011, tmp_path)
    assert fuzzed.fault == ""
    assert fuzzed.inputs > 100
    assert fuzzed.covered > 5


def test_a_fault_that_was_planted_is_found_by_coverage(tmp_path: Path) -> None:
    fuzzed = fuzz(PLANTED, 20, 2011, tmp_path)
    assert "planted: a batch of nothing was taken for a quantity" in fuzzed.fault
