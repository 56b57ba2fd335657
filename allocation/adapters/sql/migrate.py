"""Brings the tables of a database up to date, by the migrations beside this file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from allocation.adapters.startup_error import StartupError

if TYPE_CHECKING:
    from sqlalchemy import Connection

_SCRIPTS = Path(__file__).with_name("migrations")


class SchemaAheadError(StartupError):
    """The database was last used by a newer release than this one."""


def upgrade(connection: Connection) -> None:
    """Apply every migration that is missing, each in a transaction of its own.

    Raises:
        SchemaAheadError: the tables are of a revision that this release does not know.

    """
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    current = MigrationContext.configure(connection).get_current_revision()
    connection.rollback()
    if current is not None and current not in {
        script.revision for script in ScriptDirectory.from_config(config).walk_revisions()
    }:
        raise SchemaAheadError(f"the tables are of revision {current}, which this release does not know: run a newer release")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()
