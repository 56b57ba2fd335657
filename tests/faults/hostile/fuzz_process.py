"""One fuzzing process: `python -m tests.faults.hostile.fuzz_process TARGET CORPUS [libFuzzer's options]`."""

from __future__ import annotations

import sys

import atheris  # type: ignore[import-untyped] # it has no stubs


def main() -> None:
    """Fuzz until the time is over: then libFuzzer ends the process."""
    target = sys.argv.pop(1)
    # What is imported here is what coverage guides; imported earlier it would be invisible.
    with atheris.instrument_imports(include=["allocation", "tests.faults.hostile.fuzz_targets"], enable_loader_override=False):
        from tests.faults.hostile.fuzz_targets import PLANTED, TARGETS, planted  # noqa: PLC0415 - see above
    atheris.Setup(sys.argv, (TARGETS | {PLANTED: planted})[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
