"""Tries docs/clients.md literally: a language's files are written into an empty folder, its commands run, its output compared.

The page's shell blocks find this repository in `$ALLOCATION`. Addresses are replaced by those of the live service.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from examples.world.programs import ROOT
from tests.conformance.instances import Instances
from tests.conformance.page_shell import run
from tests.conformance.page_steps import section, steps

if TYPE_CHECKING:
    from tests.conformance.live import LiveService
    from tests.conformance.subject import Subject

PAGE = ROOT / "docs" / "clients.md"
INSTANCES = ("localhost:50061", "localhost:50062")


def try_page(subject: Subject, live: LiveService) -> None:
    """Follow the section of the program's language in an empty folder."""
    folder = subject.folder / "empty"
    folder.mkdir()
    language = subject.program.language
    todo = steps(section(PAGE.read_text(encoding="utf-8"), language))
    assert any(step.needs_instances for step in todo), f"{language} does not show two instances"
    addresses = {"127.0.0.1:50051": live.service.grpc_address, "nats://127.0.0.1:4222": live.broker.url}
    with Instances(subject.folder, folder, f"{language.lower()}-robust") as instances:
        addresses |= dict(zip(INSTANCES, instances.names, strict=True))
        for step in todo:
            for name, content in step.files.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(replaced(content, addresses), encoding="utf-8")
            follow = partial(run, folder, replaced(step.commands, addresses), step.printed)
            if step.needs_instances:
                instances.check(follow)
            else:
                follow()


def replaced(text: str, addresses: dict[str, str]) -> str:
    """Put the real addresses in the place of those that the page shows."""
    for shown, real in addresses.items():
        text = text.replace(shown, real)
    return text
