"""`/thread` while Discord fails: however often a request is made, there is one thread, with one first message."""

from __future__ import annotations

from typing import Any

import pytest

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
