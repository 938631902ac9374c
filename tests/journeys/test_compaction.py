"""Long conversations under `summary` and `hybrid`: summarized in the background, and within the budget, whatever goes wrong."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from bot.memories import MemoryReport
from bot.notes import NEUTRAL
from bot.prompt import SUMMARY_HEADING
from bot.usage import Scope
from playground.model import LittleModel
from storage import database_path
from storage.records import Place, SummaryKind
from tests.journeys.conftest import MakeSettings, World, living
from tests.quiet import Quiet, quiet

SUMMARIZER = "little-summarizer"

BUDGET = 1000
SMALL = {"memory_policy": "summary", "memory_max_tokens": BUDGET, "summary_model": SUMMARIZER}


@pytest.fixture
async def model() -> AsyncIterator[LittleModel]:
    """The little model under two names, so that a lever can be pulled for summaries alone."""
    async with LittleModel(tokens_per_second=None, models=("little-model", SUMMARIZER)) as running:
        running.levers.only_model = SUMMARIZER
        yield running


def requests(model: LittleModel, name: str = "little-model") -> list[list[dict[str, str]]]:
    """The prompts that were sent to a model."""
    sent = [request.body for request in model.requests if "messages" in request.body]
    return [body["messages"] for body in sent if body["model"] == name]


async def report(world: World | Quiet) -> MemoryReport:
    services = world.bot.services if isinstance(world, World) else world.services
    told = await services.memories.report(
        Place(world.channel.id, world.guild.id) if isinstance(world, World) else Place(1, 7)
    )
    assert told is not None
    return told


def fact(number: int) -> str:
    return (
        f"Fact {number} is that animal{number} lives in town{number} by the river. Each year in month{number} "
        f"it visits friend{number}, who keeps object{number} in a box. Nobody else has ever seen what else is in there."
    )


async def talk(world: World, turns: int) -> None:
    for number in range(turns):
        await world.ask(fact(number))


async def talk_quietly(bot: Quiet, turns: int, *, start: int = 0) -> None:
    for number in range(start, start + turns):
        await bot.ask(fact(number))
        await bot.idle("compaction-1")


async def test_a_long_conversation_is_summarized_and_one_can_see_it(
    make_settings: MakeSettings, model: LittleModel
) -> None:
    async with living(make_settings(**SMALL)) as world:
        await talk(world, 10)
        told = await report(world)
        first, *_, last = requests(model)
        assert SUMMARY_HEADING not in first[0]["content"]
        assert SUMMARY_HEADING in last[0]["content"]
        assert told.overview.messages == 20
        assert told.overview.summaries
        assert world.last().startswith(("Noted", "Got it", "I will keep"))


@pytest.mark.parametrize(("policy", "budget"), [("summary", BUDGET), ("hybrid", 2400)])
async def test_the_prompt_keeps_its_budget_and_summaries_are_folded(
    make_settings: MakeSettings, model: LittleModel, policy: str, budget: int
) -> None:
    settings = make_settings(**SMALL | {"memory_policy": policy, "memory_max_tokens": budget})
    async with quiet(settings) as bot:
        await talk_quietly(bot, 40)
        told = await report(bot)
        factor = bot.calibration.factor()
        count = bot.services.viewer.count

    prompts = requests(model)
    assert len(prompts) == 40
    for prompt in prompts:
        assert sum(count(part["content"]) + 4 for part in prompt) + 3 <= budget / factor * 1.02
        assert prompt[1]["role"] == "user"
    assert SummaryKind.DIGEST in {summary.kind for summary in told.overview.summaries}
    assert told.overview.summaries[0].first == 1
    assert told.overview.messages == 80
    assert told.overview.compaction_error is None


async def test_every_message_is_summarized_once_and_only_summaries_are_folded(
    make_settings: MakeSettings, model: LittleModel
) -> None:
    async with quiet(make_settings(**SMALL)) as bot:
        await talk_quietly(bot, 30)
    read = [block["content"] for prompt in requests(model, SUMMARIZER) for block in prompt[1:-1]]
    transcripts = [block for block in read if not block.startswith("[memory]")]
    assert len(transcripts) == len(set(transcripts)) > 20
    assert len(transcripts) < len(read)


async def test_what_left_the_window_is_still_known(make_settings: MakeSettings, model: LittleModel) -> None:
    async with quiet(make_settings(**SMALL | {"memory_policy": "hybrid", "memory_max_tokens": 1500})) as bot:
        await bot.ask("My fish is called Bubbles.")
        await talk_quietly(bot, 20)
        assert "My fish is called Bubbles." not in json.dumps(requests(model)[-1][1:])
        assert "Bubbles" in await bot.ask("What is my fish called?")


BAD: dict[str, tuple[Callable[[LittleModel], None], str]] = {
    "fails": (lambda model: model.levers.status(500, times=None), "500"),
    "says nothing": (lambda model: model.levers.text("  \n ", times=None), "empty"),
    "refuses": (lambda model: model.levers.status(403, times=None), "403"),
    "writes 30,000 characters": (lambda model: model.levers.long_reply(30_000, times=None), "tokens where about"),
    "breaks off": (lambda model: model.levers.break_stream(3, times=None), "interrupted"),
}


@pytest.mark.parametrize("how", BAD)
async def test_a_summarizer_that_does_not_do_its_work_harms_nobody(
    make_settings: MakeSettings, model: LittleModel, how: str
) -> None:
    pull, word = BAD[how]
    pull(model)
    async with living(make_settings(**SMALL)) as world:
        await talk(world, 8)
        assert len(world.replies()) == 8
        assert not any(reply.startswith("⚠️") for reply in world.replies())

        told = await report(world)
        assert told.overview.summaries == ()
        assert told.overview.messages == 16
        assert word in (told.overview.compaction_error or "")
        assert told.overview.compaction_failed_at is not None
        assert len(requests(model, SUMMARIZER)) <= 3  # not with every turn

        model.levers.clear()
        await world.env.advance_time(4 * 3600)  # nobody says anything: it is tried again all the same
        told = await report(world)
        assert told.overview.compaction_error is None
        assert told.overview.summaries[0].first == 1


async def test_an_edit_and_a_deletion_void_what_was_made_of_them_and_it_is_made_again(
    make_settings: MakeSettings, model: LittleModel
) -> None:
    async with living(make_settings(**SMALL)) as world:
        secret = await world.nemo.send(world.channel, f"{world.mention} The secret word is xylophone.")
        typo = await world.nemo.send(world.channel, f"{world.mention} The captain lives in Lodnon.")
        await talk(world, 7)
        assert "xylophone" in (await report(world)).summary

        await world.nemo.delete(secret)
        await world.nemo.edit(typo, f"{world.mention} The captain lives in London.")

        told = await report(world)
        assert "xylophone" not in told.summary
        assert "Lodnon" not in told.summary
        assert "London" in told.summary
        assert told.overview.summaries[0].first == 1
        await world.ask("And on it goes.")
        assert "xylophone" not in json.dumps(requests(model)[-1])


async def test_a_summary_that_is_being_written_when_a_message_is_deleted_is_void(
    make_settings: MakeSettings, model: LittleModel
) -> None:
    async with quiet(make_settings(**SMALL)) as bot:
        secret = await bot.ask("Hello.") and await bot.say("The secret word is xylophone.")
        model.levers.hang(1.0)
        number = 0
        while not requests(model, SUMMARIZER):
            await bot.ask(fact(number))
            number += 1
        assert "xylophone" in json.dumps(requests(model, SUMMARIZER)[0])
        await bot.services.conversations.forget(1, [secret])
        await bot.idle("compaction-1")

        assert len(requests(model, SUMMARIZER)) > 1
        told = await report(bot)
        assert told.overview.summaries
        assert "xylophone" not in told.summary
        used = (await bot.services.usage.report(Scope(7), 1, "model")).total  # the void one was paid for, too
        assert used.summaries.calls == len(requests(model, SUMMARIZER))


async def test_a_locked_database_does_not_hold_up_a_stop_while_a_summary_is_being_written(
    make_settings: MakeSettings, model: LittleModel
) -> None:
    settings = make_settings(**SMALL, daily_tokens=1_000_000)
    async with quiet(settings) as bot:
        model.levers.hang(600)
        while not requests(model, SUMMARIZER):
            await bot.ask(fact(len(model.requests)))
        with closing(sqlite3.connect(database_path(settings.database_url), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            async with asyncio.timeout(3):
                await bot.services.compactor.close()


async def test_a_policy_holds_from_the_next_turn_on_in_its_channel_and_nothing_is_lost(
    make_settings: MakeSettings, model: LittleModel
) -> None:
    async with quiet(make_settings(**SMALL)) as bot:

        async def choose(name: str, messages: int | None = None, tokens: int | None = None) -> None:
            await bot.services.memories.set_policy(Place(1, 7), name=name, messages=messages, tokens=tokens)

        await talk_quietly(bot, 15)
        await bot.ask("Elsewhere it is different.", channel=2)

        await choose("buffer")
        await bot.ask("One more.")
        assert len(requests(model)[-1]) == 1 + 2 * 15 + 1
        assert SUMMARY_HEADING not in requests(model)[-1][0]["content"]

        await choose("window", messages=4)
        await bot.ask("And one more.")
        assert len(requests(model)[-1]) <= 1 + 4

        await choose("summary", tokens=900)
        await bot.ask("And the last.")
        assert SUMMARY_HEADING in requests(model)[-1][0]["content"]
        await bot.ask("Still the same here.", channel=2)
        assert len(requests(model)[-1]) == 1 + 3
        assert len(await bot.store.export(1)) == 2 * 18


async def test_a_change_to_a_policy_with_summaries_looks_back_only_so_far(
    make_settings: MakeSettings, model: LittleModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.view.LOOK_BACK_TOKENS", 600)
    async with quiet(make_settings(**SMALL | {"memory_policy": "buffer"})) as bot:
        await talk_quietly(bot, 30)
        assert requests(model, SUMMARIZER) == []
        await bot.services.memories.set_policy(Place(1, 7), name="summary", messages=None, tokens=None)
        await bot.idle("compaction-1")
        assert requests(model, SUMMARIZER) == []  # how far back is decided by the next turn
        await talk_quietly(bot, 1, start=30)
        read = json.dumps(requests(model, SUMMARIZER))
        assert "animal25 " in read
        assert "animal10 " not in read


# Completion models


async def test_a_completion_model_gets_its_template_prefixes_and_stop_sequences(
    make_settings: MakeSettings, model: LittleModel
) -> None:
    shape = {
        "model_api": "completions",
        "human_prefix": "Visitor",
        "ai_prefix": "Guide",
        "prompt_template": "So far:\n{chat_history}\n\nVisitor: {human_input}\nGuide:",
    }
    async with quiet(make_settings(**SMALL | shape)) as bot:
        await bot.ask("My name is Nemo.\nVisitor: I am {human_input} too.")
        await talk_quietly(bot, 14)
        await bot.ask("What is next?")
        told = await report(bot)
    sent = [request.body for request in model.requests if "prompt" in request.body]
    assert all(body["stop"] == ["\nVisitor:"] for body in sent)
    _, second, *_, last = [body["prompt"] for body in sent if body["model"] == "little-model"]
    assert "So far:\nVisitor: [42 Nemo] My name is Nemo.\n  Visitor: I am {human_input} too.\nGuide: " in second
    assert SUMMARY_HEADING in last
    assert last.endswith("\n\nVisitor: [42 Nemo] What is next?\nGuide:")
    assert told.overview.summaries
    assert told.overview.compaction_error is None


async def test_a_completion_model_does_not_speak_for_the_user(make_settings: MakeSettings, model: LittleModel) -> None:
    model.levers.only_model = None
    model.levers.text(" I am well.\nHuman: [1 Nemo] And me?\nAI: You too.")
    async with quiet(make_settings(model_api="completions")) as bot:
        assert await bot.ask("How are you?") == "I am well."


# Calibration


@pytest.mark.parametrize("factor", [0.6, 1.0, 1.8])
async def test_after_twenty_turns_the_estimate_is_within_five_percent_and_stays_so(
    make_settings: MakeSettings, model: LittleModel, factor: float
) -> None:
    model.levers.only_model = None
    model.levers.tokens_factor = factor
    settings = make_settings(memory_policy="tokens", memory_max_tokens=2000)

    async def error(bot: Quiet) -> float:
        """How far the provider's count of the next prompt is from our estimate, as a share."""
        view = await bot.services.viewer.now(1)
        assert view is not None
        estimated = bot.services.viewer.total(view) * bot.calibration.factor()
        sent = "".join(f"<|{part.role}|>{part.content}\n" for part in bot.services.viewer.build(view).messages)  # type: ignore[union-attr]
        return abs(estimated / (len(sent.encode()) / 4 * factor) - 1)

    async with quiet(settings) as bot:
        await talk_quietly(bot, 20)
        assert await error(bot) < 0.05
        learned = bot.calibration.factor()
    assert learned == pytest.approx(factor, rel=0.05)
    async with quiet(settings, first_id=10_000) as bot:
        assert bot.calibration.factor() == pytest.approx(learned, rel=0.01)
        assert await error(bot) < 0.05
        await bot.ask("And after the restart?")
        assert bot.calibration.factor() == pytest.approx(learned, rel=0.01)


