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
    config = _config()
    current = MigrationContext.configure(connection).get_current_revision()
    connection.rollback()
    if current is not None and current not in {
        script.revision for script in ScriptDirectory.from_config(config).walk_revisions()
    }:
        raise SchemaAheadError(f"the tables are of revision {current}, which this release does not know: run a newer release")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()


def revisions(connection: Connection) -> tuple[str | None, str | None, bool]:
    """Answer the revision of the tables, that of this release, and whether this release knows the former."""
    scripts = ScriptDirectory.from_config(_config())
    current = MigrationContext.configure(connection).get_current_revision()
    return current, scripts.get_current_head(), current in {script.revision for script in scripts.walk_revisions()}


def require_current(connection: Connection) -> None:
    """Accept tables of the revision of this release alone.

    Raises:
        StartupError: they are of another, or there are none.

    """
    current = MigrationContext.configure(connection).get_current_revision()
    ours = ScriptDirectory.from_config(_config()).get_current_head()
    if current != ours:
        raise StartupError(
            f"the tables are of revision {current or 'none'}, this release has {ours}: use the tools of the release that wrote "
            "them, or start this one once, which brings them up to date"
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config
