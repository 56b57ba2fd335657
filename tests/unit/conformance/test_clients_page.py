"""The page's sections are cut into steps, and a step that does not do what the page shows is found out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conformance.clients_page import Step, replaced, run, section, steps

if TYPE_CHECKING:
    from pathlib import Path

PAGE = """# Clients
## Go
Make a module:
```sh
go mod init rugs
```
```go rugs.go
package main
```
```go ask/rugs.go
package ask
```
```sh
go run .
```
```text
10 rugs
```
## Rust
```sh
cargo init
```
"""


def test_a_section_ends_where_the_next_begins() -> None:
    assert steps(section(PAGE, "Go")) == [
        Step({}, "go mod init rugs\n", None),
        Step({"rugs.go": "package main\n", "ask/rugs.go": "package ask\n"}, "go run .\n", "10 rugs\n"),
    ]
    assert steps(section(PAGE, "Rust")) == [Step({}, "cargo init\n", None)]


def test_a_language_without_a_section_is_an_error() -> None:
    with pytest.raises(LookupError, match="no section Java"):
        section(PAGE, "Java")


def test_files_that_nothing_uses_are_an_error() -> None:
    with pytest.raises(AssertionError, match=r"rugs\.go"):
        steps("```go rugs.go\npackage main\n```\n")


def test_addresses_are_those_of_the_live_service() -> None:
    assert replaced("ask 127.0.0.1:50051", {"127.0.0.1:50051": "127.0.0.1:7"}) == "ask 127.0.0.1:7"


def test_a_command_that_prints_what_is_shown_is_fine(tmp_path: Path) -> None:
    run(tmp_path, "echo 10 rugs\n", "10 rugs\n")


def test_a_command_that_goes_on_is_ended_when_it_has_printed_it(tmp_path: Path) -> None:
    run(tmp_path, "echo 10 rugs; sleep 100\n", "10 rugs\n")


def test_a_command_that_prints_something_else_is_found_out(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="9 rugs"):
        run(tmp_path, "echo 9 rugs\n", "10 rugs\n")


def test_a_command_that_fails_is_found_out(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no rugs"):
        run(tmp_path, "echo no rugs >&2; false\n", None)


def test_the_first_command_that_fails_ends_a_block(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="failed"):
        run(tmp_path, "false\ntrue\n", None)
