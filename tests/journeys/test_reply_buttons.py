"""The button under a reply: Stop while it is written, Retry after, for who asked and for moderators."""

from __future__ import annotations

import discord
import pytest
import simcord

from bot.usage import Scope
from playground.model import LittleModel
from tests.journeys.conftest import MakeSettings, World, living
from tests.journeys.shown import shown_last

NOT_YOURS = "Only who asked, and who manages messages here, can do this."
ASK_AGAIN = "ask again instead."
GONE = "Of this reply, or of what it answers, something was deleted: ask again instead."


def reply(world: World, back: int = 1) -> discord.Message:
    """The bot's newest message, or one before it."""
    assert world.bot.user is not None
    return [one for one in world.channel.history() if one.author.id == world.bot.user.id][-back]


def buttons(message: discord.Message) -> list[str]:
    return [button.label or "" for row in message.components for button in row.children]  # type: ignore[union-attr]


async def asked(world: World, model: LittleModel, text: str) -> discord.Message:
    """Let Nemo ask, and the model answer *text*."""
    model.levers.text(text)
    await world.ask("What is it?")
    return reply(world)


async def retry(who: simcord.MemberActor, message: discord.Message) -> str:
    """Press Retry, and return what only the one who pressed was told."""
    clicked = await who.click(message, label="Retry")
    assert all(told.ephemeral for told in clicked.followups)
    return "".join(told.content for told in clicked.followups)


async def test_who_asked_has_it_written_anew_in_place_and_memory_keeps_only_the_last(
    world: World, model: LittleModel
) -> None:
    first = await asked(world, model, "It is a crab.")
    assert buttons(first) == ["Retry"]
    model.levers.text("It is a fish.")
    assert await retry(world.nemo, first) == ""
    assert (reply(world).id, reply(world).content) == (first.id, "It is a fish.")
    assert buttons(reply(world)) == ["Retry"]
    assert len(world.replies()) == 1
    await world.ask("And now?")
    prompt = str(model.requests[-1].body["messages"])
    assert "It is a fish." in prompt
    assert "crab" not in prompt


async def test_the_next_attempt_sees_what_the_first_saw(world: World, model: LittleModel) -> None:
    await asked(world, model, "It is a crab.")
    model.levers.text("It is a fish.")
    await retry(world.nemo, reply(world))
    first, second = (request.body["messages"] for request in model.requests[-2:])
    assert first == second


async def test_a_moderator_may_and_a_stranger_may_not(world: World, model: LittleModel) -> None:
    guild = world.guild
    pearl = guild.add_member(world.env.create_user("Pearl"))
    moderators = guild.create_role("Moderators", permissions=discord.Permissions(manage_messages=True))
    dory = guild.add_member(world.env.create_user("Dory"), roles=[moderators])
    first = await asked(world, model, "It is a crab.")
    assert await retry(pearl, first) == NOT_YOURS
    assert (reply(world).content, buttons(reply(world))) == ("It is a crab.", ["Retry"])
    for number, moderator in enumerate((dory, world.marlin)):
        model.levers.text(f"It is fish number {number}.")
        assert await retry(moderator, reply(world)) == ""
        assert reply(world).content == f"It is fish number {number}."


async def test_who_may_not_talk_here_any_more_has_nothing_written_anew(world: World, model: LittleModel) -> None:
    await asked(world, model, "It is a crab.")
    await world.bot.services.governance.set_access(world.guild.id, block_user=frozenset({world.nemo.id}))
    before = len(model.requests)
    assert "may not talk with you" in await retry(world.nemo, reply(world))
    assert len(model.requests) == before
    assert world.replies() == ["It is a crab."]


async def test_losing_the_permission_takes_effect_at_the_click(world: World, model: LittleModel) -> None:
    await asked(world, model, "It is a crab.")
    world.env.backend.remove_member_role(world.guild.id, world.marlin.id, world.guild.roles["Managers"].id)
    assert await retry(world.marlin, reply(world)) == NOT_YOURS


