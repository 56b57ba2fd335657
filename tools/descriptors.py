"""Reads the contract from the image that `buf build` writes, with its comments; nothing is left out silently."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from buf.validate import validate_pb2
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet
from stock.allocation.v1 import options_pb2

from tools.contract import DUTIES, Contract, ContractError, Enum, Field, Message, Method, Named, Service

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from google.protobuf.descriptor_pb2 import FileDescriptorProto, ServiceDescriptorProto

OURS = "stock/allocation/v1/"
"""Not the operators' service beside it, which is no part of the contract with other teams."""
# The stubs do not know what an extension extends.
_EVENT_OPTION: Any = options_pb2.event
_FIELD_RULES: Any = validate_pb2.field
_MESSAGE_RULES: Any = validate_pb2.message
_FILE_MESSAGES, _FILE_ENUMS, _FILE_SERVICES, _FILE_EXTENSIONS, _FILE_SYNTAX = 4, 5, 6, 7, 12
_MESSAGE_FIELDS, _ENUM_VALUES, _SERVICE_METHODS = 2, 2, 2


def read_image(path: str) -> FileDescriptorSet:
    """Read an image that `buf build --output` wrote."""
    return FileDescriptorSet.FromString(Path(path).read_bytes())


def contract_of(image: FileDescriptorSet) -> Contract:
    """Read an image.

    Raises:
        ContractError: a comment is missing, an event does not say when it is sent or what is to be done about it, or something
            is used that the documents have no words for.

    """
    readers = [_FileReader(file) for file in image.file if file.name.startswith(OURS)]
    if not readers:
        raise ContractError(f"the image holds no file below {OURS}")
    return Contract(
        services=tuple(service for reader in readers for service in reader.services()),
        messages={message.full_name: message for reader in readers for message in reader.messages()},
        enums={enum.full_name: enum for reader in readers for enum in reader.enums()},
        extensions=tuple(extension for reader in readers for extension in reader.extensions()),
        file_comments={Path(reader.file.name).name: reader.comment((_FILE_SYNTAX,), reader.file.name) for reader in readers},
    )


class _FileReader:
    """Reads one file. Comments are found by path: the numbers of the descriptor's fields, with indexes between them."""

    def __init__(self, file: FileDescriptorProto) -> None:
        self.file = file
        self._comments = {tuple(place.path): place.leading_comments for place in file.source_code_info.location}
        if not self._comments:
            raise ContractError(f"{file.name} has no source information: build the image with it")

    def comment(self, path: tuple[int, ...], what: str) -> str:
        """Answer a comment: each paragraph in one line, an empty line between them."""
        paragraphs = re.split(r"\n\s*\n", self._comments.get(path, "").strip())
        if not paragraphs[0]:
            raise ContractError(f"{what} has no comment")
        return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)

    def services(self) -> Iterator[Service]:
        for index, service in enumerate(self.file.service):
            path, full_name = (_FILE_SERVICES, index), self._full_name(service.name)
            yield Service(full_name, self.comment(path, full_name), tuple(self._methods(service, path, full_name)))

    def messages(self) -> Iterator[Message]:
        for index, message in enumerate(self.file.message_type):
            path, full_name = (_FILE_MESSAGES, index), self._full_name(message.name)
            _refuse_what_has_no_words(message, full_name)
            comment = self.comment(path, full_name)
            event = message.options.Extensions[_EVENT_OPTION] if message.options.HasExtension(_EVENT_OPTION) else None
            if event is not None:
                _check_event(full_name, event, comment)
            fields = tuple(
                self._field(field, (*path, _MESSAGE_FIELDS, place), full_name) for place, field in enumerate(message.field)
            )
            yield Message(full_name, comment, fields, event)

    def enums(self) -> Iterator[Enum]:
        for index, enum in enumerate(self.file.enum_type):
            path, full_name = (_FILE_ENUMS, index), self._full_name(enum.name)
            yield Enum(full_name, self.comment(path, full_name), self._values(enum, path))

    def extensions(self) -> Iterator[Named]:
        for index, extension in enumerate(self.file.extension):
            full_name = self._full_name(extension.name)
            yield Named(full_name, extension.number, self.comment((_FILE_EXTENSIONS, index), full_name))

    def _full_name(self, name: str) -> str:
        return f"{self.file.package}.{name}"

    def _methods(self, service: ServiceDescriptorProto, path: tuple[int, ...], owner: str) -> Iterator[Method]:
        for index, method in enumerate(service.method):
            full_name = f"{owner}.{method.name}"
            if method.client_streaming or method.server_streaming:
                raise ContractError(f"{full_name} streams, and the documents have no words for that")
            comment = self.comment((*path, _SERVICE_METHODS, index), full_name)
            yield Method(method.name, comment, method.input_type.removeprefix("."), method.output_type.removeprefix("."))

    def _field(self, field: FieldDescriptorProto, path: tuple[int, ...], owner: str) -> Field:
        full_name = f"{owner}.{field.name}"
        if field.HasField("oneof_index") and not field.proto3_optional:
            raise ContractError(f"{full_name} is part of a oneof, and the documents have no words for that")
        return Field(
            name=field.name,
            number=field.number,
            kind=field.type,
            type=field.type_name.removeprefix(".") or FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower(),
            repeated=field.label == FieldDescriptorProto.LABEL_REPEATED,
            optional=field.proto3_optional,
            comment=self.comment(path, full_name),
            rules=field.options.Extensions[_FIELD_RULES],
        )

    def _values(self, enum: EnumDescriptorProto, path: tuple[int, ...]) -> tuple[Named, ...]:
        return tuple(
            Named(value.name, value.number, self.comment((*path, _ENUM_VALUES, index), value.name))
            for index, value in enumerate(enum.value)
        )


def _refuse_what_has_no_words(message: DescriptorProto, full_name: str) -> None:
    inside: Sequence[DescriptorProto | EnumDescriptorProto] = (*message.nested_type, *message.enum_type)
    if inside:
        raise ContractError(f"{full_name}.{inside[0].name} stands inside a message, and the documents have no words for that")
    if message.options.HasExtension(_MESSAGE_RULES):
        raise ContractError(f"{full_name} has a constraint on the message, and the documents have no words for that")


def _check_event(full_name: str, event: options_pb2.EventOptions, comment: str) -> None:
    if event.direction not in DUTIES:
        raise ContractError(f"{full_name} has direction {event.direction}, which is neither inbound nor outbound")
    if not event.subject:
        raise ContractError(f"{full_name} has a direction and no subject")
    paragraphs = comment.split("\n\n")
    for beginning in DUTIES[event.direction]:
        if not any(paragraph.startswith(beginning) for paragraph in paragraphs):
            raise ContractError(f'{full_name}: its comment has no paragraph that begins with "{beginning}"')
