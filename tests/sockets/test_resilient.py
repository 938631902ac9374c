"""Main model and fallback over real clients, against two little models: who is asked, who waits, how the time is shared."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress

import pytest

from bot.breaker import PAUSES, RETRY_AFTER_BOUNDS, THRESHOLD
from bot.errors import ContextOverflow, EmptyReply, ModelDown, ModelError, ModelUnavailable, RequestRefused
from bot.model import open_model
from bot.ports import ReplyEnd
from bot.prompt import ChatPrompt, PromptMessage
from bot.resilient import ResilientModel
from playground.model import MODEL, LittleModel
from tests.clock import Clock

SECOND = "second-model"
SUMMARIZER = "little-summarizer"
PROMPT = ChatPrompt((PromptMessage("user", "[42 Nemo] Where is the treasure?"),))
AT_ONCE = {"retry-after-ms": "1"}


@pytest.fixture
async def little() -> AsyncIterator[LittleModel]:
    async with LittleModel(models=(MODEL, SUMMARIZER), tokens_per_second=None) as running:
        yield running


@pytest.fixture
async def second() -> AsyncIterator[LittleModel]:
    async with LittleModel(models=(SECOND,), tokens_per_second=None) as running:
        yield running


@pytest.fixture
async def alone(little: LittleModel, clock: Clock) -> AsyncIterator[ResilientModel]:
    """A model without a fallback."""
    async with open_model(api_key=None, base_url=little.base_url, patience=5, max_reply_tokens=None) as main:
        yield ResilientModel(main, clock=clock)


@pytest.fixture
async def both(little: LittleModel, second: LittleModel, clock: Clock) -> AsyncIterator[ResilientModel]:
    """A model with one."""
    async with (
        open_model(api_key=None, base_url=little.base_url, patience=2, max_reply_tokens=None) as main,
        open_model(api_key=None, base_url=second.base_url, patience=2, max_reply_tokens=None) as other,
    ):
        yield ResilientModel(main, (other, SECOND), clock)


async def ask(model: ResilientModel, *, name: str = MODEL, seconds: float = 5.0) -> ReplyEnd:
    """Take a reply to its end, and return that."""
    deadline = asyncio.get_running_loop().time() + seconds
    async with aclosing(model.stream(PROMPT, model=name, deadline=deadline)) as items:
        *_, end = [item async for item in items]
    assert isinstance(end, ReplyEnd)
    return end


async def trip(model: ResilientModel, little: LittleModel, *, status: int = 401, name: str = MODEL) -> None:
    """Let the model fail until it is left alone."""
    little.levers.status(status, headers=AT_ONCE, times=None)
    for _ in range(THRESHOLD):
        with suppress(ModelError):
            await ask(model, name=name)
    little.levers.clear()


async def test_who_is_left_alone_is_asked_nothing_until_a_probe_finds_it_well(
    little: LittleModel, alone: ResilientModel, clock: Clock
) -> None:
    await trip(alone, little)
    asked = len(little.requests)
    for _ in range(3):
        with pytest.raises(ModelDown, match="OPENAI_API_KEY"):
            await ask(alone)
    assert len(little.requests) == asked
    clock.now += PAUSES[0]
    await alone.ready(model=MODEL)
    assert (await ask(alone)).finish_reason == "stop"
    await ask(alone)


async def test_one_probes_while_the_others_wait_and_all_go_on_when_it_has_a_word(
    little: LittleModel, alone: ResilientModel, clock: Clock
) -> None:
    await trip(alone, little)
    clock.now += PAUSES[0]
    asked = len(little.requests)
    little.levers.hold()
    probe = asyncio.create_task(ask(alone))
    while len(little.requests) == asked:  # noqa: ASYNC110 nobody tells when a request has come
        await asyncio.sleep(0.01)
    with pytest.raises(ModelDown):
        await ask(alone)
    waiting = [asyncio.create_task(alone.ready(model=MODEL)) for _ in range(3)]
    await asyncio.sleep(0.05)
    assert not any(task.done() for task in waiting)
    little.levers.door.set()
    await asyncio.gather(probe, *waiting)


async def test_a_probe_that_is_cancelled_lets_the_next_one_try(
    little: LittleModel, alone: ResilientModel, clock: Clock
) -> None:
    await trip(alone, little)
    clock.now += PAUSES[0]
    little.levers.hang(60)
    probe = asyncio.create_task(ask(alone))
    await asyncio.sleep(0.1)
    waiting = asyncio.create_task(alone.ready(model=MODEL))
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    await asyncio.wait_for(waiting, 1)
    await ask(alone)


async def test_what_concerns_one_prompt_only_leaves_nobody_alone(little: LittleModel, alone: ResilientModel) -> None:
    for _ in range(2):
        little.levers.overflow("openai")
        with pytest.raises(ContextOverflow):
            await ask(alone)
        little.levers.empty()
        with pytest.raises(EmptyReply):
            await ask(alone)
        little.levers.status(400, body={"error": {"message": "no"}})
        with pytest.raises(RequestRefused):
            await ask(alone)
    await ask(alone)


@pytest.mark.parametrize("retry_after", ["600", "Fri, 31 Dec 2100 23:59:59 GMT"])
async def test_a_pause_that_is_asked_for_is_kept_within_reason(
    little: LittleModel, alone: ResilientModel, clock: Clock, retry_after: str
) -> None:
    little.levers.status(429, headers={"Retry-After": retry_after})
    with pytest.raises(ModelDown):
        await ask(alone)
    clock.now += min(600, RETRY_AFTER_BOUNDS[1]) - 1
    with pytest.raises(ModelDown):
        await ask(alone)
    clock.now += RETRY_AFTER_BOUNDS[1] - 599
    await ask(alone)


async def test_a_summarizer_of_another_name_stops_no_reply_and_one_of_the_same_name_is_the_same_model(
    little: LittleModel, alone: ResilientModel
) -> None:
    await trip(alone, little, name=SUMMARIZER, status=404)
    with pytest.raises(ModelDown):
        await ask(alone, name=SUMMARIZER)
    await ask(alone)


async def test_the_fallback_answers_one_reply_and_then_all(
    little: LittleModel, second: LittleModel, both: ResilientModel, clock: Clock
) -> None:
    little.levers.status(503, headers=AT_ONCE, times=3)
    end = await ask(both)
    assert (end.model, end.is_fallback) == (SECOND, True)
    end = await ask(both)
    assert (end.model, end.is_fallback) == (MODEL, False)
    await trip(both, little)
    asked = len(little.requests)
    assert (await ask(both)).is_fallback
    assert len(little.requests) == asked
    clock.now += PAUSES[0]
    assert not (await ask(both)).is_fallback
    assert [request.body["model"] for request in second.requests] == [SECOND] * (2 + THRESHOLD)


@pytest.mark.parametrize("lever", ["overflow", "empty"])
async def test_what_another_endpoint_would_say_too_is_not_passed_on(
    little: LittleModel, second: LittleModel, both: ResilientModel, lever: str
) -> None:
    getattr(little.levers, lever)(*(["openai"] if lever == "overflow" else []))
    with pytest.raises((ContextOverflow, EmptyReply)):
        await ask(both)
    assert second.requests == []


async def test_a_main_model_that_says_nothing_has_half_of_the_time(little: LittleModel, both: ResilientModel) -> None:
    little.levers.keep_alive(60)
    started = time.monotonic()
    assert (await ask(both, seconds=2)).is_fallback
    assert 0.9 < time.monotonic() - started < 1.8


async def test_two_that_say_nothing_have_no_more_time_than_one(
    little: LittleModel, second: LittleModel, both: ResilientModel
) -> None:
    little.levers.hang(60)
    second.levers.hang(60)
    started = time.monotonic()
    with pytest.raises(ModelUnavailable, match="too long"):
        await ask(both, seconds=1)
    assert time.monotonic() - started < 1.8


async def test_both_can_be_left_alone_and_the_first_that_is_well_again_is_asked(
    little: LittleModel, second: LittleModel, both: ResilientModel, clock: Clock
) -> None:
    second.levers.status(401, times=None)
    await trip(both, little)
    with pytest.raises(ModelDown):
        await ask(both)
    second.levers.clear()
    little.levers.status(401, times=None)
    clock.now += PAUSES[0]
    await both.ready(model=MODEL)
    assert (await ask(both)).is_fallback


async def test_who_thinks_has_the_whole_time_and_is_left_to_it(
    little: LittleModel, second: LittleModel, both: ResilientModel
) -> None:
    little.tokens_per_second = 20
    little.levers.reasoning("Where may that treasure be? " * 5)  # 35 tokens: longer than half of the time
    little.levers.text("Here.")
    end = await ask(both, seconds=3.0)
    assert (end.model, end.finish_reason) == (MODEL, "stop")
    assert second.requests == []


async def test_who_only_thinks_and_breaks_off_is_replaced(
    little: LittleModel, second: LittleModel, both: ResilientModel
) -> None:
    little.levers.reasoning("Where may that treasure be?")
    little.levers.break_stream(0)
    second.levers.text("Here.")
    end = await ask(both)
    assert (end.model, end.is_fallback) == (SECOND, True)
