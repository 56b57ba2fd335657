"""Whether the clocks agree: this machine's with the broker's, and with what was logged before. Time zones do not matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocation.operators.doctor.finding import duration, error, note, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from allocation.operators.doctor.finding import Finding
    from allocation.operators.doctor.patient import Patient

_APART_SECONDS_MAX = 1.0


def check_clock(patient: Patient) -> Iterator[Finding]:
    """Compare the clocks."""
    if patient.broker is None:
        yield note("this clock is not compared with the broker's, which is away")
    else:
        offset = patient.broker.clock_offset_seconds
        if abs(offset) > _APART_SECONDS_MAX:
            side = "ahead of" if offset > 0 else "behind"
            yield warning(
                f"the broker's clock is {duration(abs(offset))} {side} this one (at most {_APART_SECONDS_MAX:g} s)",
                "let both machines follow a time server: timedatectl set-ntp true",
            )
        else:
            yield ok(f"this clock and the broker's are less than {_APART_SECONDS_MAX:g} s apart")
    newest = patient.inspection.newest_event_at if patient.inspection is not None else None
    if newest is not None and patient.age(newest) < -_APART_SECONDS_MAX:
        yield error(
            f"the newest event of the log is of {duration(-patient.age(newest))} from now: the clock was put back or wrong",
            "set the clock right; events are in their order all the same, and old ones are forgotten late",
        )
