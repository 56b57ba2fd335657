"""Takes the tables of a database back by one revision, as they were under the release before, with what is in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, create_engine

from allocation.adapters.sql import migrate

if TYPE_CHECKING:
    from sqlalchemy import Connection

_SCRIPTS = Path(migrate.__file__).with_name("migrations")


def take_back(database: Path) -> None:
    """Undo the last migration of a SQLite file that nobody else has open."""
    engine = create_engine(URL.create("sqlite", database=str(database)))
    try:
        with engine.connect() as connection:
            _downgrade(connection)
    finally:
        engine.dispose()


def _downgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.downgrade(config, "-1")
    connection.commit()
