"""Replies that are long, have tables, or were thought about first: what people see, and what memory keeps."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import discord
import pytest

from playground.model import LittleModel
from playground.model.tokens import count
from tests.journeys.conftest import MakeSettings, World, living
from tests.journeys.test_reply_buttons import buttons, reply
from tests.journeys.test_talking import prompts

PARAGRAPHS = "\n\n".join(
    f"Paragraph {number:03} tells of the wide sea, and of all that lives in it." for number in range(300)
)
TABLE = "| Fish | Age |\n|------|----:|\n| Nemo | 3 |\n| Dory | 12 |"


async def file_of(message: discord.Message) -> str:
    [attached] = message.attachments
    assert attached.filename == "reply.md"
    return (await attached.read()).decode()


def without_notes(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("-# "))


async def whole(world: World) -> str:
    """All that stands in the bot's messages and the file, without notes."""
    shown = world.replies()
    return " ".join(without_notes("\n".join([*shown, await file_of(reply(world))])).split())


def remembered(model: LittleModel) -> str:
    """The newest reply that the model was shown."""
    return [message["content"] for message in prompts(model)[-1] if message["role"] == "assistant"][-1]


async def test_a_very_long_reply_goes_on_in_a_file_and_is_remembered_whole(world: World, model: LittleModel) -> None:
    model.levers.text(PARAGRAPHS)
    await world.ask("Tell me everything")
    assert len(world.replies()) == 5
    assert "-# The reply goes on in the attached file, for " in world.last()
    assert await whole(world) == " ".join(PARAGRAPHS.split())
    assert buttons(reply(world)) == ["Retry"]
    await world.marlin.slash(world.channel, "memory policy", policy="buffer")
    await world.ask("Thank you.")
    assert remembered(model) == PARAGRAPHS


async def test_the_host_says_how_many_messages_a_reply_may_have(
    make_settings: MakeSettings, model: LittleModel
) -> None:
    async with living(make_settings(reply_max_chunks=1)) as world:
        model.levers.text(PARAGRAPHS)
        await world.ask("Tell me everything")
        assert len(world.replies()) == 1
        assert await whole(world) == " ".join(PARAGRAPHS.split())


async def test_a_shorter_reply_has_no_file_and_retrying_takes_the_file_away(world: World, model: LittleModel) -> None:
    model.levers.text(PARAGRAPHS)
    await world.ask("Tell me everything")
    assert len(reply(world).attachments) == 1
    model.levers.text(PARAGRAPHS[: len(PARAGRAPHS) // 3])
    await world.nemo.click(reply(world), label="Retry")
    assert 2 <= len(world.replies()) < 5
    assert all(not one.attachments for one in world.channel.history() if one.author != world.nemo.user)


async def test_retrying_a_reply_of_five_messages_puts_a_file_under_the_last(world: World, model: LittleModel) -> None:
    model.levers.text(PARAGRAPHS[:9000])
    await world.ask("Tell me much")
    model.levers.text(PARAGRAPHS)
    await world.nemo.click(reply(world), label="Retry")
    assert len(world.replies()) == 5
    assert await whole(world) == " ".join(PARAGRAPHS.split())


async def test_a_note_at_the_end_of_a_long_reply_stands_in_the_message(world: World, model: LittleModel) -> None:
    model.levers.text(PARAGRAPHS)
    model.levers.break_stream(after=4000)
    await world.ask("Tell me everything")
    assert len(world.replies()) == 5
    assert "broke off" in world.last()
    assert "broke off" not in await file_of(reply(world))


async def test_going_on_with_a_long_reply_leaves_one_file_with_all_of_it(world: World, model: LittleModel) -> None:
    model.levers.text(PARAGRAPHS)
    model.levers.break_stream(after=4000)
    await world.ask("Tell me everything")
    model.levers.text("And that is what the sea is like.")
    await world.nemo.click(reply(world), label="Continue")
    assert len(world.replies()) == 5
    assert "broke off" not in world.last()
    assert (await file_of(reply(world))).endswith("And that is what the sea is like.")
    assert (await whole(world)).startswith(" ".join(PARAGRAPHS[:15_000].split()))


async def test_a_table_is_shown_aligned_and_remembered_as_it_was_written(world: World, model: LittleModel) -> None:
    model.levers.text(f"Look:\n\n{TABLE}")
    assert await world.ask("Who lives there?") == "Look:\n\n```\nFish  Age\n----  ---\nNemo    3\nDory   12\n```"
    await world.ask("Thank you.")
    assert remembered(model) == f"Look:\n\n{TABLE}"


THOUGHTS = {
    "in tags": ("<think>Nobody may read of the wreck.</think>\n\nA fish.", None),
    "in long tags": ("\n<thinking>\nNobody may read of the wreck.\n</thinking>A fish.", None),
    "without the opening tag": ("Nobody may read of the wreck.\n</think>\n\nA fish.", None),
    "in a field": ("A fish.", "reasoning_content"),
    "in another field": ("A fish.", "reasoning"),
}


@pytest.mark.parametrize("thought", THOUGHTS)
async def test_reasoning_is_neither_shown_nor_remembered_and_is_billed(
    world: World, model: LittleModel, tmp_path: Path, thought: str
) -> None:
    text, field = THOUGHTS[thought]
    if field is not None:
        model.levers.reasoning_field = field
        model.levers.reasoning("Nobody may read of the wreck.")
    model.levers.text(text)
    assert await world.ask("Who is Nemo?") == "A fish."
    with closing(sqlite3.connect(tmp_path / "mnemo.db")) as db:
        assert db.execute("SELECT completion_tokens FROM usage").fetchone()[0] > count("Nobody may read of the wreck.")
    await world.ask("Thank you.")
    assert remembered(model) == "A fish."
    assert "wreck" not in str(model.requests[-1].body)


async def test_a_reply_that_is_only_reasoning_is_none(world: World, model: LittleModel) -> None:
    model.levers.text("<think>Hm. I wonder")
    assert (await world.ask("Who is Nemo?")).startswith("⚠️ The model answered nothing")
    model.levers.reasoning("Hm.")
    model.levers.empty()
    assert (await world.ask("Who is Nemo?")).startswith("⚠️ The model answered nothing")
    assert "Nemo" in await world.ask("My name is Nemo.")


@pytest.mark.parametrize("text", ["```\n<think>x</think>\n```", "It begins with <think>, and ends with </think>."])
async def test_an_answer_may_talk_of_the_tags(world: World, model: LittleModel, text: str) -> None:
    model.levers.text(text)
    assert await world.ask("How do models think?") == text


@pytest.mark.parametrize("thought", ["<think>Let me think.", "Let me think.\n"])
async def test_a_summary_has_no_reasoning_in_it(make_settings: MakeSettings, model: LittleModel, thought: str) -> None:
    async with living(make_settings(memory_policy="summary", memory_max_tokens=1020)) as world:
        for number in range(12):
            await world.ask(
                f"Fact {number} is that animal{number} lives in town{number} by the river, and likes it there."
            )
        model.levers.text(f"{thought}</think>\nAnimals live in towns.")
        await world.marlin.slash(world.channel, "memory summarize")
        await world.ask("Thank you.")
    assert "Let me think" not in str(model.requests[-1].body)
    assert "Animals live in towns." in str(model.requests[-1].body)
