"""Continue under a reply that was cut: by the model's limit, by a broken connection; for who asked and for moderators."""

from __future__ import annotations

import json

import discord
import pytest
import simcord

from bot import chunks
from bot.errors import UserFacingError
from bot.prompt import GO_ON
from playground.model import LittleModel, brain
from playground.model.reading import read_chat
from tests.journeys.conftest import MakeSettings, World, living
from tests.journeys.shown import shown_last
from tests.journeys.test_reply_buttons import GONE, NOT_YOURS, booked, buttons, reply

BEGINNING = "There was a fish who swam and swam and sw"
REST = "swam, until there was no sea."
WHOLE = "There was a fish who swam and swam and swam, until there was no sea."
BROKEN = "\n-# The model's connection broke off here."


async def cut(world: World, model: LittleModel, text: str = BEGINNING) -> discord.Message:
    """Let Nemo ask, and the connection break after *text*."""
    model.levers.text(text)
    model.levers.end_early(10_000)
    await world.ask("What is it?")
    return reply(world)


async def go_on(who: simcord.MemberActor, message: discord.Message) -> str:
    """Press Continue, and return what only the one who pressed was told."""
    clicked = await who.click(message, label="Continue")
    return "".join(told.content for told in clicked.followups)


async def remembered(world: World) -> list[str]:
    """What memory keeps of the channel, as it is exported."""
    lines = await world.bot.services.memories.export(world.channel.id, "jsonl")
    return [json.loads(line)["content"] for line in (lines or "").splitlines()]


async def test_who_asked_lets_it_go_on_and_memory_keeps_the_whole_as_one(world: World, model: LittleModel) -> None:
    first = await cut(world, model)
    assert (first.content, buttons(first)) == (BEGINNING + BROKEN, ["Continue", "Retry"])
    model.levers.text(REST)
    assert await go_on(world.nemo, first) == ""
    assert [(reply(world).id, reply(world).content)] == [(first.id, WHOLE)]
    assert (world.replies(), buttons(reply(world))) == ([WHOLE], ["Retry"])
    asked = model.requests[-1].body["messages"]
    assert asked[:-2] == model.requests[-2].body["messages"]
    assert asked[-2:] == [
        {"role": "assistant", "content": "There was a fish who swam and swam and"},
        {"role": "user", "content": GO_ON},
    ]
    assert (await remembered(world))[1:] == [WHOLE]
    await world.ask("And now?")
    assert [one["content"] for one in model.requests[-1].body["messages"] if one["role"] == "assistant"] == [WHOLE]


async def test_without_the_question_who_asked_reads_that_it_is_gone(world: World, model: LittleModel) -> None:
    model.levers.text(BEGINNING)
    model.levers.end_early(10_000)
    said = await world.nemo.send(world.channel, f"{world.mention} What is it?")
    await world.nemo.delete(said)
    assert await go_on(world.nemo, reply(world)) == GONE
    assert buttons(reply(world)) == []


async def test_the_limit_of_the_model_cuts_too_as_often_as_there_is_more(
    make_settings: MakeSettings, model: LittleModel
) -> None:
    async with living(make_settings(reply_max_tokens=200)) as world:
        await world.ask("Show me some long code")
        asked = [(one["role"], one["content"]) for one in model.requests[0].body["messages"]]
        whole = brain.reply(read_chat(asked))
        presses = 0
        while buttons(reply(world)) == ["Continue", "Retry"]:
            presses += 1
            assert await go_on(world.nemo, reply(world)) == ""
        assert presses > 1
        assert (await remembered(world))[1:] == [whole]
        assert world.replies() == chunks.cut(whole)
        assert len(world.replies()) > 1


async def test_a_moderator_may_and_a_stranger_may_not(world: World, model: LittleModel) -> None:
    pearl = world.guild.add_member(world.env.create_user("Pearl"))
    first = await cut(world, model)
    assert await go_on(pearl, first) == NOT_YOURS
    assert (reply(world).content, buttons(reply(world))) == (BEGINNING + BROKEN, ["Continue", "Retry"])
    model.levers.text(REST)
    assert await go_on(world.marlin, first) == ""
    assert world.replies() == [WHOLE]


async def test_who_pressed_in_the_moment_when_it_became_whole_is_told_so(world: World, model: LittleModel) -> None:
    first = await cut(world, model)
    model.levers.text(REST)
    await go_on(world.nemo, first)
    with pytest.raises(UserFacingError, match="This reply is whole"):
        await world.bot.services.reply_actions.go_on(first.id, may=lambda _: True)
    assert (world.replies(), buttons(reply(world))) == ([WHOLE], ["Retry"])


