"""What is refused before anything is looked at: places that are none, reasons that say nothing, times that are no times."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
import typer
from typer.testing import CliRunner

from allocation.__main__ import app
from allocation.commands.instants import instant, written
from allocation.commands.terminal import clipped, counted, json_text, printable

WRONG_USAGE = 2
PLACE = "ALLOCATION_INBOUND/1/1"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (["parked", "replay"], "Name places as `allocation parked list` shows them"),
        (["parked", "replay", PLACE, "--batch", "b"], "Name places as"),
        (["parked", "replay", PLACE, "--everything"], "Name places as"),
        (["parked", "discard", "--reason", "x"], "Name places as"),
        (["parked", "replay", "ALLOCATION_INBOUND/1"], "'ALLOCATION_INBOUND/1' is no place of a message"),
        (["parked", "replay", "ALLOCATION_INBOUND/1/9223372036854775808"], "is no place of a message"),
        (["parked", "replay", "ALLOCATION_INBOUND/2147483648/1"], "is no place of a message"),
        (["parked", "show", "ALLOCATION_INBOUND/0/1"], "is no place of a message"),
        (["parked", "show", "/1/1"], "is no place of a message"),
        (["parked", "discard", PLACE, "--reason", "  "], "a reason has 1 to 1,000 characters, no control characters; this one"),
        (["parked", "discard", PLACE, "--reason", "x" * 1_001], "this one has 1,001"),
        (["parked", "discard", PLACE, "--reason", "two\nlines"], "no control characters"),
        (["parked", "list", "--parked-as", "boredom"], "'boredom' is none of malformed, wrong_type, "),
        (["parked", "list", "--ended-as", "still_parked"], "'still_parked' is none of applied, repeated, superseded, "),
        (["parked", "list", "--reason", "malformed"], "No such option: --reason"),
        (["parked", "replay", "--reason", "malformed"], "No such option: --reason"),
        (["parked", "list", "--since", "yesterday"], "'yesterday' is neither a time like 2026-03-01T12:00:00Z nor an age"),
        (["parked", "list", "--until", "999999w"], "'999999w' is neither a time like"),
        (["parked", "list", "--limit", "0"], "greater than or equal to 1"),
        (["consumer", "reset"], "say where it is to begin: --from-sequence or --from-time"),
        (["consumer", "reset", "--from-sequence", "1", "--from-time", "1h"], "--from-sequence or --from-time, one of them"),
        (["consumer", "reset", "--from-sequence", "0"], "greater than or equal to 1"),
        (["consumer", "reset", "--from-time", "12:00"], "'12:00' is neither a time like"),
    ],
)
def test_wrong_usage_is_told(line: list[str], complaint: str) -> None:
    ended = CliRunner().invoke(app, line, env={"COLUMNS": "200"})
    assert (ended.exit_code, ended.stdout) == (WRONG_USAGE, "")
    assert complaint in " ".join(ended.stderr.replace("│", " ").split())


@pytest.mark.parametrize("command", ["replay", "discard"])
def test_usage_names_places_once(command: str) -> None:
    shown = CliRunner().invoke(app, ["parked", command, "--help"], env={"COLUMNS": "200"}).stdout
    assert f"parked {command} [OPTIONS] [PLACE]...  " in shown


@pytest.mark.parametrize(
    ("count", "verb", "said"),
    [
        (0, "", "0 events"),
        (1, "", "1 event"),
        (1, "was", "1 event was"),
        (2, "was", "2 events were"),
        (1_200, "is", "1,200 events are"),
    ],
)
def test_one_is_not_said_as_many(count: int, verb: str, said: str) -> None:
    assert counted(count, "event", verb) == said


@pytest.mark.parametrize(("age", "seconds"), [("90s", 90), ("15m", 900), ("2h", 7_200), ("3d", 259_200), ("1w", 604_800)])
def test_an_age_is_so_long_ago(age: str, seconds: int) -> None:
    assert abs(datetime.now(UTC) - instant(age) - timedelta(seconds=seconds)) < timedelta(seconds=10)


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("2026-03-01T12:00:00Z", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01T12:00:00.25+01:00", datetime(2026, 3, 1, 12, 0, 0, 250_000, timezone(timedelta(hours=1)))),
        ("2026-03-01 12:00", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
    ],
)
def test_a_time_without_a_zone_is_utc(text: str, means: datetime) -> None:
    assert instant(text) == means
    assert instant(written(means)) == means, "what is shown can be copied"


@pytest.mark.parametrize("text", ["", "h", "-2h", "2 h", "2y", "0001-01-01T00:00+23:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="neither a time"):
        instant(text)


def test_text_from_elsewhere_cannot_steer_the_terminal() -> None:
    assert printable("B\x1b[2J\r\n\u202eé 箱") == "B\\x1b[2J\\r\\n\\u202eé 箱"


def test_what_somebody_else_has_written_steers_no_terminal_also_in_json() -> None:
    written_elsewhere = {"batch\x9b31m": ["\x1b[2J\u202etxt.exe\n\x7f", "Größe — \U000e0001"]}
    text = json_text(written_elsewhere)
    assert json.loads(text) == written_elsewhere
    assert all(character.isprintable() for line in text.split("\n") for character in line)
    assert "Größe —" in text, "what can be read is left as it is"


def test_what_somebody_else_has_written_ends_somewhere() -> None:
    assert clipped("x" * 10, 10) == "x" * 10
    assert clipped("\x1b" + "x" * 2_000, 3) == "\\x1bxx… (2,001 characters)"
