"""Levers of the gateway, and limits of every scope: what a client sees when they are pulled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import discord
import pytest

from playground.discord import LittleDiscord, World

Connect = Callable[[discord.Client], Awaitable[discord.Client]]


@pytest.fixture
def heard(new_client: discord.Client) -> list[str]:
    """What the client hears, in order."""
    events: list[str] = []

    @new_client.event
    async def on_message(message: discord.Message) -> None:
        events.append(message.content)

    @new_client.event
    async def on_raw_message_delete(payload: discord.RawMessageDeleteEvent) -> None:
        events.append("deleted")

    @new_client.event
    async def on_resumed() -> None:
        events.append("resumed")

    return events


async def until(seen: Callable[[], Any]) -> None:
    async with asyncio.timeout(8):
        while True:
            if seen():
                return
            await asyncio.sleep(0.01)


async def test_events_are_held_and_released_in_any_order(
    world: World,
    server: LittleDiscord,
    connect: Connect,
    new_client: discord.Client,
    heard: list[str],
    nemo: int,
    general: int,
) -> None:
    await connect(new_client)
    server.levers.hold_events()
    message = await world.say(nemo, general, "one")
    await world.delete(nemo, general, int(message["id"]))
    await world.say(nemo, general, "two")
    await asyncio.sleep(0.05)
    assert heard == []
    server.levers.release_events(lambda held: [*held[::-1], held[-1]])
    await until(lambda: len(heard) == 4)
    assert heard == ["two", "deleted", "one", "two"]
    await world.say(nemo, general, "three")
    await until(lambda: heard[-1] == "three")


async def test_a_replay_may_overlap(
    world: World,
    server: LittleDiscord,
    connect: Connect,
    new_client: discord.Client,
    heard: list[str],
    nemo: int,
    general: int,
) -> None:
    await connect(new_client)
    await world.say(nemo, general, "delivered")
    await until(lambda: heard)
    server.levers.overlap_replay(1)
    server.levers.ask_reconnect()
    await until(lambda: "resumed" in heard)
    assert heard == ["delivered", "delivered", "resumed"]
    assert len(server.resumes) == 1


@pytest.mark.parametrize("resumable", [True, False])
async def test_a_session_is_invalidated(
    server: LittleDiscord,
    connect: Connect,
    new_client: discord.Client,
    monkeypatch: pytest.MonkeyPatch,
    resumable: bool,
) -> None:
    async def at_once(*_: Any, **__: Any) -> None:
        """discord.py waits five seconds before it identifies again."""

    monkeypatch.setattr(new_client, "before_identify_hook", at_once)
    await connect(new_client)
    server.levers.invalidate_session(resumable=resumable)
    await until(lambda: len(server.resumes) + len(server.identifies) == 2)
    assert len(server.resumes) == resumable


async def test_a_silent_gateway_hears_and_says_nothing(
    world: World,
    server: LittleDiscord,
    connect: Connect,
    new_client: discord.Client,
    heard: list[str],
    nemo: int,
    general: int,
) -> None:
    await connect(new_client)
    server.levers.silence_gateway()
    await world.say(nemo, general, "lost")
    await asyncio.sleep(0.1)
    assert heard == []
    assert world.bot_online
    server.levers.drop_gateway()
    await until(lambda: heard)
    assert heard[0] == "lost"


@pytest.mark.parametrize(("how", "op"), [("invalid", "IDENTIFY"), ("dropped", "RESUME")])
async def test_every_identify_fails(
    server: LittleDiscord, new_client: discord.Client, how: Any, op: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_once(*_: Any, **__: Any) -> None:
        """discord.py waits five seconds before it identifies again."""

    monkeypatch.setattr(new_client, "before_identify_hook", at_once)
    server.levers.fail_identify(how)
    async with new_client:
        running = asyncio.create_task(new_client.start(World.BOT_TOKEN))
        await until(lambda: len(server.identifies) >= 3)
        assert bool(server.resumes) is (op == "RESUME")
        await new_client.close()
        await asyncio.wait([running])


async def test_session_starts_are_counted_once_a_lever_limits_them(
    server: LittleDiscord, api: Any, connect: Connect
) -> None:
    def client() -> discord.Client:
        return discord.Client(intents=discord.Intents.none(), guild_ready_timeout=0)

    await connect(client())
    assert (await api("GET", "/gateway/bot"))[1]["session_start_limit"]["remaining"] == 1000
    server.levers.limit_session_starts(remaining=1, reset_after=0.5)
    await connect(client())
    told = (await api("GET", "/gateway/bot"))[1]["session_start_limit"]
    assert (told["total"], told["remaining"], told["max_concurrency"]) == (1000, 0, 1)
    assert 0 < told["reset_after"] <= 500
    with pytest.raises(discord.ConnectionClosed) as closed:
        await connect(client())
    assert closed.value.code == 4004
    await asyncio.sleep(0.5)
    told = (await api("GET", "/gateway/bot"))[1]["session_start_limit"]
    assert told["remaining"] == 1000
    assert told["reset_after"] > 86_000_000


@pytest.mark.parametrize("scope", ["user", "global", "shared"])
async def test_limits_of_every_scope(server: LittleDiscord, api: Any, scope: Any) -> None:
    server.levers.limit("GET", "/users/@me", retry_after=1.5, scope=scope)
    async with api.session.get(f"{api.base}/users/@me") as response:
        assert response.status == 429
        assert (response.headers["X-RateLimit-Scope"], response.headers["Retry-After"]) == (scope, "2")
        assert response.headers["Via"]
        body = await response.json()
        assert (body["retry_after"], body["global"]) == (1.5, scope == "global")
    assert (await api("GET", "/users/@me"))[0] == 200


async def test_a_ban_by_the_proxy_is_a_page_without_its_mark(server: LittleDiscord, api: Any) -> None:
    server.levers.limit("GET", "/users/@me", retry_after=3, via=False)
    async with api.session.get(f"{api.base}/users/@me") as response:
        assert (response.status, response.content_type, response.headers["Retry-After"]) == (429, "text/html", "3")
        assert "Via" not in response.headers
