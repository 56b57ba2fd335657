"""By its messages a stream is told from an older copy of itself, and in the copy by their times older quantities from newer."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns; they are filled by the next messages."""
    op.add_column("streams", sa.Column("last_stored_at", sa.BigInteger(), nullable=True))
    op.add_column("streams", sa.Column("copied_through", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("streams", sa.Column("last_event_id", sa.String(256), nullable=True))
    op.add_column("fences", sa.Column("stored_at", sa.BigInteger(), nullable=True))
    op.add_column("parked_messages", sa.Column("stored_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Take them away."""
    op.drop_column("parked_messages", "stored_at")
    op.drop_column("fences", "stored_at")
    op.drop_column("streams", "last_event_id")
    op.drop_column("streams", "copied_through")
    op.drop_column("streams", "last_stored_at")
