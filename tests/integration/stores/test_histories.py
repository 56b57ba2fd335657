"""Random histories: SQLite answers and writes exactly what the store in memory does."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allocation.adapters.sql.sqlite import open_sqlite
from allocation.domain.commands import Command, ContinuePromising
from allocation.service_layer import line_book
from allocation.service_layer.housekeeping import ObserveStream
from allocation.service_layer.messagebus import MessageBus
from allocation.service_layer.streams import StreamState
from tests.integration.stores.books import books_of_sqlite
from tests.integration.stores.examples import plain
from tests.unit.house import INBOUND, Consumer, House, asked, recorder
from tests.unit.machine.books import Books, books_of_memory
from tests.unit.machine.histories import COMMANDS, Doors, in_short

if TYPE_CHECKING:
    from allocation.service_layer.envelope import Envelope

GROUPS = st.lists(st.tuples(st.lists(COMMANDS, min_size=1, max_size=5), st.booleans()), min_size=1, max_size=15)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
@given(groups=GROUPS, steps_max=st.sampled_from([1, 2, 1_000]))
def test_every_store_tells_the_same_history(groups: list[tuple[list[Command], bool]], steps_max: int) -> None:
    with mock.patch.object(line_book, "PAGE_LINES", 2), tempfile.TemporaryDirectory() as folder:
        house = House(steps_max)
        carried_out, expected = in_memory(house, groups)
        path = Path(folder) / "stock.sqlite3"
        assert asyncio.run(on_sqlite(path, carried_out, steps_max)) == expected
        books = books_of_sqlite(path)
        books.check()
        check_same(books, books_of_memory(house.store))


def in_memory(house: House, groups: list[tuple[list[Command], bool]]) -> tuple[list[list[Envelope]], list[list[object]]]:
    """Carry out groups in memory, and answer the groups, those that continue too, and what was answered to each."""
    doors, carried_out, answers = Doors(Consumer(house)), [], []
    for commands, continues in groups:
        rest = [doors.envelope(command) for command in commands]
        while rest:
            carried_out.append(rest)
            answers.append(list(house.carry_out(*rest).answers))
            rest = rest[len(answers[-1]) :]
        if continues and house.store.commands:
            carried_out.append([asked(ContinuePromising(sku)) for sku in sorted(house.store.commands)])
            answers.append(list(house.carry_out(*carried_out[-1]).answers))
    return carried_out, [_in_short(part) for part in answers]


async def on_sqlite(path: Path, groups: list[list[Envelope]], steps_max: int) -> list[list[object]]:
    """Carry out the same groups on SQLite, and answer what was answered to each."""
    bus = MessageBus(recorder(), promises_per_transaction_max=steps_max)
    observe = asked(ObserveStream(StreamState(INBOUND, "first life", 0)))
    answers = []
    async with open_sqlite(path) as (store, reader):
        await store.transact(lambda transaction: bus.handle([observe], transaction))
        for group in groups:
            outcome = await store.transact(lambda transaction, group=group: bus.handle(group, transaction))  # type: ignore[misc] # mypy has no type for the default
            answers.append(_in_short(outcome.answers))
        published = len(await reader.outbox(10_000))
    assert published == sum(event.subject is not None for event in books_of_sqlite(path).log)
    return answers


def check_same(one: Books, other: Books) -> None:
    assert one.products == other.products
    assert plain(one.batches.values()) == plain(other.batches.values())
    assert plain(one.lines.values()) == plain(other.lines.values())
    assert list(one.log) == list(other.log)
    assert set(one.unfinished) == set(other.unfinished)


def _in_short(answers: list[object]) -> list[object]:
    return [answer if isinstance(answer, bool) else in_short(answer) for answer in answers]
