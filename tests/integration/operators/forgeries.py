"""What can be wrong in the books: each done to them, what is to be found then, and what of it nobody can mend."""

from __future__ import annotations

from typing import NamedTuple

OVERSELL = "UPDATE batches SET purchased_quantity = 4, target_quantity = 4, allocated_quantity = 4 WHERE reference = 'rugs-1'"


class Forgery(NamedTuple):
    """What is done to the books, what is to be found, and what of it nobody can mend."""

    name: str
    statements: list[str]
    found: list[str]
    left: list[str]


_COLUMNS = "type, subject, sku, sku_sequence, payload, occurred_at, correlation_id, causation_id"
_LOG_AGAIN = (
    f"INSERT INTO events (event_id, {_COLUMNS}) SELECT 'again', {_COLUMNS} FROM events "  # noqa: S608 - our own names
    "WHERE position = (SELECT max(position) FROM events WHERE sku = 'RUG' AND sku_sequence IS NOT NULL)"
)
FORGERIES = [
    Forgery(
        "a batch counts too little",
        ["UPDATE batches SET allocated_quantity = allocated_quantity - 1 WHERE reference = 'rugs-1'"],
        ["batch_allocated_quantity"],
        [],
    ),
    Forgery(
        "a batch counts too much",
        ["UPDATE batches SET allocated_quantity = 5 WHERE reference = 'lamps'"],
        ["batch_allocated_quantity"],
        [],
    ),
    Forgery(
        "a batch is oversold",
        [OVERSELL],
        ["batch_oversold", "batch_purchased_quantity"],
        [],
    ),
    Forgery(
        "a batch holds what was never announced",
        ["UPDATE batches SET purchased_quantity = 8, target_quantity = 8 WHERE reference = 'rugs-1'"],
        ["batch_purchased_quantity"],
        ["batch_purchased_quantity"],
    ),
    Forgery(
        "a batch was created otherwise",
        ["UPDATE batches SET created_quantity = 99 WHERE reference = 'lamps'"],
        ["batch_created_quantity"],
        ["batch_created_quantity"],
    ),
    Forgery(
        "a batch comes on another day",
        ["UPDATE batches SET eta = 7 WHERE reference = 'rugs-2'"],
        ["batch_eta"],
        ["batch_eta"],
    ),
    Forgery(
        "a batch is to hold more than it does",
        ["UPDATE batches SET target_quantity = 70 WHERE reference = 'lamps'"],
        ["batch_target_quantity"],
        ["batch_target_quantity"],
    ),
    Forgery(
        "a shrink was left off",
        ["UPDATE batches SET target_quantity = 6 WHERE reference = 'rugs-1'"],
        ["shrink_left_off"],
        [],
    ),
    Forgery(
        "a batch is gone",
        ["DELETE FROM batches WHERE reference = 'desks'"],
        ["batch_missing", "fence_without_batch", "product_batch_count"],
        ["batch_missing", "fence_without_batch"],
    ),
    Forgery(
        "a batch appeared",
        [
            "INSERT INTO batches VALUES ('found', 'DESK', 1, NULL, 0, 1, 1)",
            "UPDATE products SET batch_count = 2 WHERE sku = 'DESK'",
        ],
        ["batch_without_event"],
        ["batch_without_event"],
    ),
    Forgery(
        "a product counts its batches wrong",
        ["UPDATE products SET batch_count = 9 WHERE sku = 'RUG'"],
        ["product_batch_count"],
        [],
    ),
    Forgery(
        "a product counts who waits wrong",
        ["UPDATE products SET waiting_lines = 0 WHERE sku = 'RUG'"],
        ["product_waiting_lines"],
        [],
    ),
    Forgery(
        "a promise number is used up twice",
        ["UPDATE products SET promise_number = 1 WHERE sku = 'RUG'"],
        ["product_promise_number"],
        [],
    ),
    Forgery(
        "a sku counts backwards", ["UPDATE products SET sku_sequence = 2 WHERE sku = 'LAMP'"], ["product_sku_sequence"], []
    ),
    Forgery(
        "a sku counts further than its log",
        ["UPDATE products SET sku_sequence = sku_sequence + 2 WHERE sku = 'LAMP'"],
        ["sequence_gap"],
        ["sequence_gap"],
    ),
    Forgery(
        "a product is gone",
        ["DELETE FROM products WHERE sku = 'RUG'"],
        ["product_missing"],
        [],
    ),
    Forgery(
        "a line is on another batch",
        ["UPDATE order_lines SET batch_reference = 'rugs-2', promise_number = 77 WHERE order_id = 'o1'"],
        ["batch_allocated_quantity", "batch_oversold", "line_stands_elsewhere", "product_promise_number"],
        [],
    ),
    Forgery(
        "a line waits that was allocated",
        ["UPDATE order_lines SET state = 'backordered', batch_reference = NULL WHERE order_id = 'o1'"],
        ["batch_allocated_quantity", "line_stands_elsewhere", "product_waiting_lines"],
        [],
    ),
    Forgery(
        "a line has another quantity",
        ["UPDATE order_lines SET quantity = 1 WHERE order_id = 'o4'"],
        ["batch_allocated_quantity", "line_stands_elsewhere"],
        [],
    ),
    Forgery(
        "a line is older than its last event",
        ["UPDATE order_lines SET sku_sequence = 1 WHERE order_id = 'o4'"],
        ["line_stands_elsewhere"],
        [],
    ),
    Forgery(
        "a line was displaced and left there",
        ["UPDATE order_lines SET state = 'displaced' WHERE order_id = 'o6' AND sku = 'RUG'"],
        ["line_stands_elsewhere"],
        [],
    ),
    Forgery(
        "a line is gone",
        ["DELETE FROM order_lines WHERE order_id = 'o4'"],
        ["batch_allocated_quantity", "line_not_kept"],
        [],
    ),
    Forgery(
        "a line appeared",
        ["INSERT INTO order_lines VALUES ('ghost', 'LAMP', 'LAMP', 9, 2, 'backordered', NULL, 3)"],
        ["line_without_event", "product_waiting_lines"],
        ["line_without_event"],
    ),
    Forgery(
        "a line is of another sku",
        ["UPDATE order_lines SET sku = 'DESK', promise_number = 1 WHERE order_id = 'o4'"],
        ["line_stands_elsewhere"],
        ["line_stands_elsewhere"],
    ),
    Forgery(
        "an event is torn out of the log",
        ["DELETE FROM outbox WHERE position = 2", "DELETE FROM events WHERE position = 2"],
        ["batch_created_quantity", "sequence_gap"],
        ["batch_created_quantity", "sequence_gap"],
    ),
    Forgery(
        "an event is there twice",
        [
            _LOG_AGAIN,
        ],
        ["sequence_repeated"],
        ["sequence_repeated"],
    ),
    Forgery(
        "an event is damaged",
        ["UPDATE events SET payload = x'ff' WHERE position = 1"],
        ["batch_created_quantity", "event_damaged"],
        ["batch_created_quantity", "event_damaged"],
    ),
    Forgery(
        "an event is about something else",
        ["UPDATE events SET payload = (SELECT payload FROM events WHERE position = 3) WHERE position = 1"],
        ["batch_created_quantity", "event_damaged"],
        ["batch_created_quantity", "event_damaged"],
    ),
    Forgery(
        "an outbox row leads nowhere", ["INSERT INTO outbox VALUES (999)"], ["outbox_without_event"], ["outbox_without_event"]
    ),
    Forgery(
        "an internal event waits to be published",
        ["INSERT INTO outbox SELECT position FROM events WHERE type = 'internal.MessageParked'"],
        ["outbox_of_internal_event"],
        ["outbox_of_internal_event"],
    ),
    Forgery(
        "nobody goes on", ["UPDATE products SET promised_through = 0 WHERE sku = 'RUG'"], ["unfinished_without_command"], []
    ),
    Forgery(
        "somebody goes on with nothing",
        ["INSERT INTO internal_commands VALUES ('LAMP', 'c', 'c')"],
        ["command_without_unfinished"],
        [],
    ),
    Forgery(
        "a fence is of no batch",
        ["INSERT INTO fences (batch_reference, incarnation, sequence, log_position) VALUES ('b9', 1, 1, 1)"],
        ["fence_without_batch"],
        ["fence_without_batch"],
    ),
    Forgery(
        "a fence is gone",
        ["DELETE FROM fences WHERE batch_reference = 'desks'"],
        ["fence_missing"],
        ["fence_missing"],
    ),
    Forgery(
        "the fence is gone of a batch that a message with an id has changed",
        [
            "DELETE FROM fences WHERE batch_reference = 'desks'",
            "UPDATE events SET causation_id = 'note-17' WHERE causation_id LIKE '%/2'",
            "UPDATE inbox SET source = '/warehouse', message_id = 'note-17' WHERE sequence = 2",
        ],
        ["fence_missing"],
        ["fence_missing"],
    ),
    Forgery(
        "a batch that a former release has changed by request, and left without a fence, is no forgery",
        ["DELETE FROM fences WHERE batch_reference = 'rugs-1'"],
        [],
        [],
    ),
    Forgery(
        "a fence is ahead of the log",
        ["UPDATE fences SET log_position = 999 WHERE batch_reference = 'desks'"],
        ["fence_ahead_of_log"],
        ["fence_ahead_of_log"],
    ),
    Forgery(
        "a parked message took effect",
        ["UPDATE inbox SET sequence = 3 WHERE sequence = 2"],
        ["parked_and_consumed"],
        ["parked_and_consumed"],
    ),
    Forgery(
        "the inbox is ahead of its stream",
        ["UPDATE streams SET last_sequence = 1"],
        ["inbox_ahead_of_stream"],
        ["inbox_ahead_of_stream"],
    ),
]
