"""What people see and are asked: text that cannot steer a terminal, progress on standard error, and a last question."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MANY = 100
_OF_MANY = {"": "", "is": " are", "was": " were"}


def printable(text: str) -> str:
    """Escape what is no printable character: a message from elsewhere must not move the cursor of whoever looks at it."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def json_text(document: object) -> str:
    """Write a document for machines, which people can read, too; what is no printable character is escaped as JSON does."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    return "".join(one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1] for one in text)


def clipped(text: str, characters_max: int) -> str:
    """Write the beginning of a text that somebody else may have made as long as he liked, printable."""
    if len(text) <= characters_max:
        return printable(text)
    return f"{printable(text[:characters_max])}… ({len(text):,} characters)"


def counted(count: int, noun: str, verb: str = "") -> str:
    """Write how many there are of something whose plural ends in s; its verb may follow, as it is said of one."""
    return f"{count:,} {noun} {verb}".rstrip() if count == 1 else f"{count:,} {noun}s{_OF_MANY[verb]}"


def write_no_more() -> None:
    """Have what is still written to standard output vanish: nobody reads it any more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def confirm(question: str, *, yes: bool) -> None:
    """Ask for a last word; without a terminal there is nobody to give it, and --yes is needed.

    Raises:
        typer.BadParameter: nobody can be asked.
        typer.Abort: the answer was no.

    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"{question} There is no terminal to confirm it on: say --yes", param_hint="--yes")
    typer.confirm(question, abort=True, err=True)


def ask_for(question: str, option: str) -> str:
    """Ask for a value that was not given as an option.

    Raises:
        typer.BadParameter: nobody can be asked.

    """
    if not sys.stdin.isatty():
        raise typer.BadParameter("it is missing, and there is no terminal to ask for it", param_hint=option)
    answer: str = typer.prompt(question, err=True)
    return answer


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show on standard error how far something has got, where it is much and somebody watches."""
    if total <= _MANY or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - keeps help fast
    from rich.progress import Progress  # noqa: PLC0415 - keeps help fast

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)
