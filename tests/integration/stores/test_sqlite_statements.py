"""A group of commands takes a number of statements that does not grow with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from allocation.adapters.sql import rows
from allocation.domain.commands import ChangeBatchQuantity, Command, CreateBatch
from allocation.service_layer.messagebus import MessageBus
from tests.integration.stores.listening import engine_of, listening
from tests.unit.house import TOMORROW, allocate, asked, recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from allocation.adapters.sql.reader import SqlReader
    from allocation.adapters.sql.sqlite_store import SqliteStore
    from allocation.domain.order_line import KeptLine

STATEMENTS_MAX = 24
"""BEGIN, nine to load, one for each of the thirteen things that may be written, and one to spare."""
SMALL, LARGE = 8, 256


class Group(NamedTuple):
    """Commands, and those that go before them."""

    before: list[Command]
    commands: list[Command]


def allocates(size: int) -> Group:
    return Group(
        [CreateBatch(f"b{number}", f"SKU-{number}", 10) for number in range(size)],
        [allocate(f"o{number}", f"SKU-{number}", 1) for number in range(size)],
    )


def allocates_of_one_sku(size: int) -> Group:
    return Group([CreateBatch("b", "RUG", 10 * size)], [allocate(f"o{number}", "RUG", 1) for number in range(size)])


def repeated_allocates(size: int) -> Group:
    before, commands = allocates(size)
    return Group(before + commands, commands)


def creates(size: int) -> Group:
    return Group([], [CreateBatch(f"b{number}", f"SKU-{number}", 10) for number in range(size)])


def changes_that_displace_a_line_each(size: int) -> Group:
    stock = [CreateBatch(f"b{number}", f"SKU-{number}", 1) for number in range(size)]
    spare: list[Command] = [CreateBatch(f"spare-{number}", f"SKU-{number}", 1, TOMORROW) for number in range(size)]
    lines = [allocate(f"o{number}", f"SKU-{number}", 1) for number in range(size)]
    return Group([*stock, *spare, *lines], [ChangeBatchQuantity(f"b{number}", 0) for number in range(size)])


def changes_of_one_sku_that_displace_a_line_each(size: int) -> Group:
    stock: list[Command] = [CreateBatch(f"b{number}", "RUG", 1) for number in range(size)]
    lines = [allocate(f"o{number}", "RUG", 1) for number in range(size)]
    return Group([*stock, *lines], [ChangeBatchQuantity(f"b{number}", 0) for number in range(size)])


def all_sorts(size: int) -> Group:
    parts = [allocates(size // 4), changes_that_displace_a_line_each(size // 4), allocates_of_one_sku(size // 4)]
    commands = [command for part in parts for command in part.commands]
    created: list[Command] = [CreateBatch(f"new-{number}", f"NEW-{number}", 10) for number in range(size // 4)]
    before = {repr(command): command for part in parts[1:] for command in part.before}
    return Group(list(before.values()), created + commands)


GROUPS = [
    allocates,
    allocates_of_one_sku,
    repeated_allocates,
    creates,
    changes_that_displace_a_line_each,
    changes_of_one_sku_that_displace_a_line_each,
    all_sorts,
]


class Bus:
    """A bus over an SQLite store that tells the statements of each group."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.bus = MessageBus(recorder(), promises_per_transaction_max=10_000)

    async def statements_of(self, commands: Sequence[Command]) -> list[str]:
        """Carry out a group in one transaction, and answer the statements that it took."""
        with listening(engine_of(self.store)) as heard:
            outcome = await self.store.transact(lambda transaction: self.bus.handle(list(map(asked, commands)), transaction))
        assert len(outcome.answers) == len(commands)
        assert not [answer for answer in outcome.answers if isinstance(answer, Exception)]
        return [statement for statement, _ in heard]


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("group_of", GROUPS)
async def test_a_group_takes_few_statements_however_large_it_is(
    on_sqlite: tuple[SqliteStore, SqlReader], group_of: Callable[[int], Group], size: int
) -> None:
    bus, group = Bus(on_sqlite[0]), group_of(size)
    await bus.statements_of(group.before)
    statements = await bus.statements_of(group.commands)
    assert statements[0] == "BEGIN IMMEDIATE"
    assert len(statements) <= STATEMENTS_MAX, "\n".join(statements)


async def test_commands_about_a_sku_with_thousands_of_lines_load_few_of_them(
    on_sqlite: tuple[SqliteStore, SqlReader], monkeypatch: pytest.MonkeyPatch
) -> None:
    bus, loaded = Bus(on_sqlite[0]), []
    read = rows.kept_line

    def count(row: Sequence[object]) -> KeptLine:
        loaded.append(row)
        return read(row)

    monkeypatch.setattr(rows, "kept_line", count)
    await bus.statements_of([CreateBatch("b", "RUG", 2_000)])
    await bus.statements_of([allocate(f"held-{number}", "RUG", 1) for number in range(1_500)])
    await bus.statements_of([allocate("new", "RUG", 1)])
    assert loaded == []
    await bus.statements_of([ChangeBatchQuantity("b", 1_500)])
    assert 1 <= len(loaded) <= 16
