"""What other memories do wrong, each as a test; and that nobody ever waits for a summary."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator
from itertools import count

import pytest

from bot.brain import Myself
from bot.conversation import Said
from bot.memories import MemoryReport
from bot.prompt import SUMMARY_HEADING
from bot.runtime import open_services
from bot.settings import Settings
from playground.model import LittleModel
from storage.records import Incoming, Message, Place, Role
from storage.sql import rows
from tests.contract.makers import correct
from tests.journeys.conftest import MakeSettings
from tests.quiet import NOW, Quiet, Shown, quarter, quiet

SUMMARIZER = "little-summarizer"
BUDGET = 1020
SMALL = {"memory_policy": "summary", "memory_max_tokens": BUDGET, "summary_model": SUMMARIZER}

#: With a summarizer that takes this long, in seconds, no reply may take half of it.
SLOW = 2.0


@pytest.fixture
async def model() -> AsyncIterator[LittleModel]:
    """The little model under two names, so that a lever can be pulled for summaries alone."""
    async with LittleModel(tokens_per_second=None, models=("little-model", SUMMARIZER)) as running:
        running.levers.only_model = SUMMARIZER
        yield running


def asked(model: LittleModel, name: str = "little-model") -> list[list[dict[str, str]]]:
    return [request.body["messages"] for request in model.requests if request.body.get("model") == name]


def fact(number: int) -> str:
    return (
        f"Fact {number} is that animal{number} lives in town{number} by the river, and visits friend{number} each year."
        * 2
    )


async def report(bot: Quiet) -> MemoryReport:
    told = await bot.services.memories.report(Place(1, 7))
    assert told is not None
    return told


async def talk_until_summarizing(bot: Quiet, model: LittleModel, *, channel: int = 1) -> int:
    """Talk until a summary is being written, and return how many turns that took."""
    before = len(asked(model, SUMMARIZER))
    for number in range(30):
        if len(asked(model, SUMMARIZER)) > before:
            return number
        await bot.ask(fact(number), channel=channel)
        await asyncio.sleep(0.02)
    raise AssertionError("nothing was summarized")


# Never late


async def test_no_reply_of_any_channel_waits_for_a_summary(make_settings: MakeSettings, model: LittleModel) -> None:
    async with quiet(make_settings(**SMALL)) as bot:
        model.levers.hang(SLOW, times=None)
        await talk_until_summarizing(bot, model)
        took: list[float] = []
        for number in range(4):
            for channel in (1, 2):
                started = time.monotonic()
                shown = bot.channel(channel).changed
                shown.clear()
                await bot.say(fact(number), channel=channel)
                await shown.wait()
                took.append(time.monotonic() - started)
                await bot.idle(f"channel-{channel}")
        assert max(took) < SLOW / 2
        assert (await report(bot)).overview.summaries == ()  # it was being written all the time


async def test_a_compaction_of_one_channel_does_not_delay_another(
    make_settings: MakeSettings, model: LittleModel
) -> None:
    async with quiet(make_settings(**SMALL)) as bot:
        model.levers.hang(60, times=1)
        await talk_until_summarizing(bot, model)
        await talk_until_summarizing(bot, model, channel=2)
        await bot.idle("compaction-2")
        other = await bot.services.memories.report(Place(2, 7))
        assert other is not None
        assert other.overview.summaries
        assert (await report(bot)).overview.summaries == ()


async def end_abruptly(settings: Settings, model: LittleModel) -> None:
    """Talk until a summary is being written that never ends, and fail."""
    async with open_services(settings) as (services, _):
        channel = Shown(count(100))
        services.conversations.attach(lambda _: channel, Myself(99, "Mnemo"))
        model.levers.hang(60, times=None)
        for number in range(10):
            said = Said(1000 + number, 1, 7, 42, "Nemo", fact(number), NOW)
            await services.conversations.hear(said, addressed=True)
            await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() == "channel-1"))
        assert model.active == 1
        raise ZeroDivisionError


async def test_a_summary_that_is_being_written_at_an_abrupt_end_is_thrown_away(
    make_settings: MakeSettings, model: LittleModel
) -> None:
    settings = make_settings(**SMALL)
    with pytest.raises(ZeroDivisionError):
        await end_abruptly(settings, model)
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("compaction")]
    async with quiet(settings, first_id=10_000) as bot:
        assert (await report(bot)).overview.messages == 20


async def test_an_admins_words_stay_in_the_prompt_whatever_is_folded_after_them(
    make_settings: MakeSettings, model: LittleModel
) -> None:
    async with quiet(make_settings(**SMALL)) as bot:
        await talk_until_summarizing(bot, model)
        await bot.idle("compaction-1")
        assert await correct(bot.store, "They are whales, not fish.")
        model.levers.text("More was said of it. " * 40, times=None)  # as much as is taken at all
        for number in range(20):
            await bot.ask(fact(number))
            await bot.idle("compaction-1")
            assert "- They are whales, not fish." in asked(model)[-1][0]["content"]
        assert "More was said of it." in asked(model)[-1][0]["content"]


# The faults


async def test_messages_are_not_popped_before_the_summarizer_has_answered(
    make_settings: MakeSettings, model: LittleModel
) -> None:
    async with quiet(make_settings(**SMALL)) as bot:
        model.levers.status(500, times=None)
        turns = await talk_until_summarizing(bot, model)
        await bot.idle("compaction-1")
        told = await report(bot)
        assert told.overview.messages == 2 * turns
        assert told.overview.window_messages == 2 * turns
        assert told.overview.compaction_error
        await bot.ask("And then?")
        assert "animal0 " in json.dumps(asked(model)[-1])


async def test_the_summary_is_counted_in_the_budget(make_settings: MakeSettings, model: LittleModel) -> None:
    model.levers.text("This summary says very much. " * 30, times=None)
    async with quiet(make_settings(**SMALL)) as bot:
        for number in range(25):
            await bot.ask(fact(number))
            await bot.idle("compaction-1")
        factor = bot.calibration.factor()
    with_summary = [prompt for prompt in asked(model) if SUMMARY_HEADING in prompt[0]["content"]]
    assert len(with_summary) > 10
    for prompt in with_summary:
        assert sum(quarter(part["content"]) + 4 for part in prompt) + 3 <= BUDGET / factor * 1.02


async def test_a_summary_sees_those_before_it_whole(make_settings: MakeSettings, model: LittleModel) -> None:
    async with quiet(make_settings(**SMALL)) as bot:
        for number in range(30):
            model.levers.texts.clear()
            model.levers.text(f"Summary {number} begins. {'It goes on. ' * 20}Summary {number} ends.", times=None)
            await bot.ask(fact(number))
            await bot.idle("compaction-1")
        folds = [prompt[1:-1] for prompt in asked(model, SUMMARIZER) if prompt[1]["content"].startswith("[memory]")]
    assert len(folds) > 1
    for fold in folds:
        for part in fold:
            assert part["content"].startswith("[memory] Summary")
            assert part["content"].endswith(" ends.")


async def test_the_newest_message_is_never_summarized_away(make_settings: MakeSettings, model: LittleModel) -> None:
    async with quiet(make_settings(**SMALL)) as bot:
        for number in range(15):
            question = f"{fact(number)} What is number {number}?"
            await bot.ask(question)
            await bot.idle("compaction-1")
            assert asked(model)[-1][-1]["content"] == f"[42 Nemo] {question}"
            told = await report(bot)
            assert told.overview.window_messages >= 2


@pytest.mark.parametrize("policy", ["buffer", "window", "tokens", "summary", "hybrid"])
async def test_a_newest_message_over_the_budget_is_sent_cut_and_not_nothing(
    make_settings: MakeSettings, model: LittleModel, policy: str
) -> None:
    settings = make_settings(memory_policy=policy, memory_max_tokens=BUDGET, model_context_tokens=BUDGET)
    async with quiet(settings) as bot:
        await bot.ask("Hello.")
        await bot.ask("Listen to this. " + "blah " * 2000)
        system, *rest = asked(model)[-1]
        (newest,) = rest
        assert newest["content"].startswith("[42 Nemo] Listen to this. blah")
        assert "[cut here: " in newest["content"]
        size = quarter(system["content"]) + quarter(newest["content"]) + 2 * 4 + 3
        assert 0.6 * BUDGET < size * bot.calibration.factor() <= 1.02 * BUDGET
        assert len((await bot.store.export(1))[2].content) > 9_000  # memory has it whole


@pytest.mark.parametrize("policy", ["window", "tokens", "summary", "hybrid"])
async def test_a_prompt_does_not_read_the_whole_history(
    make_settings: MakeSettings, model: LittleModel, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    said: list[tuple[Role, Incoming]] = [
        ("user", Incoming(0, 1, 7, 42, "Nemo", fact(number), 60, NOW)) for number in range(1000)
    ]
    read: list[object] = []
    make = rows.message

    def counted(row: sqlite3.Row) -> Message:
        read.append(row)
        return make(row)

    async with quiet(make_settings(**SMALL | {"memory_policy": policy, "summary_model": None})) as bot:
        await bot.store.bring_in(said, now=NOW)
        await bot.ask("What was number 7?")  # moves the window, and lets the last of what is before it be summarized
        await bot.idle("compaction-1")
        monkeypatch.setattr(rows, "message", counted)
        await bot.ask("And number 8?")
        await bot.idle("compaction-1")
    assert 0 < len(read) < 400


async def test_a_summary_is_there_after_more_turns_and_a_restart(
    make_settings: MakeSettings, model: LittleModel
) -> None:
    settings = make_settings(**SMALL)
    async with quiet(settings) as bot:
        model.levers.text("They spoke of the lighthouse.", times=None)
        await talk_until_summarizing(bot, model)
        await bot.idle("compaction-1")
        await bot.ask("One.")
        assert "- They spoke of the lighthouse." in asked(model)[-1][0]["content"]
    async with quiet(settings, first_id=10_000) as bot:
        await bot.ask("Two.")
        assert "- They spoke of the lighthouse." in asked(model)[-1][0]["content"]
        assert all("lighthouse" not in message.content for message in await bot.store.export(1))


async def test_what_arrives_while_a_compaction_runs_stays(make_settings: MakeSettings, model: LittleModel) -> None:
    async with quiet(make_settings(**SMALL)) as bot:
        model.levers.hang(0.5, times=1)
        turns = await talk_until_summarizing(bot, model)
        await bot.ask("I arrived while it ran.")
        await bot.idle("compaction-1")
        told = await report(bot)
        assert told.overview.summaries
        assert told.overview.messages == 2 * turns + 2
        await bot.ask("And now?")
        assert "I arrived while it ran." in json.dumps(asked(model)[-1])


@pytest.mark.parametrize("policy", ["buffer", "window", "tokens", "summary", "hybrid"])
async def test_an_overflow_does_not_end_the_conversation(
    make_settings: MakeSettings, model: LittleModel, policy: str
) -> None:
    model.levers.only_model = None
    model.levers.prompt_limit = 700
    settings = make_settings(memory_policy=policy, memory_max_tokens=4000, summary_model=SUMMARIZER)
    async with quiet(settings) as bot:
        for number in range(25):
            answer = await bot.ask(fact(number))
            assert not answer.startswith("⚠️"), number
        assert len(await bot.store.export(1)) == 50
