"""Has the CNCF's CloudEvents SDK for Go read what a live service publishes, and compares it with what is in the stream.

The SDK reads the NATS headers but does not decode their values, which the NATS binding asks of every receiver. So each value
is compared twice: as the SDK read it with the header, and decoded with what was asked of the service.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import nats

from tests.conformance.cloudevents_program import ProgramError, build, read
from tests.conformance.cloudevents_stored import EVENTS, Stored, event_options, stored_from
from tests.conformance.cloudevents_story import Expected, awkward_skus, tell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.conformance.live import LiveService
    from tests.conformance.subject import Subject

_ATTRIBUTES = ("specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema")
# What a header value may look like on its way, by the binding.
_ENCODED = re.compile(r"(?:[\x21\x23\x24\x26-\x7e]|%[0-9A-F]{2})+")


def read_by_an_sdk(subject: Subject, live: LiveService) -> None:
    """An independent SDK reads what the service publishes; a check of the service, whatever the program."""
    del subject
    problems = cloudevents_problems(live.service.grpc_address, live.broker.url)
    assert not problems, "\n".join(problems)


def cloudevents_problems(grpc_address: str, nats_url: str, stream: str = "ALLOCATION_EVENTS") -> list[str]:
    """Make real events and answer what is wrong with them as CloudEvents; nothing if they conform.

    Raises:
        ProgramError: the program that reads them cannot be built.

    """
    build()
    return asyncio.run(_problems(grpc_address, nats_url, stream))


async def _problems(grpc_address: str, nats_url: str, stream: str) -> list[str]:
    broker = await nats.connect(nats_url, allow_reconnect=False)
    try:
        store = broker.jetstream()
        begin = (await store.stream_info(stream)).state.last_seq + 1
        expected = [one for sku in awkward_skus() for one in await tell(grpc_address, broker, sku)]
        stored = await stored_from(store, stream, begin, {one.sku for one in expected}, len(expected))
    finally:
        await broker.close()
    if not stored:
        return ["nothing was announced"]
    return [*_unmet(expected, stored), *_differences(nats_url, stream, stored)]


def _unmet(expected: list[Expected], stored: list[Stored]) -> Iterator[str]:
    """Compare what had to be announced with what was, message and envelope."""
    ours = {one.sku for one in expected}
    announced: Counter[Expected] = Counter()
    for one in stored:
        if one.message is None or one.message.sku not in ours:
            continue
        event = Expected(
            one.message.DESCRIPTOR.name,
            unquote(one.headers.get("ce-subject", "")),
            unquote(one.headers.get("ce-correlationid", "")),
        )
        by_cause = Expected(event.type, event.sku, event.correlation_id, unquote(one.headers.get("ce-causationid", "")))
        announced[by_cause if by_cause in expected else event] += 1
    wanted = Counter(expected)
    yield from (f"not announced: {one}" for one in (wanted - announced).elements())
    yield from (f"announced, and not expected: {one}" for one in (announced - wanted).elements())
    seen = {one.message.DESCRIPTOR.full_name for one in stored if one.message is not None}
    yield from (f"no {name} happened: the story does not tell of it" for name in sorted(EVENTS.keys() - seen))


def _differences(nats_url: str, stream: str, stored: list[Stored]) -> list[str]:
    """Have the SDK read the same messages, and compare."""
    try:
        seen = read(nats_url, stream, stored[0].sequence, len(stored))
    except ProgramError as error:
        return [str(error)]
    return [
        f"{one.headers.get('ce-type')} at {one.sequence}: {problem}"
        for one, sdk in zip(stored, seen, strict=True)
        for problem in (*_by_the_binding(one), *_by_the_sdk(one, sdk))
    ]


def _by_the_binding(one: Stored) -> Iterator[str]:
    """Compare the raw message with what the binding and our contract promise."""
    attributes = {name: value for name, value in one.headers.items() if name.lower().startswith("ce-")}
    yield from (f"{name} is not encoded: {value!r}" for name, value in attributes.items() if not _ENCODED.fullmatch(value))
    if one.message is None:
        yield f"{one.payload!r} is no event of the contract with the ce-type {one.headers.get('ce-type')!r}"
        return
    promised = {
        "ce-specversion": "1.0",
        "ce-datacontenttype": "application/protobuf",
        "ce-id": one.headers.get("Nats-Msg-Id"),
        "ce-subject": one.message.sku,
    }
    for name, value in promised.items():
        if unquote(one.headers.get(name, "")) != value:
            yield f"{name} should be {value!r}, is {one.headers.get(name)!r}"
    for name in ("ce-source", "ce-time", "ce-correlationid", "ce-causationid"):
        if name not in one.headers:
            yield f"{name} is missing"
    subject = event_options(one.message.DESCRIPTOR).subject
    if one.subject != subject:
        yield f"published on {one.subject}, not on {subject}"


def _by_the_sdk(one: Stored, sdk: Mapping[str, Any]) -> Iterator[str]:
    """Compare what the SDK read with the raw message."""
    where = {"sequence": one.sequence, "subject": one.subject, "encoding": "binary"}
    yield from (f"the SDK read {name} {sdk[name]!r}, not {value!r}" for name, value in where.items() if sdk[name] != value)
    headers = {name.removeprefix("ce-"): value for name, value in one.headers.items() if name.startswith("ce-")}
    for how, values in (("read", headers), ("decoded", {name: unquote(value) for name, value in headers.items()})):
        view = sdk[how]
        if view["invalid"]:
            yield f"{how}, the SDK takes it for no CloudEvent: {view['invalid'].strip()}"
            continue
        if base64.b64decode(sdk["payload"] or "") != one.payload:
            yield "the SDK read another payload"
        seen = {name: view[name] for name in _ATTRIBUTES if view[name]} | view["extensions"]
        yield from (
            f"{how}, {name} is {seen.get(name)!r} to the SDK, and {values.get(name)!r} in the header"
            for name in sorted(seen.keys() | values.keys())
            if not _same(name, seen.get(name), values.get(name))
        )


def _same(name: str, seen: str | None, value: str | None) -> bool:
    if name == "time" and seen and value:
        return datetime.fromisoformat(seen) == datetime.fromisoformat(value)
    if name in _ATTRIBUTES and value:
        value = value.strip()  # the SDK does so, although nothing asks for it; extensions it leaves alone
    return seen == value
