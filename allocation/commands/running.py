"""Runs what a command asks for, and says in one line why it could not be done."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar

from allocation.commands.reading_settings import give_up, settings_of_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from allocation.settings import Settings

Result = TypeVar("Result")


def run(work: Callable[[Settings], Coroutine[Any, Any, Result]]) -> Result:
    """Do the work with the settings of the environment; what it cannot do ends the command with status 1."""
    import grpc  # noqa: PLC0415 - keeps help fast
    import structlog  # noqa: PLC0415 - keeps help fast

    from allocation.adapters.startup_error import StartupError  # noqa: PLC0415 - keeps help fast
    from allocation.logs import configure_logs  # noqa: PLC0415 - keeps help fast
    from allocation.service_layer.store import OutcomeUnknownError, StoreUnavailableError  # noqa: PLC0415 - keeps help fast
    from allocation.service_layer.streams import BrokerUnavailableError, StreamMismatchError  # noqa: PLC0415 - keeps help fast

    settings = settings_of_environment()
    configure_logs("error", settings.log_format)
    # What the parts of the service log on their way is for the service's log; the command says what came of it.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        return asyncio.run(work(settings))
    except grpc.aio.AioRpcError as error:
        give_up(f"the service did not do it: {error.details()} ({error.code().name})")
    except (StartupError, BrokerUnavailableError, StreamMismatchError, StoreUnavailableError, OutcomeUnknownError) as error:
        give_up(error)
