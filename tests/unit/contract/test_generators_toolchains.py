"""A language whose toolchain is missing or too old is named as not generated, and in CI that is a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.generate import languages
from tools.generate.__main__ import report

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LANGUAGES = [(languages.go, "go"), (languages.typescript, "node")]


@pytest.mark.parametrize(("generate", "tool"), LANGUAGES, ids=["go", "node"])
def test_a_toolchain_that_is_too_old_is_named_with_its_version(
    generate: Callable[[Path], None], tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / tool
    old.write_text("#!/bin/sh\necho version v1.2.3\n", encoding="utf-8")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(languages.MissingToolError, match=rf"^{tool} [\d.]+ or newer is needed, found 1\.2\.3$"):
        generate(tmp_path)


@pytest.mark.parametrize(("generate", "tool"), LANGUAGES, ids=["go", "node"])
def test_a_toolchain_that_is_missing_is_named(
    generate: Callable[[Path], None], tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(languages.MissingToolError, match=f"^{tool} is not installed$"):
        generate(tmp_path)


def test_a_language_that_was_not_checked_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    report([], ["Go: not checked, go is not installed"])
    assert capsys.readouterr().out == "Go: not checked, go is not installed\n"


def test_a_language_that_was_not_checked_is_a_failure_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    report([], [])
    with pytest.raises(SystemExit, match="every toolchain must be there in CI"):
        report([], ["Go: not checked, go is not installed"])
