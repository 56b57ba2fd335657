"""The service's doors, as any client finds them: gRPC and NATS. Errors that a user can do something about become one line."""

from __future__ import annotations

import uuid
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import grpc
import nats
from stock.allocation.v1 import allocation_service_pb2 as requests
from stock.allocation.v1 import allocation_service_pb2_grpc as stubs
from stock.allocation.v1 import options_pb2

from examples.online_retail.errors import ReplayError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from google.protobuf.message import Message
    from nats.aio.client import Client
    from stock.allocation.v1.batch_pb2 import Batch
    from stock.allocation.v1.line_pb2 import LineStatus

    from examples.online_retail.days import Line

CALL_SECONDS = 30.0
CONNECT_SECONDS = 5.0
RETRY_SECONDS = 0.2
PAGE_SIZE = 1_000


def subject_of(message: type[Message] | Message) -> str:
    """Read the subject that an event travels on from its option: nobody has to copy it."""
    options: Any = message.DESCRIPTOR.GetOptions()
    return str(options.Extensions[options_pb2.event].subject)


class GrpcDoor:
    """Commands and queries."""

    def __init__(self, channel: grpc.aio.Channel, address: str) -> None:
        self._stub = stubs.AllocationServiceStub(channel)
        self._address = address

    async def create_batch(self, request: requests.CreateBatchRequest) -> None:
        """Create a batch."""
        with self._errors():
            await self._stub.CreateBatch(request, timeout=CALL_SECONDS)

    async def allocate(self, line: Line) -> LineStatus:
        """Ask for a promise, and answer where the line stands."""
        request = requests.AllocateRequest(order_id=line.order_id, line_id=line.line_id, sku=line.sku, quantity=line.quantity)
        with self._errors():
            return (await self._stub.Allocate(request, timeout=CALL_SECONDS)).line

    async def lines(self, order_id: str) -> list[LineStatus]:
        """List all lines of an order."""
        request = requests.ListLinesRequest(order_id=order_id, page_size=PAGE_SIZE)
        found: list[LineStatus] = []
        with self._errors():
            while True:
                page = await self._stub.ListLines(request, timeout=CALL_SECONDS)
                found += page.lines
                if not page.next_page_token:
                    return found
                request.page_token = page.next_page_token

    async def batches(self, sku: str) -> list[Batch]:
        """List all batches of a sku."""
        request = requests.ListBatchesRequest(sku=sku, page_size=PAGE_SIZE)
        found: list[Batch] = []
        with self._errors():
            while True:
                page = await self._stub.ListBatches(request, timeout=CALL_SECONDS)
                found += page.batches
                if not page.next_page_token:
                    return found
                request.page_token = page.next_page_token

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                raise ReplayError(f"no service answers on {self._address}: start it with `make run`") from error
            raise ReplayError(f"the service answered {error.code().name}: {error.details()}") from error


class NatsDoor:
    """Events, out and in. `events` is the stream that holds the service's own."""

    def __init__(self, client: Client, events: str, source: str) -> None:
        self.jetstream = client.jetstream()
        self.events = events
        self._source = source

    async def publish(self, message: Message) -> None:
        """Publish an event and wait until it is stored. With its ce-id it takes effect once, however often it is sent."""
        event_id = str(uuid.uuid4())
        headers = {
            "ce-specversion": "1.0",
            "ce-id": event_id,
            "ce-source": self._source,
            "ce-type": message.DESCRIPTOR.full_name,
            "ce-datacontenttype": "application/protobuf",
            "Nats-Msg-Id": event_id,
        }
        with nats_errors():
            await self.jetstream.publish(subject_of(message), message.SerializeToString(), headers=headers)

    async def last_sequence(self) -> int:
        """Answer how far the stream of events has come."""
        with nats_errors():
            return int((await self.jetstream.stream_info(self.events)).state.last_seq)


@contextmanager
def nats_errors() -> Iterator[None]:
    """Tell in one line what a broker does not do."""
    try:
        yield
    except (nats.errors.Error, OSError) as error:
        what = str(error) or type(error).__name__
        raise ReplayError(f"the broker does not answer as it should ({what}): is it the one of the service?") from error


@asynccontextmanager
async def open_grpc(address: str) -> AsyncIterator[GrpcDoor]:
    """Open the gRPC door; whether somebody answers is seen by the first call."""
    async with grpc.aio.insecure_channel(address) as channel:
        yield GrpcDoor(channel, address)


@asynccontextmanager
async def open_nats(url: str, source: str, any_event: type[Message]) -> AsyncIterator[NatsDoor]:
    """Open the NATS door, and find the stream that holds the events by the subject of one of them."""
    try:
        client = await nats.connect(
            url,
            connect_timeout=CONNECT_SECONDS,
            allow_reconnect=False,
            max_reconnect_attempts=1,  # of the first connection too, which is tried for minutes otherwise
            reconnect_time_wait=RETRY_SECONDS,
            error_cb=_silently,
        )
    except (nats.errors.Error, OSError) as error:
        raise ReplayError(f"no broker answers on {url}: start the service with `make run`") from error
    try:
        with nats_errors():
            stream = await client.jetstream().find_stream_name_by_subject(subject_of(any_event))
        yield NatsDoor(client, stream, source)
    finally:
        await client.close()


async def _silently(_error: Exception) -> None:
    """Log nothing: what fails is told by the call that fails."""
