"""A seeded little Discord for each test, and the real discord.py connected to it. Nothing of Mnemo is involved."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp
import discord
import pytest
import yarl

from playground.discord import LittleDiscord, World


@pytest.fixture
def world() -> Iterator[World]:
    """A world in memory, with its people and channels."""
    world = World.open(None)
    world.seed()
    yield world
    world.close()


@pytest.fixture
async def server(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LittleDiscord]:
    """The little Discord, and discord.py pointed at it."""
    async with LittleDiscord(world) as server:
        monkeypatch.setattr(discord.http.Route, "BASE", server.api_url)
        monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(server.gateway_url))
        yield server


Connect = Callable[[discord.Client], Awaitable[discord.Client]]


@pytest.fixture
async def connect(server: LittleDiscord) -> AsyncIterator[Connect]:
    """Starts a client and waits until it is ready; closes it after the test."""
    async with AsyncExitStack() as stack:

        async def connect(client: discord.Client) -> discord.Client:
            await stack.enter_async_context(client)
            running = asyncio.create_task(client.start(World.BOT_TOKEN))
            stack.push_async_callback(asyncio.wait, [running])
            stack.push_async_callback(client.close)
            async with asyncio.timeout(5):
                while not client.is_ready():
                    if running.done():
                        running.result()
                    await asyncio.sleep(0.005)
            return client

        yield connect


@pytest.fixture
def new_client() -> discord.Client:
    """A client that reads messages, and does not wait for guilds that may still come; not yet connected."""
    intents = discord.Intents.default()
    intents.message_content = True
    return discord.Client(intents=intents, guild_ready_timeout=0)


@pytest.fixture
async def client(connect: Connect, new_client: discord.Client) -> discord.Client:
    """A connected client without handlers."""
    return await connect(new_client)


@dataclass
class Api:
    """Requests that discord.py would not send."""

    base: str
    session: aiohttp.ClientSession

    async def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """The status and the JSON of an answer."""
        headers = {"Authorization": f"Bot {World.BOT_TOKEN}"} | headers
        async with self.session.request(method, self.base + path, json=body, headers=headers) as response:
            text = await response.text()
            return response.status, json.loads(text) if text else None


@pytest.fixture
async def api(server: LittleDiscord) -> AsyncIterator[Api]:
    """The REST API, raw."""
    async with aiohttp.ClientSession() as session:
        yield Api(server.api_url, session)


@pytest.fixture
def nemo(world: World) -> int:
    """An ordinary member."""
    return world.user_id("nemo")


@pytest.fixture
def marlin(world: World) -> int:
    """An administrator."""
    return world.user_id("marlin")


@pytest.fixture
def general(world: World) -> int:
    """A channel."""
    return world.channel_id("general")


@pytest.fixture
def channel(client: discord.Client, general: int) -> discord.TextChannel:
    """#general, as the connected client has it."""
    channel = client.get_channel(general)
    assert isinstance(channel, discord.TextChannel)
    return channel
