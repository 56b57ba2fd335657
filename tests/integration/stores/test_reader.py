"""What those see who only look: pages, the outbox in its order, unfinished work, streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocation.domain.order_line import LineState, LineStatus, OrderLine
from allocation.service_layer.records import KnownStream, UnfinishedPromising
from allocation.service_layer.store import Changes
from allocation.service_layer.streams import OutboxEvent
from tests.integration.stores.examples import NOW, RUG, TOMORROW, batch, event, on_batch, waiting

if TYPE_CHECKING:
    from tests.integration.stores.examples import Opened


async def outbox_ids(opened: Opened, limit: int = 100) -> list[str]:
    return [waiting.event_id for waiting in await opened.reader.outbox(limit)]


async def test_what_is_unknown(opened: Opened) -> None:
    assert await opened.reader.batch("b1") is None
    assert await opened.reader.stream("INBOUND") is None
    assert await opened.reader.batches(RUG, "", 10) == []
    assert await opened.reader.lines("order-1", "", 10) == []
    assert await opened.reader.outbox(10) == []
    assert await opened.reader.outbox_positions(["event-1"]) == []
    assert await opened.reader.outbox_positions([]) == []
    assert await opened.reader.unfinished(10) == []


async def test_batches_of_a_sku_come_in_pages_by_reference(opened: Opened) -> None:
    batches = [batch(name) for name in ("c", "a", "B", "ä", "b")] + [batch("aa", sku="LAMP"), batch("exhausted", 1, 1)]
    await opened.write(Changes(new_batches=batches))
    pages, after = [], ""
    while page := [found.reference for found in await opened.reader.batches(RUG, after, 2)]:
        pages.append(page)
        after = page[-1]
    assert pages == [["B", "a"], ["b", "c"], ["exhausted", "ä"]]


async def test_lines_of_an_order_come_in_pages_by_line_id(opened: Opened) -> None:
    shipment = batch("b1", 10, allocated=1)
    shipment.eta = TOMORROW
    allocated, backordered, displaced = on_batch(1), waiting(1), waiting(1, state=LineState.DISPLACED)
    for kept, line_id in ((allocated, "c"), (backordered, "a"), (displaced, "b")):
        kept.line = OrderLine("order-1", line_id, RUG, 1)
    allocated.promise_number = 7
    await opened.write(Changes(new_batches=[shipment], new_lines=[allocated, backordered, displaced, on_batch(2)]))
    first = await opened.reader.lines("order-1", "", 2)
    assert [(status.line.line_id, status.state) for status in first] == [
        ("a", LineState.BACKORDERED),
        ("b", LineState.DISPLACED),
    ]
    (last,) = await opened.reader.lines("order-1", "b", 2)
    assert last == LineStatus(OrderLine("order-1", "c", RUG, 1), LineState.ALLOCATED, 1, "b1", TOMORROW)


async def test_the_outbox_holds_public_events_in_the_order_in_which_they_happened(opened: Opened) -> None:
    await opened.write(Changes(events=[event(3), event(1), event(5, public=False), event(2)]))
    await opened.write(Changes(events=[event(4)]))
    assert await outbox_ids(opened) == ["event-3", "event-1", "event-2", "event-4"]
    assert await outbox_ids(opened, limit=2) == ["event-3", "event-1"]
    positions = [waiting.position for waiting in await opened.reader.outbox(100)]
    assert positions == sorted(set(positions))


async def test_an_event_of_the_outbox_is_whole(opened: Opened) -> None:
    await opened.write(Changes(events=[event(1), event(2)]))
    first, second = await opened.reader.outbox(10)
    assert first == OutboxEvent(
        position=first.position,
        event_id="event-1",
        type="stock.allocation.v1.OutOfStock",
        subject="allocation.out_of_stock",
        sku=RUG,
        payload=b"\x00\xff\x01",
        occurred_at=NOW,
        correlation_id="correlation",
        causation_id="causation",
        traceparent="00-aa-bb-01",
    )
    assert second.traceparent is None


async def test_what_was_published_is_out_of_the_outbox_and_positions_are_not_used_again(opened: Opened) -> None:
    await opened.write(Changes(events=[event(1), event(2)]))
    old = [waiting.position for waiting in await opened.reader.outbox(10)]
    await opened.write(Changes(published=old))
    assert await outbox_ids(opened) == []
    await opened.write(Changes(events=[event(3)], published=old))
    (new,) = await opened.reader.outbox(10)
    assert new.event_id == "event-3"
    assert new.position > max(old)


async def test_positions_are_found_of_those_that_wait(opened: Opened) -> None:
    await opened.write(Changes(events=[event(number) for number in range(1, 601)]))
    first, second, *_ = await opened.reader.outbox(10)
    await opened.write(Changes(published=[second.position]))
    assert await opened.reader.outbox_positions(["event-1", "event-2", "unheard-of"]) == [first.position]
    everything = [f"event-{number}" for number in range(1, 1_001)]
    assert len(await opened.reader.outbox_positions(everything)) == 599


async def test_unfinished_work_in_pages(opened: Opened) -> None:
    left = [UnfinishedPromising(sku, "correlation", "causation") for sku in ("RUG", "LAMP", "DESK")]
    await opened.write(Changes(unfinished={todo.sku: todo for todo in left}))
    assert [todo.sku for todo in await opened.reader.unfinished(2)] == ["DESK", "LAMP"]
    assert list(await opened.reader.unfinished(10)) == sorted(left, key=lambda todo: todo.sku)


async def test_streams(opened: Opened) -> None:
    known = KnownStream("INBOUND", "monday", 2, 2**40)
    await opened.write(Changes(streams=[known, KnownStream("EVENTS", "tuesday", 1, 0)]))
    assert await opened.reader.stream("INBOUND") == known
