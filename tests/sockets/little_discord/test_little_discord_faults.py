"""Levers, rate limits, unknown routes, and what survives a restart."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import discord
import pytest

from playground.discord import LittleDiscord, World, WorldInUse


async def test_an_error_before_and_after_the_effect(
    world: World, server: LittleDiscord, channel: discord.TextChannel, general: int
) -> None:
    server.levers.fail("POST", "/channels/*/messages", status=503)
    with pytest.raises(discord.DiscordServerError):
        await channel.send("lost")
    assert [m["content"] for m in world.messages(general)][-1:] != ["lost"]
    server.levers.fail("POST", "/channels/*/messages", status=503, after=True, body="<html>")
    with pytest.raises(discord.DiscordServerError):
        await channel.send("kept", nonce="1")
    assert world.messages(general)[-1]["content"] == "kept"
    assert (await channel.send("kept", nonce="1")).id == int(world.messages(general)[-1]["id"])
    assert [r.status for r in server.requests if r.method == "POST"] == [503, 503, 200]


async def test_a_connection_that_is_cut(
    world: World, server: LittleDiscord, channel: discord.TextChannel, general: int
) -> None:
    server.levers.cut("POST", "/channels/*/messages", after=True)
    with pytest.raises(aiohttp.ClientConnectionError):
        await channel.send("there")
    assert world.messages(general)[-1]["content"] == "there"
    assert server.requests[-1].status is None
    server.levers.fail("POST", "/channels/**", status=None)
    with pytest.raises(aiohttp.ClientConnectionError):
        await channel.send("not there")
    assert world.messages(general)[-1]["content"] == "there"


async def test_a_hanging_request_and_a_429_go_on(
    world: World, server: LittleDiscord, channel: discord.TextChannel
) -> None:
    server.levers.hang("POST", "/channels/*/messages", seconds=0.2)
    server.levers.fail("PATCH", "/channels/*/messages/*", status=429)
    before = time.monotonic()
    message = await channel.send("slow")
    assert time.monotonic() - before >= 0.2
    await message.edit(content="slower")
    assert [r.status for r in server.requests if r.method == "PATCH"] == [429, 200]


async def test_limits_are_enforced_when_asked_for(server: LittleDiscord, general: int, api: Any) -> None:
    async def send() -> tuple[int, Any]:
        return await api("POST", f"/channels/{general}/messages", {"content": "x"})

    assert {(await send())[0] for _ in range(20)} == {200}
    server.levers.enforce_limits()
    assert [(await send())[0] for _ in range(6)] == [200] * 5 + [429]
    headers = {"Authorization": f"Bot {World.BOT_TOKEN}"}
    async with api.session.post(
        f"{api.base}/channels/{general}/messages", json={"content": "x"}, headers=headers
    ) as response:
        body = await response.json()
        assert response.content_type == "application/json"
        assert response.headers["X-RateLimit-Remaining"] == "0"
        assert response.headers["X-RateLimit-Limit"] == "5"
        assert (response.headers["Via"], body["global"]) == ("1.1 google", False)
        assert 0 < body["retry_after"] <= 5
    answers = await asyncio.gather(*(api("GET", "/users/@me") for _ in range(60)))
    assert {status for status, _ in answers} == {200, 429}
    assert any(body.get("global") for _, body in answers)
    server.levers.clear()
    assert (await send())[0] == 200


async def test_discord_py_keeps_to_the_limits(
    world: World, server: LittleDiscord, channel: discord.TextChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    from playground.discord.limits import RATES, Rate

    monkeypatch.setitem(RATES, "create_message", Rate(2, 0.3))
    server.levers.enforce_limits()
    before = time.monotonic()
    for number in range(5):
        await channel.send(str(number))
    assert time.monotonic() - before >= 0.6
    assert {r.status for r in server.requests if r.method == "POST"} == {200}


@pytest.mark.parametrize(
    ("method", "path", "status", "named"),
    [
        ("GET", "/nowhere", 404, "GET /nowhere"),
        ("GET", "/channels/1/webhooks", 404, "/channels/1/webhooks"),
        ("PUT", "/users/@me", 405, "it takes GET"),
        ("GET", "/users/@me?verbose=1", 400, "verbose"),
        ("GET", "/channels/abc", 400, "channel_id"),
        ("GET", "/guilds/1", 404, "Unknown Guild"),
    ],
)
async def test_what_is_unknown_is_named(api: Any, method: str, path: str, status: int, named: str) -> None:
    got, answer = await api(method, path)
    assert got == status
    assert named in str(answer)


async def test_broken_json_and_forms(api: Any, general: int) -> None:
    url, headers = f"{api.base}/channels/{general}/messages", {"Authorization": f"Bot {World.BOT_TOKEN}"}
    async with api.session.post(url, data="{", headers=headers | {"Content-Type": "application/json"}) as response:
        assert (await response.json())["code"] == 50109
    form = aiohttp.FormData()
    form.add_field("surprise", b"x", filename="x")
    async with api.session.post(url, data=form, headers=headers) as response:
        assert (response.status, (await response.json())["code"]) == (400, 50035)
    assert (await api("POST", f"/channels/{general}/messages", ["x"]))[1]["code"] == 50035


async def test_a_world_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "world.sqlite"
    world = World.open(path)
    world.seed()
    nemo, general = world.user_id("nemo"), world.channel_id("general")
    said = await world.say(nemo, general, "remember me", attachments=[("a.txt", "text/plain", b"a")])
    gone = await world.say(nemo, general, "forget me")
    await world.react(nemo, general, int(said["id"]), "🐟")
    await world.delete(nemo, general, int(gone["id"]))
    before = (world.users, world.channels, world.messages(general), world.guild_id)
    world.close()
    again = World.open(path)
    again.seed()
    assert (again.users, again.channels, again.messages(general), again.guild_id) == before
    later = await again.say(nemo, general, "more")
    assert int(later["id"]) > int(gone["id"])
    again.close()


def test_a_world_survives_a_kill_and_is_locked_while_open(tmp_path: Path) -> None:
    path = tmp_path / "world.sqlite"
    script = f"""
import asyncio, os, pathlib
from playground.discord import World
world = World.open(pathlib.Path({str(path)!r}))
world.seed()
asyncio.run(world.say(world.user_id("nemo"), world.channel_id("general"), "last words"))
print("said", flush=True)
input()
"""
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == "said\n"
        with pytest.raises(WorldInUse):
            World.open(path)
        other.kill()
    world = World.open(path)
    assert world.messages(world.channel_id("general"))[-1]["content"] == "last words"
    world.close()