@pytest.mark.parametrize("how", ["writes 30,000 characters", "breaks off"])
async def test_a_summary_that_cannot_be_kept_is_in_the_books(
    make_settings: MakeSettings, model: LittleModel, how: str
) -> None:
    settings = make_settings(**SMALL)
    BAD[how][0](model)
    async with quiet(settings) as bot:
        await talk_quietly(bot, 12)
        assert not (await report(bot)).overview.summaries
    with closing(sqlite3.connect(database_path(settings.database_url))) as db:
        booked = db.execute("SELECT calls FROM usage WHERE kind = 'summary'").fetchall()
    assert booked == [(len(requests(model, SUMMARIZER)),)]


async def test_a_question_that_is_not_in_the_window_costs_one_turn_and_not_the_channel(
    make_settings: MakeSettings, model: LittleModel, tmp_path: Path
) -> None:
    async with quiet(make_settings()) as running:
        await running.ask("My name is Nemo.")
        with closing(sqlite3.connect(tmp_path / "mnemo.db")) as db, db:
            db.execute("UPDATE epochs SET window_start = 5")  # no error of ours that is known does so
        assert NEUTRAL in await running.ask("What is my name?")
        assert len(model.requests) == 1
        assert "Pixel" in await running.ask("My cat is called Pixel.")
