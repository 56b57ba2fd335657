"""Commands gather while a group commits, and nobody is answered before the commit."""

from __future__ import annotations

import asyncio

import pytest

from allocation.domain.errors import UnknownBatch
from allocation.service_layer.errors import QueueFullError, ShuttingDownError
from tests.unit.service_layer.gated_store import Line, said, settle


async def test_a_lone_command_does_not_wait_for_company() -> None:
    async with Line() as line:
        assert await line.group_commit.submit(said("hello")) == "HELLO"
        assert line.heard == [["hello"]]


@pytest.mark.parametrize("word", ["hello", "reject"])
async def test_nobody_is_answered_before_the_commit_nor_rejected(word: str) -> None:
    async with Line(is_open=False) as line:
        answer = line.say(word)
        await line.store.committing.wait()
        await settle()
        assert line.heard == [[word]], "it was carried out"
        assert not answer.done(), "and is not durable yet"
        line.store.gate.open()
        if word == "reject":
            with pytest.raises(UnknownBatch):
                await answer
        else:
            assert await answer == "HELLO"
        assert line.store.commits == 1


async def test_while_a_group_commits_the_next_one_gathers() -> None:
    async with Line(is_open=False) as line:
        first = await line.hold()
        others = [line.say(word) for word in ("a", "b", "c")]
        await settle()
        assert line.heard == [["first"]]
        line.store.gate.open()
        assert await asyncio.gather(first, *others) == ["FIRST", "A", "B", "C"]
        assert line.heard == [["first"], ["a", "b", "c"]]
        assert line.store.commits == 2


async def test_a_group_is_no_larger_than_its_limit() -> None:
    async with Line(is_open=False, group_max=2) as line:
        answers = [await line.hold(), *(line.say(word) for word in "abc")]
        await settle()
        line.store.gate.open()
        await asyncio.gather(*answers)
        assert line.heard == [["first"], ["a", "b"], ["c"]]


async def test_one_that_wants_to_be_alone_is() -> None:
    async with Line(is_open=False) as line:
        answers = [await line.hold(), line.say("a"), line.say("hermit", alone=True), line.say("b"), line.say("c")]
        await settle()
        line.store.gate.open()
        await asyncio.gather(*answers)
        assert line.heard == [["first"], ["a"], ["hermit"], ["b", "c"]]


async def test_what_did_not_fit_into_a_transaction_follows_in_the_next() -> None:
    async with Line(is_open=False) as line:
        line.store.bus.full_after = 2
        answers = [await line.hold(), *(line.say(word) for word in "abcde")]
        await settle()
        line.store.gate.open()
        assert await asyncio.gather(*answers) == ["FIRST", "A", "B", "C", "D", "E"]
        assert line.heard == [["first"], ["a", "b"], ["c", "d"], ["e"]]


async def test_those_who_were_carried_out_need_not_wait_for_those_who_were_not() -> None:
    async with Line(is_open=False) as line:
        line.store.bus.full_after = 1
        first, second, third = await line.hold(), line.say("a"), line.say("b")
        await settle()
        await line.store.let_one_commit()
        await line.store.let_one_commit()
        assert (await first, await second, third.done()) == ("FIRST", "A", False)


async def test_each_commit_is_told() -> None:
    async with Line() as line:
        await line.group_commit.submit(said("a"))
        await line.group_commit.submit(said("b"))
        assert [outcome.answers for outcome in line.outcomes] == [["A"], ["B"]]


async def test_a_caller_gone_before_its_command_began_was_never_there() -> None:
    async with Line(is_open=False) as line:
        first, gone, stays = await line.hold(), line.say("gone"), line.say("stays")
        await settle()
        gone.cancel()
        await settle()
        line.store.gate.open()
        assert (await first, await stays) == ("FIRST", "STAYS")
        assert line.heard == [["first"], ["stays"]]


async def test_a_caller_gone_after_its_command_began_cancels_nothing() -> None:
    async with Line(is_open=False) as line:
        first = await line.hold()
        gone, companion, rejected = line.say("gone"), line.say("companion"), line.say("reject")
        await settle()
        await line.store.let_one_commit()
        await line.store.committing.wait()
        gone.cancel()
        rejected.cancel()
        await settle()
        line.store.gate.open()
        assert (await first, await companion) == ("FIRST", "COMPANION")
        assert line.heard == [["first"], ["gone", "companion", "reject"]]
        assert line.store.commits == 2
        assert await line.group_commit.submit(said("next")) == "NEXT", "and it serves on"


async def test_a_full_queue_refuses_at_once() -> None:
    async with Line(is_open=False, waiting_max=2) as line:
        answers = [await line.hold(), line.say("a"), line.say("b")]
        await settle()
        with pytest.raises(QueueFullError, match="2 commands are waiting, which is the limit"):
            await line.group_commit.submit(said("c"))
        line.store.gate.open()
        assert await asyncio.gather(*answers) == ["FIRST", "A", "B"]
        assert line.heard == [["first"], ["a", "b"]]


async def test_enqueue_waits_for_room_and_keeps_the_order() -> None:
    async with Line(is_open=False, waiting_max=2, group_max=2) as line:
        first = await line.hold()

        async def all_letters() -> list[str]:
            answers = [await line.group_commit.enqueue(said(letter)) for letter in "abcde"]
            return [await answer for answer in answers]

        letters = asyncio.create_task(all_letters())
        await settle()
        assert not letters.done()
        line.store.gate.open()
        assert await letters == ["A", "B", "C", "D", "E"]
        assert [word for group in line.heard for word in group] == ["first", "a", "b", "c", "d", "e"]
        await first


async def test_close_carries_out_what_waits_and_refuses_what_comes() -> None:
    async with Line(is_open=False, waiting_max=2) as line:
        answers = [await line.hold(), line.say("a"), line.say("b")]
        await settle()
        without_room = asyncio.create_task(line.group_commit.enqueue(said("c")))
        await settle()
        closing = asyncio.create_task(line.group_commit.close())
        await settle()
        for refused in (line.group_commit.submit(said("d")), line.group_commit.enqueue(said("e")), without_room):
            with pytest.raises(ShuttingDownError, match="the service is shutting down"):
                await refused
        assert not closing.done()
        line.store.gate.open()
        assert await asyncio.gather(*answers) == ["FIRST", "A", "B"]
        await closing
        assert line.heard == [["first"], ["a", "b"]]


async def test_close_with_nothing_waiting_ends() -> None:
    async with Line() as line:
        await line.group_commit.close()
        assert line.heard == []
