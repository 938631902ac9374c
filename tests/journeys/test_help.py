"""`/help`: what each caller reads in each place, and that it says of every command what is so."""

from __future__ import annotations

from typing import Any

import discord
import pytest
import simcord
from discord import app_commands

from bot.errors import NotPermitted
from bot.panels import PANEL_LENGTH
from cogs.help import I_AM_MUTE, YOU_ARE_MUTE
from tests.journeys.conftest import MakeSettings, World, living
from tests.journeys.shown import text_of

Slash = app_commands.Command[Any, ..., Any]

FOR_PRIVACY = {f"privacy {name}" for name in ("me", "forget-me", "opt-out", "opt-in", "policy")}
FOR_ALL = {"usage", "thread", "memory show", "memory search"} | FOR_PRIVACY


async def help_for(actor: simcord.MemberActor, channel: simcord.ChannelHandle) -> str:
    result = await actor.slash(channel, "help")
    assert result.ephemeral
    return text_of(result)


def slash_commands(world: World) -> dict[str, Slash]:
    return {one.qualified_name: one for one in world.bot.tree.walk_commands() if isinstance(one, app_commands.Command)}


def listed(world: World, text: str) -> set[str]:
    """The commands that a help lists as possible."""
    possible = text.partition("### What you can do\n")[2].partition("\n-#")[0]
    return {name for name in slash_commands(world) if f"`/{name}`" in possible}


async def test_a_member_reads_how_to_talk_what_is_remembered_and_the_own_commands(world: World) -> None:
    text = await help_for(world.nemo, world.channel)
    assert f"Mention {world.mention}, or reply to one of my messages." in text
    assert "Stop while I write it, Retry after, and Continue if it was cut." in text
    assert "I remember what is said to me and what I answer, and nothing else." in text
    assert "hybrid: a summary, the newest turns, recalled passages, up to 4,000 tokens" in text
    assert "`/memory search` Search what I remember in this channel" in text
    assert listed(world, text) == FOR_ALL
    assert "Whoever hosts me keeps what I remember" in text


async def test_a_manager_reads_of_more(world: World) -> None:
    text = await help_for(world.marlin, world.channel)
    assert listed(world, text) > FOR_ALL
    assert "`/memory reset` Start afresh in this channel" in text


async def test_in_a_direct_message_everything_is_ones_own(world: World) -> None:
    result = await world.nemo.user.slash("help")
    text = text_of(result)
    assert "Just write: I answer every message here." in text
    assert "I remember what you write here and what I answer." in text
    assert "memory reset" in listed(world, text)


@pytest.mark.parametrize(
    ("mode", "talk", "memory"),
    [
        ("listen", "Mention ", "I remember every message of a person"),
        ("all", "Just write: I answer every message here.", "I remember every message of a person"),
    ],
)
async def test_it_says_what_holds_in_the_reply_mode(
    make_settings: MakeSettings, mode: str, talk: str, memory: str
) -> None:
    async with living(make_settings(reply_mode=mode)) as world:
        text = await help_for(world.nemo, world.channel)
        assert talk in text
        assert memory in text


async def test_it_says_what_holds_in_this_channel(world: World) -> None:
    await world.marlin.slash(world.channel, "memory policy", policy="window")
    assert "by this channel's policy: window" in await help_for(world.nemo, world.channel)
    other = world.guild.create_text_channel("other")
    assert "by this channel's policy: hybrid" in await help_for(world.nemo, other)


async def test_where_one_of_the_two_may_not_write_it_says_so(world: World) -> None:
    assert world.bot.user is not None
    never = discord.PermissionOverwrite(send_messages=False)
    for name, who, sentence in (("a", world.bot.user, I_AM_MUTE), ("b", world.nemo, YOU_ARE_MUTE)):
        quiet = world.guild.create_text_channel(name, overwrites={who: never})
        text = await help_for(world.nemo, quiet)
        assert sentence in text
        assert "Mention" not in text
    assert "Mention" in await help_for(world.marlin, quiet)


async def test_the_list_follows_the_command_tree(world: World) -> None:
    reef = app_commands.Group(name="reef", description="Where we live")

    @reef.command(description="Who lives there")
    async def who(interaction: discord.Interaction) -> None: ...

    @world.bot.tree.context_menu(name="Quote this")
    async def quote(interaction: discord.Interaction, message: discord.Message) -> None: ...

    world.bot.tree.add_command(reef)
    text = await help_for(world.nemo, world.channel)
    assert "`/reef who` Who lives there" in text
    assert "In a message's menu, under **Apps**: Ask about this, Forget this, Quote this" in text
    assert "`/privacy policy` tells more." in text


async def test_what_is_for_servers_only_is_not_listed_in_a_direct_message(world: World) -> None:
    @world.bot.tree.command(description="For servers")
    @app_commands.guild_only()
    async def public(interaction: discord.Interaction) -> None: ...

    @world.bot.tree.command(description="For two")
    @app_commands.allowed_contexts(guilds=False, dms=True)
    async def private(interaction: discord.Interaction) -> None: ...

    assert listed(world, await help_for(world.nemo, world.channel)) == FOR_ALL | {"public"}
    alone = listed(world, text_of(await world.nemo.user.slash("help")))
    assert "private" in alone
    assert "public" not in alone


async def test_more_commands_than_a_panel_takes_are_listed_by_name(world: World) -> None:
    for number in range(50):
        world.bot.tree.command(name=f"command-{number}", description="x" * 90)(nothing)
    text = await help_for(world.marlin, world.channel)
    assert len(text) <= PANEL_LENGTH
    assert "`/command-49`" in text
    assert listed(world, text) >= {f"command-{number}" for number in range(50)} | FOR_ALL


async def nothing(interaction: discord.Interaction) -> None:
    """A command of a test."""


async def test_what_is_listed_may_be_used_and_nothing_else(world: World) -> None:
    no_history = world.guild.create_role("Newcomers", permissions=discord.Permissions.none())
    hidden = discord.PermissionOverwrite(read_message_history=False)
    channel = world.guild.create_text_channel("reef", overwrites={no_history: hidden})
    newcomer = world.guild.add_member(world.env.create_user("Dory"), roles=[no_history])
    for actor in (world.nemo, world.marlin, newcomer):
        offered = listed(world, await help_for(actor, channel))
        for name, command in slash_commands(world).items():
            if name != "help":
                assert await is_refused(world, actor, channel, command) == (name not in offered), (actor, name)


async def is_refused(world: World, actor: simcord.MemberActor, channel: simcord.ChannelHandle, command: Slash) -> bool:
    """Use a command, with a value for each option that it needs."""
    values: dict[discord.AppCommandOptionType, object] = {discord.AppCommandOptionType.string: "reef"}
    needed = {one.name: values[one.type] for one in command.parameters if one.required}
    before = world.env.error_cursor
    await actor.slash(channel, command.qualified_name, **needed)
    return any(isinstance(error, NotPermitted) for error in world.env.errors_since(before))
