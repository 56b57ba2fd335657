"""What gRPC's core holds for operations on a call, given back once these are over, whether they succeeded or not.

grpc.aio 1.85 gives it back only to whoever waits until the operations succeed. Of those that fail, or whose task is cancelled,
64 to 1,000 bytes stay for ever, and what is cancelled is freed while the core still writes to it
(https://github.com/grpc/grpc/issues/43360). What cannot even be begun, because the operations do not fit together, is out of
reach from here.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from grpc._cython import cygrpc  # type: ignore[attr-defined] # compiled code has no types

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_execute_batch = cygrpc.execute_batch


def give_batches_back() -> None:
    """Do so in this process, for servers and clients: there is no public way around it, see docs/adr/0012."""
    cygrpc.execute_batch = _execute


async def _execute(call: Any, operations: tuple[Any, ...], loop: asyncio.AbstractEventLoop) -> None:  # noqa: ANN401 - compiled code has no types
    await _Batch(call, operations, loop).completed


class _Batch:
    """gRPC's own coroutine for a batch of operations, gone through to its end whether or not anyone waits.

    To that coroutine this is both the loop and the future that it makes there: told of a failure, it is gone on with as after
    a success, which frees everything, and `completed` is what fails.
    """

    __slots__ = ("__weakref__", "_coroutine", "_loop", "completed")

    def __init__(self, call: Any, operations: tuple[Any, ...], loop: asyncio.AbstractEventLoop) -> None:  # noqa: ANN401 - compiled code has no types
        self._loop = loop
        self.completed: asyncio.Future[None] = loop.create_future()
        self._coroutine = _execute_batch(call, operations, self)
        try:
            self._coroutine.send(None)
        except BaseException:
            del self._coroutine  # It holds this.
            raise

    def create_future(self) -> _Batch:
        return self

    def call_soon_threadsafe(self, callback: Callable[..., object], *arguments: Any) -> None:  # noqa: ANN401 - whatever it takes
        """Complete at once, as gRPC does in the loop in which it finds the batch to be over; from any other, in our own."""
        if asyncio.get_running_loop() is not self._loop:
            with suppress(RuntimeError):  # It is closed: nobody waits any more, and there is something to give back.
                self._loop.call_soon_threadsafe(callback, *arguments)
                return
        callback(*arguments)

    def __await__(self) -> Iterator[None]:
        yield

    def cancelled(self) -> bool:
        return False

    def set_result(self, _: None) -> None:
        self._complete(None)

    def set_exception(self, failure: Exception) -> None:
        self._complete(failure)

    def _complete(self, failure: Exception | None) -> None:
        coroutine = self._coroutine
        del self._coroutine
        try:
            coroutine.send(None)
        except StopIteration:
            pass
        except Exception as unreadable:  # noqa: BLE001 - whatever it is, who waits is to hear of it
            failure = unreadable
        if self.completed.done():
            return
        with suppress(RuntimeError):  # The loop is closed.
            self.completed.set_result(None) if failure is None else self.completed.set_exception(failure)
