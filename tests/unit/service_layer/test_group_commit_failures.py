"""One command's bug is not its companions', a store that is away fails a group at once, and nothing is tried twice unasked."""

from __future__ import annotations

import asyncio

import pytest

from allocation.service_layer.errors import CrashedError, ShuttingDownError
from allocation.service_layer.group_commit import GroupCommit
from allocation.service_layer.store import OutcomeUnknownError, StoreUnavailableError
from tests.unit.service_layer.gated_store import GatedStore, Line, said, settle


async def outcomes_of(line: Line, *words: str) -> list[object]:
    """Let words gather into one group behind a first one, and answer what became of each."""
    answers = [await line.hold(), *(line.say(word) for word in words)]
    await settle()
    line.store.gate.open()
    return (await asyncio.gather(*answers, return_exceptions=True))[1:]


async def test_the_companions_of_a_crash_are_carried_out_in_order() -> None:
    async with Line(is_open=False) as line:
        a, b, crashed, c = await outcomes_of(line, "a", "b", "crash", "c")
        assert (a, b, c) == ("A", "B", "C")
        assert isinstance(crashed, CrashedError)
        assert str(crashed) == "internal error", "the inside never leaks"
        assert line.heard == [["first"], ["a", "b", "crash", "c"], ["a", "b", "c"]]


async def test_two_crashes_in_one_group_are_both_found() -> None:
    async with Line(is_open=False) as line:
        first, a, second = await outcomes_of(line, "crash", "a", "crash")
        assert a == "A"
        assert isinstance(first, CrashedError)
        assert isinstance(second, CrashedError)


async def test_a_lone_crash_commits_nothing() -> None:
    async with Line() as line:
        with pytest.raises(CrashedError):
            await line.group_commit.submit(said("crash"))
        assert line.store.commits == 0


async def test_those_who_come_later_wait_until_a_crashed_group_is_done() -> None:
    async with Line(is_open=False) as line:
        answers = [await line.hold(), line.say("a"), line.say("crash")]
        await settle()
        await line.store.let_one_commit()
        answers.append(line.say("later"))
        await settle()
        line.store.gate.open()
        await asyncio.gather(*answers, return_exceptions=True)
        assert line.heard == [["first"], ["a", "crash"], ["a"], ["later"]]


async def test_a_command_that_the_store_refuses_is_found_by_halves() -> None:
    async with Line(is_open=False) as line:
        line.store.refused_word = "poison"
        a, b, poison, c, d = await outcomes_of(line, "a", "b", "poison", "c", "d")
        assert (a, b, c, d) == ("A", "B", "C", "D")
        assert isinstance(poison, CrashedError)
        assert str(poison) == "internal error"
        carried_out = [words for words in line.heard if "poison" not in words]
        assert [word for words in carried_out for word in words] == ["first", "a", "b", "c", "d"], "in order, each once"


async def test_what_did_not_fit_comes_before_what_was_put_off() -> None:
    async with Line(is_open=False) as line:
        line.store.refused_word, line.store.bus.full_after = "poison", 3
        first_words, later_words = list("abcdefg"), list("tuvwxyz")
        await outcomes_of(line, "a", "poison", *first_words[1:], *later_words)
        carried_out = [word for words in line.heard if "poison" not in words for word in words]
        assert carried_out == ["first", *first_words, *later_words]


@pytest.mark.parametrize("failure", [StoreUnavailableError("away"), OutcomeUnknownError("who knows")])
async def test_a_failing_store_fails_the_whole_group_at_once_and_nothing_is_tried_again(failure: Exception) -> None:
    async with Line(is_open=False) as line:
        first = await line.hold()
        answers = [line.say(word) for word in ("a", "reject", "b")]
        await settle()
        await line.store.let_one_commit()
        assert await first == "FIRST"
        line.store.failures.append(failure)
        line.store.gate.open()
        assert await asyncio.gather(*answers, return_exceptions=True) == [failure] * 3
        assert line.heard == [["first"], ["a", "reject", "b"]]
        assert len(line.outcomes) == 1, "what did not commit is not told"


async def test_a_store_that_comes_back_is_served_again() -> None:
    async with Line() as line:
        line.store.failures.append(StoreUnavailableError("away"))
        with pytest.raises(StoreUnavailableError, match="away"):
            await line.group_commit.submit(said("a"))
        assert await line.group_commit.submit(said("a")) == "A"


async def test_a_store_that_goes_away_after_a_crash_fails_only_those_who_were_left() -> None:
    async with Line() as line:
        line.store.failures.append(StoreUnavailableError("away"))
        line.store.gate.close()
        answers = [line.say("crash"), line.say("a")]
        await settle()
        line.store.gate.open()
        crashed, failed = await asyncio.gather(*answers, return_exceptions=True)
        assert isinstance(crashed, CrashedError)
        assert isinstance(failed, StoreUnavailableError)


async def test_a_gone_caller_does_not_disturb_a_failing_group() -> None:
    async with Line(is_open=False) as line:
        first = await line.hold()
        gone, stays = line.say("gone"), line.say("stays")
        await settle()
        await line.store.let_one_commit()
        await line.store.committing.wait()
        gone.cancel()
        await settle()
        line.store.failures.append(StoreUnavailableError("away"))
        line.store.gate.open()
        await first
        with pytest.raises(StoreUnavailableError):
            await stays
        assert await line.group_commit.submit(said("next")) == "NEXT"


async def test_whoever_was_committed_is_answered_although_what_is_told_of_it_fails() -> None:
    def fail(_outcome: object) -> None:
        raise RuntimeError("nobody could be woken")

    store = GatedStore()
    group_commit = GroupCommit(store, store.bus, fail, group_commands_max=10, waiting_commands_max=10)
    serving = group_commit.start()
    assert await group_commit.submit(said("a")) == "A"
    with pytest.raises(RuntimeError):
        await serving
    with pytest.raises(ShuttingDownError):
        await group_commit.submit(said("b"))


async def test_a_caller_that_left_before_its_part_was_tried_again_was_never_there() -> None:
    async with Line(is_open=False) as line:
        answers = [await line.hold(), line.say("crash"), line.say("impatient"), line.say("c")]
        await settle()
        answers[2].cancel()
        line.store.gate.open()
        await asyncio.gather(*answers, return_exceptions=True)
        assert line.heard[-1] == ["c"]
