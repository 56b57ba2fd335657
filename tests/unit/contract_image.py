"""The image of the contract as a compiler makes it from the protos, and changed copies of it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from buf.validate import validate_pb2
from google.protobuf import descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from stock.allocation.v1 import options_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

ROOT = Path(__file__).resolve().parents[2]
PROTOS = ROOT / "protos"
EVENT: Any = options_pb2.event
RULES: Any = validate_pb2.field
_IMPORTED = (descriptor_pb2, duration_pb2, timestamp_pb2, field_mask_pb2, validate_pb2)


def compile_protos(folder: Path) -> FileDescriptorSet:
    """Compile every proto of a folder, with comments; what is imported from elsewhere comes from the generated code."""
    imported = FileDescriptorSet()
    for module in _IMPORTED:
        module.DESCRIPTOR.CopyToProto(imported.file.add())
    with tempfile.TemporaryDirectory() as name:
        known, output = Path(name) / "known.binpb", Path(name) / "output.binpb"
        known.write_bytes(imported.SerializeToString())
        files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.proto"))
        command = [sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={folder}", f"--descriptor_set_in={known}"]
        command += ["--include_imports", "--include_source_info", f"--descriptor_set_out={output}", *files]
        compiled = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - the project's own compiler
        assert compiled.returncode == 0, compiled.stderr
        return FileDescriptorSet.FromString(output.read_bytes())


@cache
def _bytes() -> bytes:
    return compile_protos(PROTOS).SerializeToString()


def image() -> FileDescriptorSet:
    """Answer the image: a new copy, to be changed at will."""
    return FileDescriptorSet.FromString(_bytes())


def files(of: FileDescriptorSet) -> Iterator[FileDescriptorProto]:
    """Go through our own files."""
    return (file for file in of.file if file.package == "stock.allocation.v1")


def messages(of: FileDescriptorSet) -> Iterator[DescriptorProto]:
    """Go through our own messages."""
    return (message for file in files(of) for message in file.message_type)


def message_of(of: FileDescriptorSet, name: str) -> DescriptorProto:
    """Find a message by its name."""
    return next(message for message in messages(of) if message.name == name)


def field_of(of: FileDescriptorSet, message: str, name: str) -> FieldDescriptorProto:
    """Find a field by its name."""
    return next(field for field in message_of(of, message).field if field.name == name)


def events(of: FileDescriptorSet, direction: int) -> list[DescriptorProto]:
    """Answer the messages that the contract says are events of a direction."""
    return [message for message in messages(of) if message.options.Extensions[EVENT].direction == direction]


def change_comment(of: FileDescriptorSet, name: str, old: str | None, new: str) -> None:
    """Replace a part, or all, of the comment of a message."""
    for file in files(of):
        for index, message in enumerate(file.message_type):
            if message.name == name:
                place = next(place for place in file.source_code_info.location if list(place.path) == [4, index])
                assert old is None or old in place.leading_comments
                place.leading_comments = new if old is None else place.leading_comments.replace(old, new)
                return
    raise AssertionError(f"no message {name}")
