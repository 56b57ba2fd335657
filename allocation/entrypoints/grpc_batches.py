"""What gRPC's core holds for an operation on a call, given back once the operation is over, however it ended.

grpc.aio 1.85 gives it back only to whoever waits until the operation succeeds. Of each operation that fails, or whose task is
cancelled, 64 to 400 bytes stay for ever, and what is cancelled is freed while the core still writes to it
(https://github.com/grpc/grpc/issues/43360).
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
        self._coroutine.send(None)

    def create_future(self) -> _Batch:
        return self

    def call_soon_threadsafe(self, callback: Callable[..., object], *arguments: Any) -> None:  # noqa: ANN401 - whatever it takes
        """Complete now, as gRPC would if this were the loop in which it found the batch to be over."""
        if asyncio.get_running_loop() is self._loop:
            callback(*arguments)
        else:
            self._loop.call_soon_threadsafe(callback, *arguments)

    def __await__(self) -> Iterator[None]:
        yield

    def cancelled(self) -> bool:
        return False

    def set_result(self, _: None) -> None:
        self._give_back()
        if not self.completed.done():
            self.completed.set_result(None)

    def set_exception(self, failure: Exception) -> None:
        self._give_back()
        if not self.completed.done():
            self.completed.set_exception(failure)

    def _give_back(self) -> None:
        coroutine = self._coroutine
        del self._coroutine  # It holds this.
        with suppress(StopIteration):
            coroutine.send(None)