async def test_after_a_newer_reply_or_a_reset_it_says_so(world: World, model: LittleModel) -> None:
    first = await cut(world, model)
    second = await cut(world, model)
    assert await go_on(world.nemo, first) == "I can only change my newest reply here: ask again instead."
    assert buttons(reply(world, 2)) == []
    question = await world.marlin.slash(world.channel, "memory reset")
    await world.marlin.click(shown_last(question), label="Start afresh")
    told = await go_on(world.nemo, second)
    assert told == "The memory of this channel was reset since this reply: ask again instead."
    assert world.replies() == [BEGINNING + BROKEN] * 2


async def test_without_the_message_that_it_answers_it_says_so(world: World, model: LittleModel) -> None:
    model.levers.text(BEGINNING)
    model.levers.end_early(10_000)
    said = await world.nemo.send(world.channel, f"{world.mention} What is it?")
    await world.nemo.delete(said)
    assert (await go_on(world.marlin, reply(world))).startswith(
        "Of this reply, or of what it answers, something was deleted"
    )


async def test_a_model_that_fails_leaves_what_there_was(world: World, model: LittleModel) -> None:
    first = await cut(world, model)
    model.levers.empty()
    assert await go_on(world.nemo, first) == ""
    error = "\n-# ⚠️ The model answered nothing: try again, or say it in other words."
    assert (world.replies(), buttons(reply(world))) == ([BEGINNING + error], ["Continue", "Retry"])
    assert (await remembered(world))[1:] == [BEGINNING]
    model.levers.text(REST)
    assert await go_on(world.nemo, first) == ""
    assert (world.replies(), buttons(reply(world))) == ([WHOLE], ["Retry"])


async def test_a_code_block_that_was_cut_goes_on_over_messages(world: World, model: LittleModel) -> None:
    lines = [f"print({number})  # the number {number}" for number in range(100)]
    code = "\n".join(["Look:", "```python", *lines, "```", "That is all."])
    half = code.index("print(50)") + 5
    first = await cut(world, model, code[:half])
    assert first.content.endswith("```" + BROKEN)
    model.levers.text("```python\n" + code[code.index("print(50)") :])
    await go_on(world.nemo, first)
    assert (await remembered(world))[1:] == [code]
    assert all(text.count("```") == 2 for text in world.replies())
    shown = "\n".join(text.removesuffix("\n```").removeprefix("```python\n") for text in world.replies())
    assert shown == code
    assert [buttons(one) for one in world.channel.history()[-len(world.replies()) :]] == [[], ["Retry"]]


async def test_every_part_is_booked(world: World, model: LittleModel) -> None:
    await cut(world, model)
    once = await booked(world)
    assert once > 0
    model.levers.text(REST)
    await go_on(world.nemo, reply(world))
    assert await booked(world) > 2 * once


async def test_after_retry_nothing_is_left_to_go_on_with(world: World, model: LittleModel) -> None:
    first = await cut(world, model)
    model.levers.text("It is a fish.")
    await world.nemo.click(first, label="Retry")
    assert (world.replies(), buttons(reply(world))) == (["It is a fish."], ["Retry"])


async def test_a_completion_model_goes_on_with_its_text(make_settings: MakeSettings, model: LittleModel) -> None:
    async with living(make_settings(model_api="completions")) as world:
        first = await cut(world, model)
        model.levers.text(" swam, until there was no sea.")
        await go_on(world.nemo, first)
        assert world.replies() == [WHOLE]
        assert model.requests[-1].body["prompt"].endswith("\nAI: There was a fish who swam and swam and")


async def test_of_a_very_long_beginning_the_model_gets_the_end(make_settings: MakeSettings, model: LittleModel) -> None:
    async with living(make_settings(memory_max_tokens=1_000)) as world:
        beginning = " ".join(f"The fish number {number} swam." for number in range(600))
        await cut(world, model, f"{beginning} And th")
        model.levers.text("then they stopped.")
        await go_on(world.nemo, reply(world))
        assert (await remembered(world))[1:] == [f"{beginning} And then they stopped."]
        *_, said, begun, _ = (one["content"] for one in model.requests[-1].body["messages"])
        assert "What is it?" in said
        assert begun.endswith("The fish number 599 swam. And")
        assert 1_000 < len(begun) < len(beginning) / 2
