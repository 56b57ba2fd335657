"""A contract as an image holds it: its messages, their constraints, and what these say about what is absent or zero."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from google.protobuf import text_format
from google.protobuf.descriptor_database import DescriptorDatabase
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from protovalidate import CompilationError, EvaluationError, Validator

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.descriptor import Descriptor, FieldDescriptor, OneofDescriptor
    from google.protobuf.descriptor_pb2 import FileDescriptorSet
    from google.protobuf.message import Message
    from protovalidate import Violation

_LANGUAGE = frozenset({"google.protobuf", "buf.validate"})  # what contracts are written in, part of none


class ContractImage:
    """Reads constraints with the rules that the image itself brings: buf/validate/validate.proto is among its files."""

    def __init__(self, files: FileDescriptorSet) -> None:
        database = DescriptorDatabase()
        for file in files.file:
            database.Add(file)
        self._pool = DescriptorPool(database)
        self._validator = Validator()  # remembers rules by the name of a message: never shared between two images
        self.messages: dict[str, Descriptor] = {}
        try:
            for file in files.file:
                if file.package not in _LANGUAGE:
                    self._collect(self._pool.FindFileByName(file.name).message_types_by_name.values())
        except (KeyError, TypeError) as error:
            raise ValueError(f"no complete set of files: {error}") from error
        self.absent_refused = cache(self._absent_refused)

    def _collect(self, kinds: Iterable[Descriptor]) -> None:
        for kind in kinds:
            if not kind.GetOptions().map_entry:
                self.messages[kind.full_name] = kind
                self._collect(kind.nested_types)

    def rules(self, of: Descriptor | FieldDescriptor | OneofDescriptor | None, extension: str) -> Message | None:
        """Answer the rules in the options of a message, field or oneof; None if it has none, or is None itself."""
        if of is None:
            return None
        options = of.GetOptions()
        try:
            kind = self._pool.FindMessageTypeByName(options.DESCRIPTOR.full_name)
            found: Any = self._pool.FindExtensionByName(f"buf.validate.{extension}")
        except KeyError:  # an image without any constraint
            return None
        own: Any = GetMessageClass(kind).FromString(options.SerializeToString())
        return own.Extensions[found] if own.HasExtension(found) else None

    def has_rules(self, kind: Descriptor, seen: frozenset[str] = frozenset()) -> bool:
        """Whether anything in a message, or below it, can be refused."""
        if kind.full_name in seen:
            return False
        seen |= {kind.full_name}
        if self.rules(kind, "message") or any(self.rules(oneof, "oneof") for oneof in kind.oneofs):
            return True
        return any(
            self.rules(field, "field") or (field.message_type is not None and self.has_rules(field.message_type, seen))
            for field in kind.fields
        )

    def _absent_refused(self, kind: Descriptor) -> frozenset[str] | str:
        """Name the fields that must not be absent; or tell why protovalidate cannot judge such a message at all."""
        try:
            violations = self._validator.collect_violations(GetMessageClass(kind)())
        except (CompilationError, EvaluationError) as error:
            return str(error).splitlines()[0]
        return frozenset(path[0].field_name for path in map(_path, violations) if path)

    def zero_elements_refused(self, field: FieldDescriptor) -> frozenset[str]:
        """Say which of "items", "keys" and "values" of a repeated field or a map must not be zero."""
        message: Any = GetMessageClass(self.messages[field.full_name.rpartition(".")[0]])()
        container = getattr(message, field.name)
        entry = field.message_type if field.message_type and field.message_type.GetOptions().map_entry else None
        if entry:
            value, key = entry.fields_by_name["value"], entry.fields_by_name["key"].default_value
            if value.message_type:
                container.get_or_create(key)
            else:
                container[key] = value.default_value
        elif field.message_type:
            container.add()
        else:
            container.append(_zero(field))
        try:
            violations = self._validator.collect_violations(message)
        except (CompilationError, EvaluationError):
            return frozenset()  # said of the message as a whole
        return frozenset(
            "items" if entry is None else "keys" if violation.proto.for_key else "values"
            for violation, path in zip(violations, map(_path, violations), strict=True)
            if path and path[0].field_name == field.name and path[0].subscript is not None
        )


def named(rules: Message | None) -> dict[str, Any]:
    """Answer the rules that are set by name; a rule of the project's own as text, with the expressions behind it."""
    return {
        field.full_name if field.is_extension else field.name: (
            f"{value} by {text_format.MessageToString(field.GetOptions(), as_one_line=True, print_unknown_fields=True)}"
            if field.is_extension
            else value
        )
        for field, value in (rules.ListFields() if rules else ())
    }


def _path(violation: Violation) -> list[Any]:
    return list(violation.proto.field.elements) if violation.proto.field else []


def _zero(field: FieldDescriptor) -> str | bytes | int:
    if field.enum_type:
        return int(field.enum_type.values[0].number)
    texts: dict[int, str | bytes] = {field.TYPE_STRING: "", field.TYPE_BYTES: b""}
    return texts.get(field.type, 0)