async def test_only_the_newest_reply_is_written_anew(world: World, model: LittleModel) -> None:
    first = await asked(world, model, "It is a crab.")
    await asked(world, model, "It is a fish.")
    assert await retry(world.nemo, first) == "I can only change my newest reply here: ask again instead."
    assert (buttons(reply(world, 2)), buttons(reply(world))) == ([], ["Retry"])
    assert world.replies() == ["It is a crab.", "It is a fish."]


async def test_after_a_reset_it_says_so_and_is_gone(world: World, model: LittleModel) -> None:
    first = await asked(world, model, "It is a crab.")
    question = await world.marlin.slash(world.channel, "memory reset")
    await world.marlin.click(shown_last(question), label="Start afresh")
    told = await retry(world.nemo, first)
    assert told == "The memory of this channel was reset since this reply: ask again instead."
    assert buttons(reply(world)) == []


async def test_without_the_message_that_it_answers_it_says_so(world: World, model: LittleModel) -> None:
    model.levers.text("It is a crab.")
    said = await world.nemo.send(world.channel, f"{world.mention} What is it?")
    await world.nemo.delete(said)
    assert (await retry(world.marlin, reply(world))).endswith(ASK_AGAIN)
    assert world.replies() == ["It is a crab."]


@pytest.mark.parametrize("by", ["deleting", "Forget this"])
async def test_without_the_question_who_asked_and_everybody_else_read_that_it_is_gone(
    world: World, model: LittleModel, by: str
) -> None:
    pearl = world.guild.add_member(world.env.create_user("Pearl"))
    for presses in (world.nemo, pearl):
        model.levers.text("It is a crab.")
        said = await world.nemo.send(world.channel, f"{world.mention} What is it?")
        if by == "deleting":
            await world.nemo.delete(said)
        else:
            await world.nemo.context_menu(world.channel, "Forget this", said)
        assert await retry(presses, reply(world)) == GONE
        assert buttons(reply(world)) == []


async def test_a_model_that_failed_is_asked_again_by_the_button(world: World, model: LittleModel) -> None:
    model.levers.empty()
    await world.ask("What is it?")
    assert buttons(reply(world)) == ["Retry"]
    model.levers.text("It is a fish.")
    assert await retry(world.nemo, reply(world)) == ""
    assert world.replies() == ["It is a fish."]


async def test_a_long_reply_becomes_a_short_one_and_nothing_is_left_of_it(world: World, model: LittleModel) -> None:
    await asked(world, model, "A long sentence about many fish. " * 100)
    assert len(world.replies()) == 2
    assert [buttons(reply(world, back)) for back in (2, 1)] == [[], ["Retry"]]
    model.levers.text("It is a fish.")
    assert await retry(world.nemo, reply(world)) == ""
    assert world.replies() == ["It is a fish."]
    assert buttons(reply(world)) == ["Retry"]


async def test_it_works_after_a_restart(make_settings: MakeSettings, model: LittleModel) -> None:
    async with living(make_settings()) as world:
        first = await asked(world, model, "It is a crab.")
        world.bot._connection._view_store._views.clear()
        world.bot._connection._view_store._synced_message_views.clear()
        model.levers.text("It is a fish.")
        assert await retry(world.nemo, first) == ""
        assert world.replies() == ["It is a fish."]


async def test_every_attempt_is_booked(world: World, model: LittleModel) -> None:
    await asked(world, model, "It is a crab.")
    once = await booked(world)
    model.levers.text("It is a crab.")
    await retry(world.nemo, reply(world))
    assert await booked(world) == 2 * once


async def booked(world: World) -> int:
    """The tokens that the books have of this server."""
    report = await world.bot.services.usage.report(Scope(world.guild.id), 7, "day")
    return report.total.tokens


async def test_in_a_direct_message_there_is_one_too(world: World, model: LittleModel) -> None:
    model.levers.text("It is a crab.")
    await world.nemo.send_dm("What is it?")
    dm = world.nemo.user.dm_channel.history()[-1]
    assert buttons(dm) == ["Retry"]
    model.levers.text("It is a fish.")
    await world.nemo.user.click(dm, label="Retry")
    assert world.nemo.user.dm_channel.history()[-1].content == "It is a fish."
