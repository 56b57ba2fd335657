"""What the documents of the contract are made from: services, messages, events, enums, each with its comment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from stock.allocation.v1 import options_pb2

if TYPE_CHECKING:
    from buf.validate import validate_pb2

INBOUND, OUTBOUND = options_pb2.DIRECTION_INBOUND, options_pb2.DIRECTION_OUTBOUND
DUTIES: dict[int, tuple[str, ...]] = {
    INBOUND: ("Publish it when", "Then", "A publisher"),
    OUTBOUND: ("Sent when", "A consumer"),
}
"""How the paragraphs begin that the comment of an event must have: when it is sent, and what is to be done about it."""


class ContractError(Exception):
    """The contract says something that its documents cannot say, or leaves out something that they need; names what."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field. `type` is a scalar type, or the full name of a message or an enum; `rules` are its constraints."""

    name: str
    number: int
    kind: FieldDescriptorProto.Type.ValueType
    type: str
    repeated: bool
    optional: bool
    comment: str
    rules: validate_pb2.FieldRules

    @property
    def is_message(self) -> bool:
        """Whether its type is a message."""
        return self.kind == FieldDescriptorProto.TYPE_MESSAGE

    @property
    def is_enum(self) -> bool:
        """Whether its type is an enum."""
        return self.kind == FieldDescriptorProto.TYPE_ENUM


@dataclass(frozen=True, slots=True)
class Message:
    """A message; `event` says how it travels, if it is one."""

    full_name: str
    comment: str
    fields: tuple[Field, ...]
    event: options_pb2.EventOptions | None

    @property
    def name(self) -> str:
        """The name without the package."""
        return short(self.full_name)

    @property
    def summary(self) -> str:
        """The first paragraph of its comment."""
        return self.comment.split("\n\n")[0]


@dataclass(frozen=True, slots=True)
class Named:
    """An enum value, or an extension: a name with a number and a comment."""

    name: str
    number: int
    comment: str


@dataclass(frozen=True, slots=True)
class Enum:
    """An enum and its values."""

    full_name: str
    comment: str
    values: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class Method:
    """An RPC; request and response are full names of messages."""

    name: str
    comment: str
    request: str
    response: str


@dataclass(frozen=True, slots=True)
class Service:
    """A gRPC service."""

    full_name: str
    comment: str
    methods: tuple[Method, ...]


@dataclass(frozen=True, slots=True)
class Contract:
    """Everything that our own protos say, in their order; messages and enums by full name."""

    services: tuple[Service, ...]
    messages: dict[str, Message]
    enums: dict[str, Enum]
    extensions: tuple[Named, ...]
    file_comments: dict[str, str]

    def events(self, direction: int) -> tuple[Message, ...]:
        """Answer the events that travel one way."""
        return tuple(message for message in self.messages.values() if message.event and message.event.direction == direction)

    def introduction(self, direction: int) -> str:
        """Answer the comment of the file that holds the events that travel one way."""
        return self.file_comments["inbound_events.proto" if direction == INBOUND else "events.proto"]


def short(full_name: str) -> str:
    """Answer a name without its package."""
    return full_name.rpartition(".")[2]
