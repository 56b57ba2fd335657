"""What Alembic runs to migrate: on the connection that the service hands over."""

from alembic import context

from allocation.adapters.sql.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
