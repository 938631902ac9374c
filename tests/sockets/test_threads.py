"""`/thread` while Discord fails: however often a request is made, there is one thread, with one first message."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cogs.threads import WITHOUT, WITHOUT_A_PART
from playground.discord.records import ChannelType
from tests.sockets.conftest import Stage


def threads(stage: Stage, channel: int) -> list[int]:
    return [each.id for each in stage.world.state.channels.values() if each.parent_id == channel and each.is_thread]


async def open_thread(stage: Stage, channel: int) -> Any:
    interaction = await stage.world.slash(stage.nemo, channel, "thread", {"name": "Kelp matters"})
    return await interaction.wait_answered(timeout=30)


async def test_there_is_one_thread_whatever_fails_on_the_way(stage: Stage) -> None:
    channel = stage.channel()
    await stage.start()
    await stage.until(lambda: stage.recall("SELECT 1 FROM seen"))
    await stage.ask(channel, "My favorite is the kelp.")
    await stage.until(lambda: stage.idle)
    levers = stage.discord.levers
    levers.fail("POST", f"/channels/{channel}/messages/*/threads", status=500, after=True)
    levers.cut("POST", f"/channels/{channel}/messages", after=True)
    levers.fail("PUT", "/channels/*/thread-members/*", status=500)
    answered = await open_thread(stage, channel)
    [thread] = threads(stage, channel)
    assert f"<#{thread}>" in str(answered.message)
    assert stage.world.state.channels[thread].type == ChannelType.PUBLIC_THREAD
    assert stage.nemo in stage.world.state.channels[thread].member_ids
    assert sum("goes on from here" in said for said in stage.shown(channel)) == 1
    panels = [one for one in stage.replies(thread) if one["components"]]
    assert len(panels) == 1
    assert "2 messages" in str(panels)
    assert stage.recall("SELECT parent_id FROM channels WHERE id = ?", thread) == [channel]
    assert await stage.bots[-1].stop() == 0
    assert stage.bots[-1].trouble == []


@pytest.mark.parametrize(("status", "code"), [(403, 50013), (400, 160006)])
async def test_where_discord_refuses_the_thread_nothing_is_left(stage: Stage, status: int, code: int) -> None:
    channel = stage.channel()
    await stage.start()
    await stage.until(lambda: stage.recall("SELECT 1 FROM seen"))
    await stage.ask(channel, "My favorite is the kelp.")
    await stage.until(lambda: stage.idle)
    body = {"code": code, "message": "Not now."}
    stage.discord.levers.fail("POST", f"/channels/{channel}/messages/*/threads", status=status, body=body)
    answered = await open_thread(stage, channel)
    assert "did not let me open a thread" in str(answered.message)
    assert threads(stage, channel) == []
    assert not any("goes on from here" in said for said in stage.shown(channel))
    assert stage.recall("SELECT 1 FROM summaries") == []
    assert await stage.bots[-1].stop() == 0


async def ready(stage: Stage, **settings: object) -> int:
    """Start the bot, and return a channel where it heard of the kelp, at length."""
    channel = stage.channel()
    await stage.start(**settings)
    await stage.until(lambda: stage.recall("SELECT 1 FROM seen"))
    await stage.ask(channel, "My favorite is the kelp. " * 60)
    await stage.until(lambda: stage.idle)
    return channel


async def begun_while_edited(stage: Stage, channel: int) -> str:
    """Open a thread, edit the first message while it is summarized, and return what the thread says of its beginning."""
    stage.model.levers.hold()
    calls = len(stage.model.requests)
    opening = asyncio.create_task(open_thread(stage, channel))
    await stage.until(lambda: len(stage.model.requests) > calls)
    first = stage.world.messages(channel)[0]
    await stage.world.edit(stage.nemo, channel, int(first["id"]), f"<@{stage.world.bot_id}> I have no favorite.")
    await stage.until(lambda: stage.recall("SELECT 1 FROM messages WHERE content LIKE '%no favorite%'"))
    stage.model.levers.door.set()
    await opening
    [thread] = threads(stage, channel)
    assert await stage.bots[-1].stop() == 0
    assert stage.bots[-1].trouble == []
    [panel] = [one["components"] for one in stage.replies(thread) if one["components"]]
    return str(panel)


async def test_what_is_edited_while_it_is_summarized_is_told_to_be_missing(stage: Stage) -> None:
    channel = await ready(stage)
    assert WITHOUT in await begun_while_edited(stage, channel)
    assert stage.recall("SELECT 1 FROM summaries") == []


async def test_of_several_summaries_the_one_that_was_made_in_vain_is_told_to_be_missing(stage: Stage) -> None:
    channel = await ready(stage, memory_policy="tokens", memory_max_tokens=1_000)
    await stage.ask(channel, "My school is the reef. " * 60)
    await stage.until(lambda: stage.idle)
    told = await begun_while_edited(stage, channel)
    assert WITHOUT_A_PART in told
    assert "**2 messages**" in told
    [text] = stage.recall("SELECT text FROM summaries")
    assert "kelp" not in text
