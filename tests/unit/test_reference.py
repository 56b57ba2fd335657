"""The reference holds all of the contract, in words that come from it, and cannot be written where something is missing."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from stock.allocation.v1 import errors_pb2

from allocation.entrypoints import grpc_errors
from tests.unit.contract_image import EVENT, ROOT, RULES, change_comment, events, field_of, files, image, messages
from tools.contract import DUTIES, INBOUND, OUTBOUND, ContractError
from tools.reference import reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor_pb2 import FileDescriptorSet

MESSAGES = [message.name for message in messages(image())]
DUTIES_OF_EVENTS = [
    (event.name, beginning)
    for direction in (INBOUND, OUTBOUND)
    for event in events(image(), direction)
    for beginning in DUTIES[direction]
]


def part_of(message: str) -> str:
    """Answer what the reference says of a message."""
    begin = re.compile(rf"^(?:### {message}|\*\*`{message}`\*\* .*)$", re.MULTILINE)
    places = [match for match in begin.finditer(reference(image())) if "|" in match.string[match.end() :]]
    text = places[-1].string[places[-1].end() :]
    return re.split(r"^(?:##|\*\*`)", text, maxsplit=1, flags=re.MULTILINE)[0]


@pytest.mark.parametrize("name", MESSAGES)
def test_every_message_is_there_with_every_field(name: str) -> None:
    fields = next(message.field for message in messages(image()) if message.name == name)
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", part_of(name), re.MULTILINE)
    assert rows == [(field.name, str(field.number)) for field in fields]


def test_every_rpc_is_there() -> None:
    services = [service for file in files(image()) for service in file.service]
    assert services
    for service in services:
        assert f"`stock.allocation.v1.{service.name}`" in reference(image())
        for method in service.method:
            assert f"\n### {method.name}\n" in reference(image())


def test_every_enum_value_is_there() -> None:
    values = [value for file in files(image()) for enum in file.enum_type for value in enum.value]
    assert values
    for value in values:
        assert f"\n| `{value.name}` | {value.number} |" in reference(image())


@pytest.mark.parametrize("direction", [INBOUND, OUTBOUND])
def test_every_event_is_there_with_its_subject_and_what_is_to_be_done(direction: int) -> None:
    for event in events(image(), direction):
        part = part_of(event.name)
        assert f"Subject `{event.options.Extensions[EVENT].subject}`" in part
        assert all(f"\n**{beginning}** " in part for beginning in DUTIES[direction])


def test_every_link_leads_to_one_heading() -> None:
    text = reference(image())
    anchors = [
        re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    ]
    assert len(anchors) == len(set(anchors))
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= set(anchors)
    assert all((ROOT / "docs" / target).exists() for target in re.findall(r"\]\(([^#)]+)\)", text))


def test_every_row_of_a_table_has_as_many_cells_as_its_head() -> None:
    for table in re.findall(r"(?:^\|.*\|\n)+", reference(image()), re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1


def test_the_errors_are_those_that_the_service_answers() -> None:
    rows = re.findall(r"^\| `(REJECTION_REASON_\w+)` \| \d+ \| (\w*) \|", reference(image()), re.MULTILINE)
    answered = {(errors_pb2.RejectionReason.Name(reason), code.name) for code, reason in grpc_errors._TABLE.values()}  # noqa: SLF001 - the table itself
    assert set(rows) == answered | {("REJECTION_REASON_UNSPECIFIED", "")}


@pytest.mark.parametrize(
    ("message", "field", "change", "before", "after"),
    [
        ("BatchCreated", "purchased_quantity", lambda rules: setattr(rules.int32, "gte", 7), "at least 1", "at least 7"),
        ("OrderPlaced", "lines", lambda rules: setattr(rules.repeated, "max_items", 9), "1 to 2,000 items", "1 to 9 items"),
        ("AllocateRequest", "line_id", lambda rules: setattr(rules.string, "max_len", 5), "at most 128 char", "at most 5 char"),
        (
            "GetBatchRequest",
            "batch_reference",
            lambda rules: rules.ClearField("string"),
            "| 1 to 128 characters,",
            "| The batch",
        ),
        ("ListLinesRequest", "page_size", lambda rules: setattr(rules.int32, "lte", 10), "0 to 1,000", "0 to 10 "),
        ("AllocateRequest", "sku", lambda rules: setattr(rules.string, "pattern", "^a|b$"), "no control", "matches `^a\\|b$`"),
        ("BatchQuantityChanged", "quantity", lambda rules: rules.ClearField("required"), "must be present |", "at least 0 |"),
    ],
)
def test_a_constraint_that_changes_changes_the_reference(
    message: str, field: str, change: Callable[[object], None], before: str, after: str
) -> None:
    changed = image()
    change(field_of(changed, message, field).options.Extensions[RULES])
    removed, added = difference(reference(image()), reference(changed))
    assert any(f"| `{field}` |" in row and before in row for row in removed)
    assert any(f"| `{field}` |" in row and after in row for row in added)


def test_a_constraint_without_words_is_not_left_out() -> None:
    changed = image()
    field_of(changed, "AllocateRequest", "sku").options.Extensions[RULES].string.prefix = "sku-"
    with pytest.raises(ContractError, match="prefix of StringRules"):
        reference(changed)
    field_of(changed, "AllocateRequest", "sku").options.Extensions[RULES].bytes.min_len = 1
    with pytest.raises(ContractError, match=r"sku: .*buf.validate.FieldRules.bytes"):
        reference(changed)


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_without_comment_is_named(name: str) -> None:
    changed = image()
    change_comment(changed, name, None, "")
    with pytest.raises(ContractError, match=rf"^stock\.allocation\.v1\.{name} has no comment$"):
        reference(changed)


def test_a_field_a_value_and_an_rpc_without_comment_are_named() -> None:
    for file_name, path, named in (
        ("events.proto", [4, 0, 2, 1], r"stock\.allocation\.v1\.Allocated\.line_id"),
        ("errors.proto", [5, 0, 2, 3], "REJECTION_REASON_UNKNOWN_SKU"),
        ("allocation_service.proto", [6, 0, 2, 0], r"stock\.allocation\.v1\.AllocationService\.CreateBatch"),
        ("options.proto", [7, 0], r"stock\.allocation\.v1\.event"),
        ("inbound_events.proto", [12], r"stock/allocation/v1/inbound_events\.proto"),
    ):
        changed = image()
        remove_comment(changed, file_name, path)
        with pytest.raises(ContractError, match=rf"^{named} has no comment$"):
            reference(changed)


@pytest.mark.parametrize(("name", "beginning"), DUTIES_OF_EVENTS)
def test_an_event_that_does_not_say_when_it_is_sent_or_what_is_to_be_done_is_named(name: str, beginning: str) -> None:
    changed = image()
    change_comment(changed, name, f"\n {beginning} ", "\n Perhaps ")
    with pytest.raises(ContractError, match=rf'^stock\.allocation\.v1\.{name}: .* begins with "{beginning}"$'):
        reference(changed)


def test_a_reason_without_a_grpc_code_is_named() -> None:
    changed = image()
    remove_comment(changed, "errors.proto", [5, 0, 2, 3], "No batch of this sku was ever created.")
    with pytest.raises(ContractError, match=r"^REJECTION_REASON_UNKNOWN_SKU: .* 'created'$"):
        reference(changed)


def test_an_image_without_comments_is_refused() -> None:
    changed = image()
    for file in files(changed):
        file.ClearField("source_code_info")
    with pytest.raises(ContractError, match="has no source information"):
        reference(changed)


def test_what_there_are_no_words_for_is_refused() -> None:
    changed = image()
    next(files(changed)).message_type[0].nested_type.add(name="Inside")
    with pytest.raises(ContractError, match="Inside stands inside a message"):
        reference(changed)
    changed = image()
    next(method for file in files(changed) for service in file.service for method in service.method).server_streaming = True
    with pytest.raises(ContractError, match="CreateBatch streams"):
        reference(changed)


def test_the_committed_reference_is_that_of_the_protos() -> None:
    assert (ROOT / "docs" / "reference.md").read_text(encoding="utf-8") == reference(image()), "run `make generate`"


def difference(old: str, new: str) -> tuple[Counter[str], Counter[str]]:
    """Answer the lines that are gone and those that have come; the same line may stand there more than once."""
    before, after = Counter(old.splitlines()), Counter(new.splitlines())
    return before - after, after - before


def remove_comment(of: FileDescriptorSet, file_name: str, path: list[int], new: str = "") -> None:
    file = next(file for file in files(of) if file.name.endswith(f"/{file_name}"))
    place = next(place for place in file.source_code_info.location if list(place.path) == path)
    assert place.leading_comments
    place.leading_comments = new
