"""A soak of a few seconds runs to its end and draws its picture; the judge sees what grows."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.soak.__main__ import main
from tests.soak.judge import MEBIBYTE, growing, is_memory_judged, later_half
from tests.soak.samples import Sample

if TYPE_CHECKING:
    from pathlib import Path

FLAT = Sample(
    seconds=0.0,
    answers=0,
    service_memory=120 * MEBIBYTE,
    service_descriptors=27,
    service_connections=4,
    service_threads=15,
    broker_memory=60 * MEBIBYTE,
    broker_descriptors=14,
    database_bytes=MEBIBYTE,
    wal_bytes=4 * MEBIBYTE,
    outbox_rows=0,
    parked_rows=3,
)
HOUR = [replace(FLAT, seconds=10.0 * number, answers=400 * number) for number in range(361)]


def test_what_stays_as_it_is_is_flat() -> None:
    assert growing(HOUR) == []
    assert is_memory_judged(HOUR)


def test_what_rises_and_falls_again_is_flat() -> None:
    waves = [
        replace(one, service_memory=(120 + number % 12) * MEBIBYTE, service_descriptors=25 + number % 7)
        for number, one in enumerate(HOUR)
    ]
    assert growing(waves) == []


def test_spikes_that_lie_late_are_flat() -> None:
    spiky = [
        replace(one, service_memory=(220 if number > 330 and number % 3 == 0 else 120) * MEBIBYTE)
        for number, one in enumerate(HOUR)
    ]
    assert growing(spiky) == []


def test_what_rises_in_the_first_half_alone_is_flat() -> None:
    warm = [
        replace(one, service_memory=min(20 + number, 120) * MEBIBYTE, broker_memory=None) if one.seconds < 1_700 else one
        for number, one in enumerate(HOUR)
    ]
    assert growing(warm) == []


@pytest.mark.parametrize(
    ("what", "rise", "said"),
    [
        ("service_memory", 0.1 * MEBIBYTE, "memory of the service grew by 17.9 MiB in the later half"),
        ("broker_memory", 0.2 * MEBIBYTE, "memory of the broker grew by 35.8 MiB in the later half"),
        ("service_descriptors", 0.1, "open files of the service grew by 17.9"),
        ("service_connections", 0.1, "connections of the service grew by 17.9"),
        ("service_threads", 0.1, "threads of the service grew by 17.9"),
        ("broker_descriptors", 0.1, "open files of the broker grew by 17.9"),
        ("wal_bytes", MEBIBYTE, "the write-ahead log reached 364.0 MiB"),
        ("outbox_rows", 1, "360 events were left in the outbox"),
    ],
)
def test_what_grows_is_named(what: str, rise: float, said: str) -> None:
    leaking = [replace(one, **{what: getattr(FLAT, what) + number * rise}) for number, one in enumerate(HOUR)]
    (complaint,) = growing(leaking)
    assert complaint.startswith(said)


def test_a_short_run_says_nothing_of_memory() -> None:
    short = [replace(FLAT, seconds=float(number), service_memory=number * MEBIBYTE) for number in range(60)]
    assert growing(short) == []
    assert not is_memory_judged(short)


def test_the_look_into_the_quiet_is_not_part_of_the_later_half() -> None:
    assert later_half(HOUR)[-1] is HOUR[-2]


def test_a_soak_of_a_few_seconds_runs_to_its_end_and_draws_its_picture(tmp_path: Path) -> None:
    picture, samples = tmp_path / "soak.png", tmp_path / "samples.json"
    given = ["--seconds", "6", "--restarts", "0", "--picture", str(picture), "--json", str(samples)]
    assert main(given) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    looks = json.loads(samples.read_text())
    assert looks[-1]["answers"] > 50
    assert looks[-1]["parked_rows"] > 0
    assert looks[-1]["outbox_rows"] == 0
