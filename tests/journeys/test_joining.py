"""The bot is invited to a server: what people read then. Coming back and failing are in ``tests/sockets/test_joining.py``."""

from __future__ import annotations

import discord
import pytest
from simcord.backend import serializers

from tests.journeys.conftest import MakeSettings, World, living
from tests.journeys.shown import panel_of, text_of


async def invite(world: World) -> None:
    """Let the bot be removed from the server, and invited again: now there are channels."""
    backend = world.env.backend
    backend.emit("GUILD_DELETE", {"id": str(world.guild.id)})
    backend.emit("GUILD_CREATE", serializers.guild_create_payload(backend, backend.get_guild(world.guild.id)))
    await world.env.settle()


async def test_it_says_what_it_does_what_it_remembers_and_how_to_talk_to_it(world: World) -> None:
    assert world.channel.history() == []
    await invite(world)
    (hello,) = world.channel.history()
    text = panel_of(hello)
    assert "Hello, I am" in text
    assert "each channel, thread and direct message has a memory of its own" in text
    assert f"**Talk to me.** Mention {world.mention}, or reply to one of my messages." in text
    assert "I remember what is said to me and what I answer, and nothing else." in text
    assert "Who manages this server can let me remember, or answer, every message instead: `/channel`." in text
    assert "`/help`" in text
    assert not hello.content


@pytest.mark.parametrize(
    ("mode", "words"), [("listen", "Mention"), ("all", "Just write: I answer every message here.")]
)
async def test_it_does_as_the_host_set_it(make_settings: MakeSettings, mode: str, words: str) -> None:
    async with living(make_settings(reply_mode=mode)) as world:
        await invite(world)
        text = panel_of(world.channel.history()[0])
        assert words in text
        assert "I remember every message of a person" in text
        assert "Who manages this server" not in text


async def test_the_hello_is_no_part_of_the_conversation(world: World) -> None:
    await invite(world)
    assert "Nemo" in await world.ask("My name is Nemo.")
    shown = await world.nemo.slash(world.channel, "memory show")
    assert "**Messages** 2" in text_of(shown)


async def test_where_it_may_write_nowhere_it_says_nothing(world: World) -> None:
    assert world.bot.user is not None
    hidden = world.guild.create_text_channel(
        "hidden", overwrites={world.bot.user: discord.PermissionOverwrite(view_channel=False)}
    )
    world.env.backend.delete_channel(world.channel.id)
    await invite(world)
    assert hidden.history() == []
