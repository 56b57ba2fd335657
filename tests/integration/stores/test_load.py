"""What a transaction loads of a footprint: all that its commands touch, and nothing that they do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocation.service_layer.records import Fence, InboxKey, KnownStream, LineKey, ParkedState, StreamPlace
from allocation.service_layer.store import Changes, Footprint, Loaded
from tests.integration.stores.examples import (
    NO_FOOTPRINT,
    RUG,
    batch,
    inbox_entry,
    on_batch,
    parked_message,
    plain,
    product,
    waiting,
)

if TYPE_CHECKING:
    from tests.integration.stores.examples import Opened


def references(loaded: Loaded) -> list[str]:
    return sorted(batch.reference for batch in loaded.batches)


async def stocked(opened: Opened) -> None:
    """Batches of every kind: with room, exhausted, shrinking, and of another sku."""
    batches = [
        batch("exhausted", 5, allocated=5),
        batch("has-room", 5, allocated=4),
        batch("shrinking", 5, allocated=5, target=2),
        batch("nothing-left", 0),
        batch("lamp-with-room", sku="LAMP"),
        batch("lamp-exhausted", 1, allocated=1, sku="LAMP"),
    ]
    await opened.write(Changes(products=[product(), product("LAMP")], new_batches=batches))


async def test_nothing_is_loaded_of_nothing(opened: Opened) -> None:
    await stocked(opened)
    assert await opened.load(NO_FOOTPRINT) == Loaded()


async def test_of_a_sku_its_product_and_the_batches_with_room_or_shrinking(opened: Opened) -> None:
    await stocked(opened)
    loaded = await opened.load(Footprint(skus={RUG}))
    assert [state.sku for state in loaded.products] == [RUG]
    assert references(loaded) == ["has-room", "shrinking"]


async def test_a_named_batch_is_loaded_also_when_it_is_exhausted(opened: Opened) -> None:
    await stocked(opened)
    loaded = await opened.load(Footprint(skus={RUG}, batches={"exhausted"}))
    assert references(loaded) == ["exhausted", "has-room", "shrinking"]


async def test_a_named_batch_brings_its_product_and_its_fellows(opened: Opened) -> None:
    await stocked(opened)
    loaded = await opened.load(Footprint(batches={"lamp-exhausted"}))
    assert [state.sku for state in loaded.products] == ["LAMP"]
    assert references(loaded) == ["lamp-exhausted", "lamp-with-room"]


async def test_a_batch_is_loaded_once_however_often_it_is_meant(opened: Opened) -> None:
    await stocked(opened)
    await opened.write(Changes(new_lines=[on_batch(1, "has-room")]))
    loaded = await opened.load(
        Footprint(skus={RUG}, batches={"has-room"}, changed_batches={"has-room"}, lines={LineKey("order-1", RUG)})
    )
    assert references(loaded) == ["has-room", "shrinking"]


async def test_a_found_line_brings_its_batch(opened: Opened) -> None:
    await stocked(opened)
    await opened.write(Changes(new_lines=[on_batch(1, "exhausted"), on_batch(2, "exhausted")]))
    loaded = await opened.load(Footprint(skus={RUG}, lines={LineKey("order-1", RUG), LineKey("unheard-of", RUG)}))
    assert plain(loaded.lines) == plain([on_batch(1, "exhausted")])
    assert references(loaded) == ["exhausted", "has-room", "shrinking"]


async def test_a_line_known_under_another_sku_is_found(opened: Opened) -> None:
    await opened.write(Changes(new_lines=[waiting(1, sku="LAMP")]))
    loaded = await opened.load(Footprint(skus={RUG}, lines={LineKey("order-1", "LAMP")}))
    assert [kept.line.sku for kept in loaded.lines] == ["LAMP"]


async def test_what_is_unknown_is_not_loaded(opened: Opened) -> None:
    footprint = Footprint(
        skus={"NO-RUG"},
        lines={LineKey("o", "l")},
        batches={"no-batch"},
        changed_batches={"no-batch"},
        inbox={InboxKey("/shop", "7")},
        places={StreamPlace("INBOUND", 1, 1)},
        streams={"INBOUND"},
    )
    assert await opened.load(footprint) == Loaded()


async def test_the_lines_promised_last_come_with_a_batch_that_may_shrink(opened: Opened) -> None:
    lines = [on_batch(number) for number in range(1, 4)] + [on_batch(number, "b2") for number in range(4, 44)]
    await opened.write(
        Changes(products=[product()], new_batches=[batch(name, 50) for name in ("b1", "b2", "b3")], new_lines=lines)
    )
    loaded = await opened.load(Footprint(batches={"b1", "b2", "b3"}, changed_batches={"b1", "b2", "b3"}))
    first, second, third = (loaded.latest[name] for name in ("b1", "b2", "b3"))
    assert ([kept.promise_number for kept in first.lines], first.complete) == ([3, 2, 1], True)
    assert (third.lines, third.complete) == ([], True)
    numbers = [kept.promise_number for kept in second.lines]
    assert numbers == list(range(43, 43 - len(numbers), -1))
    assert len(numbers) < 40
    assert not second.complete


async def test_a_batch_that_only_is_named_brings_no_lines(opened: Opened) -> None:
    await opened.write(Changes(products=[product()], new_batches=[batch("b1")], new_lines=[on_batch(1)]))
    loaded = await opened.load(Footprint(batches={"b1"}))
    assert (loaded.lines, loaded.latest) == ([], {})


async def test_what_was_consumed_parked_and_fenced(opened: Opened) -> None:
    await opened.write(
        Changes(
            products=[product()],
            new_batches=[batch("b1"), batch("b2")],
            inbox=[inbox_entry("7"), inbox_entry("8")],
            parked=[parked_message(3), parked_message(4)],
            fences={"b1": Fence(2, 9, 4), "b2": Fence(1, 1, 2)},
            streams=[KnownStream("INBOUND", "monday", 2, 9), KnownStream("EVENTS", "tuesday", 1, 0)],
        )
    )
    loaded = await opened.load(
        Footprint(
            batches={"b1"},
            changed_batches={"b1"},
            inbox={InboxKey("/shop", "7"), InboxKey("/other", "8")},
            places={StreamPlace("INBOUND", 1, 3), StreamPlace("INBOUND", 2, 4)},
            streams={"INBOUND"},
        )
    )
    assert loaded.inbox == {InboxKey("/shop", "7"): b"\x00" * 32}
    assert loaded.parked == {StreamPlace("INBOUND", 1, 3): ParkedState(is_open=True, log_position=1)}
    assert loaded.fences == {"b1": Fence(2, 9, 4)}
    assert loaded.streams == {"INBOUND": KnownStream("INBOUND", "monday", 2, 9)}


async def test_what_is_loaded_can_be_changed_without_changing_the_store(opened: Opened) -> None:
    await opened.write(Changes(products=[product()], new_batches=[batch("b1")], new_lines=[on_batch(1)]))
    footprint = Footprint(skus={RUG}, batches={"b1"}, changed_batches={"b1"}, lines={LineKey("order-1", RUG)})
    loaded = await opened.load(footprint)
    loaded.products[0].sku_sequence = 99
    loaded.batches[0].allocated_quantity = 9
    loaded.lines[0].promise_number = 99
    again = await opened.load(footprint)
    assert (again.products[0].sku_sequence, again.batches[0].allocated_quantity, again.lines[0].promise_number) == (0, 0, 1)


async def test_names_that_mean_something_elsewhere_are_only_names(opened: Opened) -> None:
    names = ["%", "_", "'; DROP TABLE batches; --", "ünï/cödé", "🪑", "a b", "NULL", "A b"]
    batches = [batch(f"b-{name}", sku=name) for name in names]
    await opened.write(Changes(products=[product(name) for name in names], new_batches=batches))
    for name in names:
        loaded = await opened.load(Footprint(skus={name}))
        assert references(loaded) == [f"b-{name}"]
