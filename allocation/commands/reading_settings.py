"""Reads the settings for a command, and gives up in one line when something cannot be done."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from allocation.settings import Settings


def settings_of_environment() -> Settings:
    """Read the settings; what is wrong with them ends the command."""
    from allocation.settings import SettingsError, read_settings  # noqa: PLC0415 - keeps help fast

    try:
        return read_settings()
    except SettingsError as error:
        give_up(error)


def give_up(error: Exception | str) -> NoReturn:
    """Say in one line on standard error why the command could not be carried out, and end it with status 1."""
    typer.echo(f"allocation: {error}", err=True)
    raise typer.Exit(1)
