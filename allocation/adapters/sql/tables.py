"""The tables as they are now; how they came to be so stands in the migrations. Instants are microseconds since 1970, UTC."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)

metadata = MetaData()
_Identifier = String(128)
_Position = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only in a column whose type is INTEGER."""

products = Table(
    "products",
    metadata,
    Column("sku", _Identifier, primary_key=True),
    Column("sku_sequence", BigInteger, nullable=False),
    Column("promise_number", BigInteger, nullable=False),
    Column("batch_count", BigInteger, nullable=False),
    Column("waiting_lines", BigInteger, nullable=False),
    Column("promised_through", BigInteger),
    sqlite_with_rowid=False,
)

HAS_ROOM_OR_SHRINKS = "allocated_quantity < purchased_quantity OR target_quantity < purchased_quantity"

batches = Table(
    "batches",
    metadata,
    Column("reference", _Identifier, primary_key=True),
    Column("sku", _Identifier, nullable=False),
    Column("purchased_quantity", Integer, nullable=False),
    Column("eta", BigInteger),
    Column("allocated_quantity", Integer, nullable=False),
    Column("created_quantity", Integer, nullable=False),
    Column("target_quantity", Integer, nullable=False),
    CheckConstraint("allocated_quantity <= purchased_quantity", name="never_oversold"),
    CheckConstraint("allocated_quantity >= 0", name="never_negative"),
    Index("batches_of_sku", "sku", "reference"),
    Index(
        "batches_with_room",
        "sku",
        sqlite_where=text(HAS_ROOM_OR_SHRINKS),
        postgresql_where=text(HAS_ROOM_OR_SHRINKS),
    ),
    sqlite_with_rowid=False,
)

order_lines = Table(
    "order_lines",
    metadata,
    Column("order_id", _Identifier, primary_key=True),
    Column("line_id", _Identifier, primary_key=True),
    Column("sku", _Identifier, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("promise_number", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("batch_reference", _Identifier),
    Column("sku_sequence", BigInteger, nullable=False),
    CheckConstraint("quantity > 0", name="quantity_positive"),
    CheckConstraint("(state = 'allocated') = (batch_reference IS NOT NULL)", name="allocated_means_batch"),
    Index(
        "lines_on_batch",
        "batch_reference",
        "promise_number",
        unique=True,
        sqlite_where=text("batch_reference IS NOT NULL"),
        postgresql_where=text("batch_reference IS NOT NULL"),
    ),
    Index(
        "lines_waiting",
        "sku",
        "promise_number",
        "quantity",
        "state",
        sqlite_where=text("batch_reference IS NULL"),
        postgresql_where=text("batch_reference IS NULL"),
    ),
    sqlite_with_rowid=False,
)

events = Table(
    "events",
    metadata,
    Column("position", _Position, primary_key=True),
    Column("event_id", String(36), nullable=False),
    Column("type", String(128), nullable=False),
    Column("subject", String(128)),
    Column("sku", _Identifier, nullable=False),
    Column("sku_sequence", BigInteger),
    Column("payload", LargeBinary, nullable=False),
    Column("occurred_at", BigInteger, nullable=False),
    Column("correlation_id", String(256), nullable=False),
    Column("causation_id", String(256), nullable=False),
    Column("traceparent", String(256)),
    UniqueConstraint("event_id", name="event_id_unique"),
    sqlite_autoincrement=True,
)

outbox = Table(
    "outbox",
    metadata,
    Column("position", _Position, ForeignKey("events.position"), primary_key=True, autoincrement=False),
)

inbox = Table(
    "inbox",
    metadata,
    Column("source", String(256), primary_key=True),
    Column("message_id", String(256), primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("stream", String(256), nullable=False),
    Column("incarnation", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("consumed_at", BigInteger, nullable=False),
    Index("inbox_by_age", "consumed_at"),
    sqlite_with_rowid=False,
)

parked_messages = Table(
    "parked_messages",
    metadata,
    Column("stream", String(256), primary_key=True),
    Column("incarnation", Integer, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("subject", String(256), nullable=False),
    Column("headers", String, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("deliveries", Integer, nullable=False),
    Column("reason", String(32), nullable=False),
    Column("detail", String, nullable=False),
    Column("parked_at", BigInteger, nullable=False),
    Column("log_position", BigInteger, nullable=False, server_default="0"),
    Column("stored_at", BigInteger),
    Column("ending", String(32)),
    Column("ending_detail", String),
    Column("ended_at", BigInteger),
)

fences = Table(
    "fences",
    metadata,
    Column("batch_reference", _Identifier, primary_key=True),
    Column("incarnation", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("log_position", BigInteger, nullable=False, server_default="0"),
    Column("stream", String(256), nullable=False, server_default=""),
    Column("stored_at", BigInteger),
    sqlite_with_rowid=False,
)

streams = Table(
    "streams",
    metadata,
    Column("name", String(256), primary_key=True),
    Column("created_at", String(64), nullable=False),
    Column("incarnation", Integer, nullable=False),
    Column("last_sequence", BigInteger, nullable=False),
    Column("last_stored_at", BigInteger),
    Column("copied_through", BigInteger, nullable=False, server_default="0"),
    Column("last_event_id", String(256)),
)

internal_commands = Table(
    "internal_commands",
    metadata,
    Column("sku", _Identifier, primary_key=True),
    Column("correlation_id", String(256), nullable=False),
    Column("causation_id", String(256), nullable=False),
)

truncations = Table(
    "truncations",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("rows", BigInteger, nullable=False),
    Column("through", BigInteger, nullable=False),
    Column("truncated_at", BigInteger, nullable=False),
)
"""How much was forgotten of a table by age: `through` is the log position, or the instant, up to which it was looked at."""

truncated_sequences = Table(
    "truncated_sequences",
    metadata,
    Column("sku", _Identifier, primary_key=True),
    Column("events", BigInteger, nullable=False),
    Column("through_sequence", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""How many events of a sku, none above which sku_sequence, were forgotten by age: the gaps that its log may have."""
