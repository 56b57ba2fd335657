"""The first tables: products, batches, lines, the log with its outbox, the inbox and what goes with it."""

import sqlalchemy as sa
from alembic import op

revision = "0001"

HAS_ROOM_OR_SHRINKS = sa.text("allocated_quantity < purchased_quantity OR target_quantity < purchased_quantity")
ON_A_BATCH = sa.text("batch_reference IS NOT NULL")
WAITING = sa.text("batch_reference IS NULL")

down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "batches",
        sa.Column("reference", sa.String(length=128), nullable=False),
        sa.Column("sku", sa.String(length=128), nullable=False),
        sa.Column("purchased_quantity", sa.Integer(), nullable=False),
        sa.Column("eta", sa.BigInteger(), nullable=True),
        sa.Column("allocated_quantity", sa.Integer(), nullable=False),
        sa.Column("created_quantity", sa.Integer(), nullable=False),
        sa.Column("target_quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint("allocated_quantity <= purchased_quantity", name="never_oversold"),
        sa.CheckConstraint("allocated_quantity >= 0", name="never_negative"),
        sa.PrimaryKeyConstraint("reference"),
        sqlite_with_rowid=False,
    )
    op.create_index("batches_of_sku", "batches", ["sku", "reference"], unique=False)
    op.create_index(
        "batches_with_room",
        "batches",
        ["sku"],
        unique=False,
        sqlite_where=HAS_ROOM_OR_SHRINKS,
        postgresql_where=HAS_ROOM_OR_SHRINKS,
    )
    op.create_table(
        "events",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.String(length=36), nullable=False),
        sa.Column("type", sa.String(length=128), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=True),
        sa.Column("sku", sa.String(length=128), nullable=False),
        sa.Column("sku_sequence", sa.BigInteger(), nullable=True),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("correlation_id", sa.String(length=256), nullable=False),
        sa.Column("causation_id", sa.String(length=256), nullable=False),
        sa.Column("traceparent", sa.String(length=256), nullable=True),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("event_id", name="event_id_unique"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "fences",
        sa.Column("batch_reference", sa.String(length=128), nullable=False),
        sa.Column("incarnation", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("batch_reference"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "inbox",
        sa.Column("source", sa.String(length=256), nullable=False),
        sa.Column("message_id", sa.String(length=256), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("stream", sa.String(length=256), nullable=False),
        sa.Column("incarnation", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("consumed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "message_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "internal_commands",
        sa.Column("sku", sa.String(length=128), nullable=False),
        sa.Column("correlation_id", sa.String(length=256), nullable=False),
        sa.Column("causation_id", sa.String(length=256), nullable=False),
        sa.PrimaryKeyConstraint("sku"),
    )
    op.create_table(
        "order_lines",
        sa.Column("order_id", sa.String(length=128), nullable=False),
        sa.Column("line_id", sa.String(length=128), nullable=False),
        sa.Column("sku", sa.String(length=128), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("promise_number", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("batch_reference", sa.String(length=128), nullable=True),
        sa.Column("sku_sequence", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("(state = 'allocated') = (batch_reference IS NOT NULL)", name="allocated_means_batch"),
        sa.CheckConstraint("quantity > 0", name="quantity_positive"),
        sa.PrimaryKeyConstraint("order_id", "line_id"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "lines_on_batch",
        "order_lines",
        ["batch_reference", "promise_number"],
        unique=True,
        sqlite_where=ON_A_BATCH,
        postgresql_where=ON_A_BATCH,
    )
    op.create_index(
        "lines_waiting",
        "order_lines",
        ["sku", "promise_number", "quantity", "state"],
        unique=False,
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )
    op.create_table(
        "parked_messages",
        sa.Column("stream", sa.String(length=256), nullable=False),
        sa.Column("incarnation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("subject", sa.String(length=256), nullable=False),
        sa.Column("headers", sa.String(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("deliveries", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("parked_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "incarnation", "sequence"),
    )
    op.create_table(
        "products",
        sa.Column("sku", sa.String(length=128), nullable=False),
        sa.Column("sku_sequence", sa.BigInteger(), nullable=False),
        sa.Column("promise_number", sa.BigInteger(), nullable=False),
        sa.Column("batch_count", sa.BigInteger(), nullable=False),
        sa.Column("waiting_lines", sa.BigInteger(), nullable=False),
        sa.Column("promised_through", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("sku"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "streams",
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("created_at", sa.String(length=64), nullable=False),
        sa.Column("incarnation", sa.Integer(), nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "outbox",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["position"],
            ["events.position"],
        ),
        sa.PrimaryKeyConstraint("position"),
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("outbox")
    op.drop_table("streams")
    op.drop_table("products")
    op.drop_table("parked_messages")
    op.drop_index("lines_waiting", table_name="order_lines", sqlite_where=WAITING, postgresql_where=WAITING)
    op.drop_index("lines_on_batch", table_name="order_lines", sqlite_where=ON_A_BATCH, postgresql_where=ON_A_BATCH)
    op.drop_table("order_lines")
    op.drop_table("internal_commands")
    op.drop_table("inbox")
    op.drop_table("fences")
    op.drop_table("events")
    op.drop_index(
        "batches_with_room", table_name="batches", sqlite_where=HAS_ROOM_OR_SHRINKS, postgresql_where=HAS_ROOM_OR_SHRINKS
    )
    op.drop_index("batches_of_sku", table_name="batches")
    op.drop_table("batches")
