"""What may be added passes every check, and what consumers rely on cannot be changed unseen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorSet

from tests.unit import contract_image
from tests.unit.contract_versions import PACKAGE, version_of
from tools.constraints import tightened

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor_pb2 import FileDescriptorProto

BUF = Path(sys.executable).parent / "buf"


def buf_breaking(folder: Path, changed: FileDescriptorSet) -> str:
    """Answer what `buf breaking` says about a change of today's contract."""
    for name, files in (("today", contract_image.image()), ("changed", changed)):
        (folder / f"{name}.binpb").write_bytes(files.SerializeToString())
    config = '{"version": "v2", "breaking": {"use": ["FILE"]}}'
    command = [str(BUF), "breaking", "changed.binpb", "--against", "today.binpb", "--config", config]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)  # noqa: S603 - our own tool
    assert ended.returncode == 0 or ended.stdout, ended.stderr
    return ended.stdout


def test_what_the_next_version_adds_may_be_added(tmp_path: Path) -> None:
    assert buf_breaking(tmp_path, version_of("next")) == ""
    assert tightened(version_of("released"), version_of("next")) == []


def test_a_tightened_constraint_is_seen_by_one_check_alone(tmp_path: Path) -> None:
    changed = contract_image.image()
    rules: Any = contract_image.field_of(changed, "OrderPlaced", "lines").options.Extensions[contract_image.RULES]
    assert tightened(contract_image.image(), changed) == []
    rules.repeated.max_items -= 1
    assert buf_breaking(tmp_path, changed) == ""
    (line,) = tightened(contract_image.image(), changed)
    assert line.startswith("stock.allocation.v1.OrderPlaced.lines: repeated: ")


def quantity_of(files: FileDescriptorSet) -> FieldDescriptorProto:
    return contract_image.field_of(files, "Allocated", "quantity")


def file_of(files: FileDescriptorSet, name: str) -> FileDescriptorProto:
    return next(file for file in contract_image.files(files) if file.name.endswith(f"/{name}.proto"))


def remove_a_field(files: FileDescriptorSet) -> None:
    contract_image.message_of(files, "Allocated").field.remove(quantity_of(files))


def change_a_type(files: FileDescriptorSet) -> None:
    quantity_of(files).type = FieldDescriptorProto.TYPE_INT64


def change_a_number(files: FileDescriptorSet) -> None:
    quantity_of(files).number = 99


def rename_a_field(files: FileDescriptorSet) -> None:
    quantity_of(files).name = "units"


def make_a_field_optional(files: FileDescriptorSet) -> None:
    quantity_of(files).proto3_optional = True
    quantity_of(files).oneof_index = 0
    contract_image.message_of(files, "Allocated").oneof_decl.add(name="_quantity")


def change_a_json_name(files: FileDescriptorSet) -> None:
    quantity_of(files).json_name = "units"


def put_a_field_into_a_oneof(files: FileDescriptorSet) -> None:
    contract_image.message_of(files, "Allocated").oneof_decl.add(name="amount")
    quantity_of(files).oneof_index = 0


def answer_with_another_message(files: FileDescriptorSet) -> None:
    file_of(files, "allocation_service").service[0].method[0].output_type = f".{PACKAGE}.Batch"


def answer_with_a_stream(files: FileDescriptorSet) -> None:
    file_of(files, "allocation_service").service[0].method[0].server_streaming = True


def remove_an_enum_value(files: FileDescriptorSet) -> None:
    del file_of(files, "errors").enum_type[0].value[-1]


def remove_an_rpc(files: FileDescriptorSet) -> None:
    del file_of(files, "allocation_service").service[0].method[-1]


def move_a_message(files: FileDescriptorSet) -> None:
    file_of(files, "line").message_type.append(file_of(files, "batch").message_type.pop())


@pytest.mark.parametrize(
    "change",
    [
        *(remove_a_field, change_a_type, change_a_number, rename_a_field, make_a_field_optional),
        *(change_a_json_name, put_a_field_into_a_oneof, answer_with_another_message, answer_with_a_stream),
        *(remove_an_enum_value, remove_an_rpc, move_a_message),
    ],
)
def test_what_consumers_rely_on_cannot_be_changed_unseen(change: Callable[[FileDescriptorSet], None], tmp_path: Path) -> None:
    changed = contract_image.image()
    change(changed)
    assert buf_breaking(tmp_path, changed) != ""
