"""What operators need: endings of parked messages, quantities placed in the log and their stream, what was forgotten by age."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns, an index and two tables. Quantities and parked messages of before count as older than the log."""
    op.add_column("fences", sa.Column("log_position", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("fences", sa.Column("stream", sa.String(length=256), nullable=False, server_default=""))
    op.add_column("parked_messages", sa.Column("log_position", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("parked_messages", sa.Column("ending", sa.String(length=32), nullable=True))
    op.add_column("parked_messages", sa.Column("ending_detail", sa.String(), nullable=True))
    op.add_column("parked_messages", sa.Column("ended_at", sa.BigInteger(), nullable=True))
    op.create_index("inbox_by_age", "inbox", ["consumed_at"], unique=False)
    op.create_table(
        "truncations",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("through", sa.BigInteger(), nullable=False),
        sa.Column("truncated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "truncated_sequences",
        sa.Column("sku", sa.String(length=128), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("through_sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sku"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Take them away: endings of parked messages are lost, so that those wait again."""
    op.drop_table("truncated_sequences")
    op.drop_table("truncations")
    op.drop_index("inbox_by_age", table_name="inbox")
    for column in ("ended_at", "ending_detail", "ending", "log_position"):
        op.drop_column("parked_messages", column)
    op.drop_column("fences", "stream")
    op.drop_column("fences", "log_position")
