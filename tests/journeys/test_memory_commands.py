"""`/memory`: who may, what they see, and that a reset can be undone."""

from __future__ import annotations

import discord
import pytest
import simcord

from cogs.memory.reset import NOTHING_LEFT
from playground.model import LittleModel
from tests.journeys.conftest import MakeSettings, World, living
from tests.journeys.shown import panel_of, shown_last, text_of


async def reset(
    world: World,
    actor: simcord.MemberActor,
    button: str = "Start afresh",
    channel: simcord.ChannelHandle | None = None,
) -> str:
    """Ask for a reset, press *button*, and return what the question says then."""
    channel = channel or world.channel
    asked = await actor.slash(channel, "memory reset")
    question = shown_last(asked)
    await actor.click(question, label=button)
    return panel_of(next(m for m in channel.history(viewer=actor) if m.id == question.id))


async def test_show_tells_messages_tokens_policy_and_budget(world: World) -> None:
    await world.ask("My name is Nemo.")
    shown = await world.nemo.slash(world.channel, "memory show")
    assert shown.ephemeral
    text = text_of(shown)
    assert "**Messages** 2" in text
    assert "hybrid: a summary, the newest turns, recalled passages, up to 4,000 tokens" in text
    assert "**Since** <t:" in text
    assert "%" in text


async def test_show_in_a_channel_without_memory(world: World) -> None:
    assert "nothing" in text_of(await world.nemo.slash(world.channel, "memory show"))


async def test_reset_asks_then_starts_afresh_and_restore_brings_it_back(world: World) -> None:
    await world.ask("My name is Nemo.")

    outcome = await reset(world, world.marlin)
    assert "2 messages" in outcome
    assert "<t:" in outcome
    assert "Nemo" not in (await world.ask("What did I call myself?")).replace("[", "")

    restored = await world.marlin.slash(world.channel, "memory restore")
    assert "2 messages" in text_of(restored)
    assert "Nemo" in await world.ask("What is my name?")


@pytest.mark.parametrize(("grace", "told"), [(24, "1 message is put away until"), (0, "1 message is deleted for good")])
async def test_one_message_is_told_as_one(make_settings: MakeSettings, grace: float, told: str) -> None:
    async with living(make_settings(reply_mode="listen", reset_grace_hours=grace)) as world:
        await world.nemo.send(world.channel, "My name is Nemo.")
        outcome = await reset(world, world.marlin)
        assert told in outcome
        assert ("brings it back" in outcome) == (grace > 0)


async def test_where_the_last_message_was_deleted_before_the_click_nothing_is_put_away(
    make_settings: MakeSettings,
) -> None:
    async with living(make_settings(reply_mode="listen")) as world:
        said = await world.nemo.send(world.channel, "My name is Nemo.")
        asked = await world.marlin.slash(world.channel, "memory reset")
        await world.nemo.delete(said)
        question = shown_last(asked)
        await world.marlin.click(question, label="Start afresh")
        [told] = [panel_of(one) for one in world.channel.history(viewer=world.marlin) if one.id == question.id]
        assert NOTHING_LEFT in told
        assert "nothing to restore" in text_of(await world.marlin.slash(world.channel, "memory restore"))


async def test_restore_swaps_so_that_what_was_said_since_is_not_lost(world: World) -> None:
    await world.ask("The code is 1111.")
    await reset(world, world.marlin)
    await world.ask("The code is 2222.")
    await world.marlin.slash(world.channel, "memory restore")
    await world.marlin.slash(world.channel, "memory restore")
    answer = await world.ask("What is the code?")
    assert "2222" in answer
    assert "1111" not in answer


async def test_restore_given_twice_throws_nothing_away(world: World) -> None:
    await world.ask("My name is Nemo.")
    await reset(world, world.marlin)
    assert "I remember again: 2 messages" in text_of(await world.marlin.slash(world.channel, "memory restore"))
    assert "Put away" not in text_of(await world.marlin.slash(world.channel, "memory show"))
    assert "nothing to restore" in text_of(await world.marlin.slash(world.channel, "memory restore"))
    assert "Nemo" in await world.ask("What is my name?")


async def test_keeping_changes_nothing(world: World) -> None:
    await world.ask("My name is Nemo.")
    assert await reset(world, world.marlin, "Keep it") == "Nothing was changed."
    assert "Nemo" in await world.ask("What is my name?")


async def test_who_does_not_manage_may_neither_reset_nor_restore(world: World) -> None:
    await world.ask("My name is Nemo.")
    for command in ("memory reset", "memory restore"):
        refused = await world.nemo.slash(world.channel, command)
        assert refused.ephemeral
        assert "You need the permission" in text_of(refused)
    assert "Nemo" in await world.ask("What is my name?")


async def test_losing_the_permission_takes_effect_at_the_click(world: World) -> None:
    await world.ask("My name is Nemo.")
    asked = await world.marlin.slash(world.channel, "memory reset")
    world.env.backend.remove_member_role(world.guild.id, world.marlin.id, world.guild.roles["Managers"].id)
    clicked = await world.marlin.click(shown_last(asked), label="Start afresh")
    assert "You need the permission" in text_of(clicked)
    assert "Nemo" in await world.ask("What is my name?")


async def test_an_outdated_question_resets_nothing(world: World) -> None:
    await world.ask("My name is Nemo.")
    first = await world.marlin.slash(world.channel, "memory reset")
    await reset(world, world.marlin)
    await world.ask("My name is Dory.")
    question = shown_last(first)
    await world.marlin.click(question, label="Start afresh")
    assert "Dory" in await world.ask("What is my name?")


async def test_in_a_direct_message_everybody_manages_their_own(world: World) -> None:
    await world.nemo.send_dm("My name is Nemo.")
    asked = await world.nemo.user.slash("memory reset")
    assert text_of(asked) == "## Start afresh?\nForget the 2 messages that I remember here?"


async def test_restore_without_a_reset_says_so(world: World) -> None:
    assert "nothing to restore" in text_of(await world.marlin.slash(world.channel, "memory restore"))


async def test_a_grace_of_zero_deletes_at_once(make_settings: MakeSettings) -> None:
    async with living(make_settings(reset_grace_hours=0)) as world:
        await world.ask("My name is Nemo.")
        assert "deleted for good" in await reset(world, world.marlin)
        assert "nothing to restore" in text_of(await world.marlin.slash(world.channel, "memory restore"))


async def test_the_commands_answer_the_caller_only(world: World, model: LittleModel) -> None:
    await world.ask("My name is Nemo.")
    await world.marlin.slash(world.channel, "memory show")
    assert all(not message.flags.ephemeral for message in world.channel.history(viewer=world.nemo))
    assert isinstance(world.channel.last_message, discord.Message)
