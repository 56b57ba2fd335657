"""Where the tools find the database that they look into; a store in memory is seen by nobody but its service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocation.adapters.startup_error import StartupError
from allocation.connections import existing_database

if TYPE_CHECKING:
    from pathlib import Path

    from allocation.settings import Settings


def is_in_memory(settings: Settings) -> bool:
    """Whether what the service keeps cannot be seen from another process."""
    return settings.database_url.startswith("memory:")


def database_to_look_into(settings: Settings) -> Path:
    """Answer where the SQLite file is.

    Raises:
        StartupError: there is none, or there can be none.

    """
    if is_in_memory(settings):
        raise StartupError(
            "ALLOCATION_DATABASE_URL=memory: keeps everything inside the service: nothing can be looked at from outside; "
            "unset it if the service has a database"
        )
    return existing_database(settings)
