"""Runs what a command asks for, and says in one line why it could not be done."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from allocation.commands.reading_settings import give_up, settings_of_environment
from allocation.commands.terminal import write_no_more

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from allocation.settings import Settings

INTERRUPTED = 130
Result = TypeVar("Result")


def run_to_the_end(work: Callable[[Settings], Coroutine[Any, Any, None]], tell: Callable[[], None]) -> None:
    """Do work that changes something, and tell what was done, also when it did not come to its end: that much stands.

    Raises:
        typer.Exit: as `run` does.

    """
    try:
        run(work)
    finally:
        tell()


def run(work: Callable[[Settings], Coroutine[Any, Any, Result]]) -> Result:
    """Do the work with the settings of the environment.

    Raises:
        typer.Exit: it could not be done, or not to its end, and why was said: 1; somebody pressed Ctrl-C: 130.

    """
    import grpc  # noqa: PLC0415 - keeps help fast
    import structlog  # noqa: PLC0415 - keeps help fast

    from allocation.adapters.startup_error import StartupError  # noqa: PLC0415 - keeps help fast
    from allocation.logs import configure_logs  # noqa: PLC0415 - keeps help fast
    from allocation.service_layer.store import OutcomeUnknownError, StoreUnavailableError  # noqa: PLC0415 - keeps help fast
    from allocation.service_layer.streams import BrokerUnavailableError, StreamMismatchError  # noqa: PLC0415 - keeps help fast

    code = grpc.StatusCode
    settings = settings_of_environment()
    configure_logs("error", settings.log_format)
    # What the parts of the service log on their way is for the service's log; the command says what came of it.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        return asyncio.run(work(settings))
    except grpc.aio.AioRpcError as error:
        refused = error.code() in (code.INVALID_ARGUMENT, code.FAILED_PRECONDITION, code.NOT_FOUND, code.UNIMPLEMENTED)
        did_not = "the service did not do it" if refused else "the service did not answer, and whether it did it is not known"
        give_up(f"{did_not}: {error.details()} ({error.code().name})")
    except (StartupError, BrokerUnavailableError, StreamMismatchError, StoreUnavailableError, OutcomeUnknownError) as error:
        give_up(error)
    except BrokenPipeError:
        write_no_more()
        give_up("whoever read the output is gone")
    except KeyboardInterrupt:
        typer.echo("allocation: interrupted", err=True)
        raise typer.Exit(INTERRUPTED) from None
