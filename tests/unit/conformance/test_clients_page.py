"""The page's sections are cut into steps; whatever nobody would try is found out."""

from __future__ import annotations

import pytest

from tests.conformance.clients_page import PAGE, replaced
from tests.conformance.page_steps import PageError, Step, section, steps

SHOWN = """# Clients
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
    assert steps(section(SHOWN, "Go")) == [
        Step({}, "go mod init rugs\n", None),
        Step({"rugs.go": "package main\n", "ask/rugs.go": "package ask\n"}, "go run .\n", "10 rugs\n"),
    ]
    assert steps(section(SHOWN, "Rust")) == [Step({}, "cargo init\n", None)]


def test_a_language_without_a_section_is_an_error() -> None:
    with pytest.raises(LookupError, match="no section Java"):
        section(SHOWN, "Java")


@pytest.mark.parametrize("language", ["Go", "TypeScript", "Java", "Rust", "Python"])
def test_every_block_of_the_real_page_is_tried(language: str) -> None:
    shown = section(PAGE.read_text(encoding="utf-8"), language)
    tried = steps(shown)
    blocks = sum(len(step.files) + 1 + (step.printed is not None) for step in tried)
    assert 2 * blocks == sum(line.startswith("```") for line in shown.splitlines())


@pytest.mark.parametrize(
    ("shown", "problem"),
    [
        ("```go rugs.go\npackage main\n```\n", r"no command follows the files \['rugs.go'\]"),
        ("```bash\ngo run .\n```\n", "a block of bash without a file name"),
        ("```sh\ntrue\n```\n```console\n$ go run .\n```\n", "a block of console without a file name"),
        ("```\ngo run .\n```\n", "without a kind"),
        ("```sh\ngo run .\n", "without an end"),
        ("- so:\n  ```sh\n  go run .\n  ```\n", "without a kind"),
        ("~~~sh\ngo run .\n~~~\n", "without a kind"),
        ("```sh\ntrue\n```\n```text\n10 rugs\n```\n```text\n9 rugs\n```\n", "shown twice"),
        ("```text\n10 rugs\n```\n", "no command comes right before"),
        ("```sh\ntrue\n```\n```go a.go\n```\n```text\n10 rugs\n```\n```sh\ntrue\n```\n", "no command comes right before"),
        ("```go a.go\n1\n```\n```go a.go\n2\n```\n```sh\ntrue\n```\n", "a.go is shown twice"),
    ],
)
def test_a_block_that_nobody_would_try_is_an_error(shown: str, problem: str) -> None:
    with pytest.raises(PageError, match=problem):
        steps(shown)


def test_addresses_are_those_of_the_live_service() -> None:
    assert replaced("ask 127.0.0.1:50051", {"127.0.0.1:50051": "127.0.0.1:7"}) == "ask 127.0.0.1:7"
