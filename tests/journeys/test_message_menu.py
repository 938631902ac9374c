"""A message's own menu: *Forget this*, for who wrote the message, for moderators, and for nobody else."""

from __future__ import annotations

import discord
import pytest
import simcord

from cogs.message_menu.forget import FORGOT_REPLY, FORGOT_WORDS, NOT_REMEMBERED, NOT_YOURS
from tests.journeys.conftest import World
from tests.journeys.shown import text_of
from tests.journeys.test_privacy import asked_of, says


async def forget(world: World, actor: simcord.MemberActor, message: discord.Message) -> str:
    result = await actor.context_menu(world.channel, "Forget this", message)
    assert result.ephemeral
    return text_of(result)


def said_in(world: World, text: str) -> discord.Message:
    return next(message for message in world.channel.history() if text in message.content)


def last_reply(world: World) -> discord.Message:
    return [message for message in world.channel.history() if message.author == world.bot.user][-1]


async def test_ones_own_message_leaves_memory_with_its_reply_and_nothing_else_does(world: World) -> None:
    await says(world, world.nemo, "My favorite is the kelp.")
    await says(world, world.nemo, "My school is the reef.")
    assert await forget(world, world.nemo, said_in(world, "kelp")) == FORGOT_WORDS
    prompt = await asked_of(world)
    assert "kelp" not in prompt
    assert "reef" in prompt
    assert "**Messages** 2" in text_of(await world.nemo.slash(world.channel, "memory show"))
    assert said_in(world, "kelp"), "on Discord it stays"
    assert await forget(world, world.nemo, said_in(world, "kelp")) == NOT_REMEMBERED


async def test_others_messages_and_replies_are_not_for_everybody(world: World) -> None:
    await says(world, world.marlin, "Mine is the coral.")
    assert await forget(world, world.nemo, said_in(world, "Mine is")) == NOT_YOURS
    assert await forget(world, world.nemo, last_reply(world)) == NOT_YOURS
    assert "Manage Messages, Manage Channels or Manage Server" in NOT_YOURS
    assert "coral" in await asked_of(world)


@pytest.mark.parametrize("permission", ["manage_messages", "manage_channels", "manage_guild"])
async def test_moderators_and_managers_may_forget_anything(world: World, permission: str) -> None:
    role = world.guild.create_role("Mods", permissions=discord.Permissions(**{permission: True}))
    gill = world.guild.add_member(world.env.create_user("Gill"), roles=[role])
    await says(world, world.nemo, "My favorite is the kelp.")
    assert await forget(world, gill, last_reply(world)) == FORGOT_REPLY
    assert "**Messages** 1" in text_of(await world.nemo.slash(world.channel, "memory show"))
    assert await forget(world, gill, last_reply(world)) == NOT_REMEMBERED
    assert await forget(world, gill, said_in(world, "My favorite")) == FORGOT_WORDS
    assert "kelp" not in await asked_of(world)


async def test_losing_the_role_takes_effect_at_once(world: World) -> None:
    await says(world, world.nemo, "My favorite is the kelp.")
    world.env.backend.remove_member_role(world.guild.id, world.marlin.id, world.guild.roles["Managers"].id)
    assert await forget(world, world.marlin, said_in(world, "My favorite")) == NOT_YOURS


async def test_what_was_never_remembered(world: World) -> None:
    await world.nemo.send(world.channel, "This is not for the bot.")
    assert await forget(world, world.nemo, said_in(world, "not for the bot")) == NOT_REMEMBERED
