"""The bot joins servers: it says hello once, where it may write, and never because it merely comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playground.discord import Permission, guilds
from tests.sockets.conftest import Stage, play

MESSAGES = "/channels/*/messages"


def invite(stage: Stage) -> None:
    """Let the bot, which was removed, join the server."""
    stage.world.add_bot()


def tell_of_server(stage: Stage) -> None:
    state = stage.world.state
    guild = state.guild(stage.world.guild_id)
    state.hub.dispatch("GUILD_CREATE", guilds.whole(state, guild, with_members=False))


def told(message: dict[str, Any]) -> str:
    """The texts of a panel."""
    (frame,) = message["components"]
    return "\n".join(part["content"] for part in frame["components"] if "content" in part)


def hellos(stage: Stage) -> list[int]:
    """The channels where the bot said something, once for each message."""
    return [channel for channel in stage.world.channels for _ in stage.replies(channel)]


async def restart(stage: Stage) -> None:
    """Start the bot again, and see that it hears what is said."""
    bot = await stage.start()
    await stage.answer(private := stage.world.dm(stage.nemo), await stage.say(private, "Are you there?"))
    assert await bot.stop() == 0


async def it_says_hello_once_and_shows_what_is_possible(stage: Stage) -> None:
    bot = await stage.start()
    general = stage.world.channel_id("general")
    assert hellos(stage) == []
    stage.world.remove_member(stage.world.bot_id)
    invite(stage)
    (hello,) = await stage.until(lambda: stage.replies(general))
    for words in ("Hello, I am Mnemo", f"Mention <@{stage.world.bot_id}>", "I remember what is said to me", "/help"):
        assert words in told(hello)

    thread = stage.world.channel_id("a-thread")
    await stage.world.slash(stage.nemo, thread, "help")
    (mine,) = await stage.until(lambda: [one for one in private(stage, thread) if one["components"]])
    assert "Mention" in told(mine)
    assert "What you can do" in told(mine)
    tell_of_server(stage)  # Discord tells of it again
    assert "“Here we are.”" in await stage.ask(general, "Here we are.")
    assert await bot.stop() == 0
    await restart(stage)
    assert len(stage.replies(general)) == 2
    assert [len(stage.replies(one)) for one in stage.world.channels if one != general].count(1) == 1


def private(stage: Stage, channel: int) -> list[dict[str, Any]]:
    """What only Nemo sees in a channel."""
    public = {one["id"] for one in stage.world.messages(channel)}
    return [one for one in stage.world.messages(channel, viewer_id=stage.nemo) if one["id"] not in public]


async def an_outage_is_no_joining(stage: Stage) -> None:
    await stage.start()
    stage.world.state.hub.dispatch("GUILD_DELETE", {"id": str(stage.world.guild_id), "unavailable": True})
    tell_of_server(stage)
    general = stage.world.channel_id("general")
    await stage.ask(general, "Are you back?")
    assert len(hellos(stage)) == 1


async def a_lost_answer_doubles_nothing(stage: Stage) -> None:
    await stage.start()
    stage.world.remove_member(stage.world.bot_id)
    stage.discord.levers.cut("POST", MESSAGES, after=True, times=2)
    invite(stage)
    await stage.until(lambda: len(stage.requests("POST", stage.world.channel_id("general"))) == 3)
    await stage.ask(stage.channel(), "Are you there?")
    assert hellos(stage).count(stage.world.channel_id("general")) == 1


async def a_death_doubles_nothing(stage: Stage) -> None:
    bot = await stage.start()
    stage.world.remove_member(stage.world.bot_id)
    stage.discord.levers.hang("POST", MESSAGES, seconds=30, after=True)
    invite(stage)
    await stage.until(lambda: hellos(stage))
    await bot.kill()
    await restart(stage)
    assert hellos(stage).count(stage.world.channel_id("general")) == 1


async def where_it_may_not_write_it_says_nothing(stage: Stage) -> None:
    await stage.start()
    world = stage.world
    world.remove_member(world.bot_id)
    general, random = (world.channel_id(name) for name in ("general", "random"))
    world.set_permissions(general, world.guild_id, deny=Permission.SEND_MESSAGES)
    invite(stage)
    await stage.until(lambda: hellos(stage))
    assert hellos(stage) == [random]
    world.remove_member(world.bot_id)
    world.set_permissions(random, world.guild_id, deny=Permission.VIEW_CHANNEL)
    invite(stage)
    private = world.dm(stage.nemo)
    await stage.answer(private, await stage.say(private, "Are you there?"))
    assert hellos(stage) == [random, private]


async def test_the_bot_says_hello_once_for_each_joining(tmp_path: Path) -> None:
    await play(
        tmp_path,
        it_says_hello_once_and_shows_what_is_possible,
        an_outage_is_no_joining,
        a_lost_answer_doubles_nothing,
        a_death_doubles_nothing,
        where_it_may_not_write_it_says_nothing,
    )
