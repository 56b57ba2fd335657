"""Cuts a section of docs/clients.md into steps: files to write, a shell block to run, what it must print.

Every block of a section is one of these. A block that nobody would run or write is an error and not skipped: what is shown is
tried.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

BATCHES = 20
_BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FENCE = re.compile(r"^\s*(?:```|~~~).*$", re.MULTILINE)


class PageError(Exception):
    """The page shows something that cannot be tried."""


@dataclass(frozen=True)
class Step:
    """A shell block, the files to be written before it, and what it must print (None: anything)."""

    files: dict[str, str]
    commands: str
    printed: str | None

    @property
    def needs_instances(self) -> bool:
        """Whether it speaks to the two instances with TLS."""
        return self.printed is not None and f"{BATCHES} batches created" in self.printed


def section(page: str, language: str) -> str:
    """Cut out a language's section. Raises LookupError if the page has none."""
    found = re.search(rf"^## {language}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    if found is None:
        raise LookupError(f"the page has no section {language}")
    return found.group(1)


def steps(text: str) -> list[Step]:
    """Read the steps of a section, in order.

    Raises:
        PageError: a block is none of a step's parts, or not where it could be one.

    """
    if stray := _FENCE.search(_BLOCK.sub("", text)):
        raise PageError(f"a block without a kind, or without an end: {stray.group().strip()}")
    found: list[Step] = []
    files: dict[str, str] = {}
    for kind, name, content in _BLOCK.findall(text):
        if name:
            if name in files:
                raise PageError(f"{name} is shown twice before a command")
            files[name] = content
        elif kind == "sh":
            found.append(Step(files, content, None))
            files = {}
        elif kind == "text":
            found.append(_printing(found.pop() if found and not files else None, content))
        else:
            raise PageError(f"a block of {kind} without a file name, which nobody tries:\n{content}")
    if files:
        raise PageError(f"no command follows the files {list(files)}")
    return found


def _printing(step: Step | None, printed: str) -> Step:
    """Say what the step before must print."""
    if step is None:
        raise PageError(f"no command comes right before what it prints:\n{printed}")
    if step.printed is not None:
        raise PageError(f"it is shown twice what one command prints:\n{step.printed}and\n{printed}")
    return replace(step, printed=printed)
