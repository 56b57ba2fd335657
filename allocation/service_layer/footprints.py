"""What each command touches, so that a group of them is loaded at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allocation.domain import commands
from allocation.service_layer import housekeeping
from allocation.service_layer.records import InboxKey, LineKey, StreamPlace
from allocation.service_layer.store import Footprint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from allocation.domain.order_line import OrderLine
    from allocation.service_layer.envelope import Envelope, Receipt


FOOTPRINT_KEYS_MAX = 4_000


def footprint_of(envelopes: Sequence[Envelope]) -> tuple[Footprint, int]:
    """Add up what a group touches, and say for how many of its commands: always one, more up to FOOTPRINT_KEYS_MAX."""
    total, count = Footprint(), 0
    for envelope in envelopes:
        footprint = _OF_COMMAND[type(envelope.command)](envelope.command)
        if count and len(total.lines) + len(footprint.lines) > FOOTPRINT_KEYS_MAX:
            break
        total.add(footprint)
        if envelope.receipt is not None:
            total.add(_of_receipt(envelope.receipt))
        count += 1
    return total, count


def _of_lines(*lines: OrderLine) -> Footprint:
    return Footprint(skus={line.sku for line in lines}, lines={LineKey(line.order_id, line.line_id) for line in lines})


def _of_receipt(receipt: Receipt) -> Footprint:
    message = receipt.message
    return Footprint(
        inbox={InboxKey(receipt.source, receipt.message_id)},
        places={StreamPlace(message.stream, receipt.incarnation, message.sequence)},
        streams={message.stream},
    )


_OF_COMMAND: dict[type[commands.Command], Callable[[Any], Footprint]] = {
    commands.CreateBatch: lambda command: Footprint(skus={command.sku}, batches={command.batch_reference}),
    commands.Allocate: lambda command: _of_lines(command.line),
    commands.PlaceOrder: lambda command: _of_lines(*command.lines),
    commands.ChangeBatchQuantity: lambda command: Footprint(
        batches={command.batch_reference}, changed_batches={command.batch_reference}
    ),
    commands.ContinuePromising: lambda command: Footprint(skus={command.sku}),
    housekeeping.ObserveStream: lambda command: Footprint(streams={command.state.name}),
    housekeeping.MarkPublished: lambda command: Footprint(streams={command.stream}),
    housekeeping.Park: lambda _: Footprint(),
    housekeeping.DiscardParked: lambda command: Footprint(places=set(command.places)),
    housekeeping.RepairProduct: lambda command: Footprint(
        skus={command.sku},
        recounted_skus={command.sku},
        lines={LineKey(line.order_id, line.line_id) for line in command.lines},
        batches={line.batch_reference for line in command.lines if line.batch_reference is not None},
    ),
    housekeeping.ReEmit: lambda command: Footprint(event_ids=set(command.event_ids)),
    housekeeping.ForgetInbox: lambda command: Footprint(aged=command.page, streams={command.reach.state.name}),
    housekeeping.ForgetParked: lambda command: Footprint(aged=command.page, streams={command.reach.state.name}),
    housekeeping.ForgetEvents: lambda command: Footprint(aged=command.page),
}
