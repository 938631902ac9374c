"""The gateway: identify, intents, resume, heartbeats, and what the levers do to it."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import discord
import pytest
import yarl

from playground.discord import LittleDiscord, World

Connect = Callable[[discord.Client], Awaitable[discord.Client]]


async def test_ready_brings_the_guild_and_what_is_in_it(
    world: World, connect: Connect, new_client: discord.Client, nemo: int
) -> None:
    client = await connect(new_client)
    assert world.bot_online
    [guild] = client.guilds
    assert (guild.name, guild.member_count) == ("Mnemo Playground", 4)
    assert {channel.name for channel in guild.text_channels} == {"general", "random"}
    assert [thread.name for thread in guild.threads] == ["a-thread"]
    assert {role.name for role in guild.roles} == {"@everyone", "Mnemo", "Admin", "Moderator"}
    assert [member.id for member in guild.members] == [world.bot_id]
    [found] = await guild.query_members("nem")
    assert found.id == nemo
    assert client.application_flags.gateway_message_content_limited
    assert (await client.application_info()).name == "Mnemo"
    assert not (await guild.fetch_member(nemo)).guild_permissions.administrator
    assert (await guild.fetch_member(world.user_id("marlin"))).guild_permissions.administrator
    await client.change_presence(status=discord.Status.idle)


async def test_all_members_come_with_the_intent(world: World, connect: Connect, new_client: discord.Client) -> None:
    client = discord.Client(intents=discord.Intents.all(), guild_ready_timeout=0, chunk_guilds_at_startup=False)
    await connect(client)
    [guild] = client.guilds
    await guild.chunk()
    assert {member.name for member in guild.members} == {"Mnemo", "owner", "nemo", "marlin"}
    world.add_member(world.create_user("dory", display_name="Dory"))
    assert (await client.wait_for("member_join", timeout=2)).display_name == "Dory"


async def test_a_wrong_token_is_refused(
    connect: Connect, new_client: discord.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(World, "BOT_TOKEN", "wrong")
    with pytest.raises(discord.LoginFailure):
        await connect(new_client)


@pytest.mark.parametrize("lever", ["switch", "code"])
async def test_without_the_intent_content_is_refused_or_hidden(
    world: World,
    server: LittleDiscord,
    connect: Connect,
    new_client: discord.Client,
    nemo: int,
    general: int,
    lever: str,
) -> None:
    if lever == "switch":
        server.levers.message_content_intent(False)
    else:
        server.levers.refuse_identify(4014)
    with pytest.raises(discord.PrivilegedIntentsRequired):
        await connect(new_client)
    server.levers.refuse_identify(None)

    client = await connect(discord.Client(intents=discord.Intents.default(), guild_ready_timeout=0))
    await world.say(nemo, general, "for somebody else")
    assert (await client.wait_for("message", timeout=2)).content == ""
    await world.say(nemo, general, f"<@{world.bot_id}> for you")
    assert (await client.wait_for("message", timeout=2)).content.endswith("for you")
    await world.say(nemo, world.dm(nemo), "in private")
    assert (await client.wait_for("message", timeout=2)).content == "in private"
    if lever == "switch":
        assert not (await client.application_info()).flags.gateway_message_content_limited
        channel = client.get_channel(general)
        assert isinstance(channel, discord.TextChannel)
        assert [m.content async for m in channel.history(limit=2)][1] == ""


@pytest.mark.parametrize("code", [None, 4000, 1001])
async def test_events_missed_while_disconnected_are_replayed(
    world: World,
    server: LittleDiscord,
    connect: Connect,
    new_client: discord.Client,
    nemo: int,
    general: int,
    code: int | None,
) -> None:
    client = new_client
    heard: list[str] = []
    resumed = asyncio.Event()

    @client.event
    async def on_message(message: discord.Message) -> None:
        heard.append(message.content)

    @client.event
    async def on_resumed() -> None:
        resumed.set()

    await connect(client)
    await world.say(nemo, general, "before")
    await client.wait_for("message", timeout=2)
    server.levers.drop_gateway(code)
    with world.watch() as events:
        async for event in events:
            if event.kind == "BOT_STATUS" and not event.data["online"]:
                break
    await world.say(nemo, general, "meanwhile")
    async with asyncio.timeout(5):
        await resumed.wait()
    await world.say(nemo, general, "after")
    await client.wait_for("message", check=lambda m: m.content == "after", timeout=2)
    assert heard == ["before", "meanwhile", "after"]


async def test_a_forgotten_session_starts_anew(
    world: World, server: LittleDiscord, connect: Connect, new_client: discord.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await connect(new_client)

    async def at_once(*_: Any, **__: Any) -> None:
        """discord.py waits five seconds before it identifies again."""

    monkeypatch.setattr(client, "before_identify_hook", at_once)
    server.levers.forget_sessions()
    server.levers.ask_reconnect()
    await client.wait_for("ready", timeout=5)
    assert client.guilds


class Raw:
    """A gateway client that says exactly what it is told."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self._inflate = zlib.decompressobj()

    async def say(self, op: int, data: Any) -> None:
        await self.socket.send_str(json.dumps({"op": op, "d": data}))

    async def hear(self) -> Any:
        message = await self.socket.receive(timeout=2)
        if message.type is aiohttp.WSMsgType.BINARY:
            return json.loads(self._inflate.decompress(message.data))
        return json.loads(message.data) if message.type is aiohttp.WSMsgType.TEXT else message

    async def close_code(self) -> int | None:
        while not self.socket.closed:
            await self.socket.receive(timeout=2)
        return self.socket.close_code


IDENTIFY = {"token": World.BOT_TOKEN, "intents": 1, "properties": {}}


@pytest.mark.parametrize(
    ("payloads", "code"),
    [
        ([(2, IDENTIFY | {"token": "wrong"})], 4004),
        ([(2, IDENTIFY | {"intents": 1 << 40})], 4013),
        ([(2, IDENTIFY | {"shard": [1, 1]})], 4010),
        ([(2, IDENTIFY), (2, IDENTIFY)], 4005),
        ([(3, {})], 4003),
        ([(99, None)], 4001),
        ([(4, {})], 4001),
        ([(2, None)], 4002),
        ([(2, "x" * 5000)], 4002),
        ([(2, IDENTIFY | {"surprise": 1})], 4002),
        ([(6, {"token": World.BOT_TOKEN})], 4002),
        ([(2, IDENTIFY), (8, {"guild_id": "1", "query": "", "limit": 0})], 4014),
    ],
)
async def test_close_codes(server: LittleDiscord, payloads: list[Any], code: int) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(server.gateway_url + "?v=10&encoding=json") as socket,
    ):
        raw = Raw(socket)
        assert (await raw.hear())["op"] == 10
        for op, data in payloads:
            await raw.say(op, data)
        assert await raw.close_code() == code


@pytest.mark.parametrize(
    ("query", "code"), [("v=9", 4012), ("v=10&encoding=etf", 4002), ("v=10&compress=zstd-stream", 4002)]
)
async def test_other_dialects_are_refused(server: LittleDiscord, query: str, code: int) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{server.gateway_url}?{query}") as socket:
        assert await Raw(socket).close_code() == code


async def test_heartbeats_are_acknowledged_and_missed_ones_end_the_connection(world: World) -> None:
    async with (
        LittleDiscord(world, heartbeat_seconds=0.1) as server,
        aiohttp.ClientSession() as session,
        session.ws_connect(server.gateway_url + "?v=10&compress=zlib-stream") as socket,
    ):
        raw = Raw(socket)
        assert (await raw.hear())["d"]["heartbeat_interval"] == 100
        await raw.say(1, None)
        assert (await raw.hear())["op"] == 11
        assert await raw.close_code() == 4009


async def test_an_acknowledgement_takes_its_way_and_holds_nothing_up(server: LittleDiscord) -> None:
    """Answered at once, discord.py takes the time since the heartbeat before for its latency."""
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(server.gateway_url + "?v=10") as socket:
            raw, clock = Raw(socket), asyncio.get_running_loop()
            await raw.hear()
            started = clock.time()
            await raw.say(1, None)
            await raw.say(2, IDENTIFY | {"intents": 0})
            assert [(await raw.hear())["op"] for _ in range(2)] == [0, 11]
            assert 0.02 < clock.time() - started < 1
            await raw.say(1, None)
            server.levers.silence_gateway()
            with pytest.raises(TimeoutError):
                await socket.receive(timeout=0.2)
        async with session.ws_connect(server.gateway_url + "?v=10") as socket:
            await Raw(socket).say(1, None)
        await asyncio.sleep(0.1)  # the time of an acknowledgement that nobody waits for
        async with session.ws_connect(server.gateway_url + "?v=10") as socket:
            assert (await Raw(socket).hear())["op"] == 10


async def test_resume_is_exact(world: World, server: LittleDiscord, nemo: int, general: int) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(server.gateway_url + "?v=10") as socket:
            raw = Raw(socket)
            await raw.hear()
            await raw.say(2, IDENTIFY | {"intents": 1 << 9})
            ready = await raw.hear()
            await world.say(nemo, general, "one")
            assert (await raw.hear())["s"] == 2
            await world.say(nemo, general, "two")
            await socket.close(code=4000)
        resume = {"token": World.BOT_TOKEN, "session_id": ready["d"]["session_id"], "seq": 2}
        for seq, expected in ((2, ["MESSAGE_CREATE", "RESUMED"]), (4, ["RESUMED"])):
            async with session.ws_connect(server.gateway_url + "?v=10") as socket:
                raw = Raw(socket)
                await raw.hear()
                await raw.say(6, resume | {"seq": seq})
                assert [(await raw.hear())["t"] for _ in expected] == expected
                await socket.close(code=4000 if seq == 2 else 1000)
        async with session.ws_connect(server.gateway_url + "?v=10") as socket:
            raw = Raw(socket)
            await raw.hear()
            await raw.say(6, resume)
            assert await raw.hear() == {"op": 9, "d": False, "s": None, "t": None}


async def test_who_says_too_much_is_sent_away_when_limits_are_enforced(server: LittleDiscord) -> None:
    server.levers.enforce_limits()
    async with aiohttp.ClientSession() as session, session.ws_connect(server.gateway_url + "?v=10") as socket:
        raw = Raw(socket)
        for _ in range(121):
            await raw.say(1, None)
        assert await raw.close_code() == 4008
        async with session.ws_connect(server.gateway_url + "?v=10") as other:
            await other.send_str("no json")
            assert await Raw(other).close_code() == 4002


async def test_a_client_finds_its_way_back_after_a_restart_of_the_server(
    world: World, new_client: discord.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sessions are gone then, so it identifies anew."""
    readies: asyncio.Queue[int] = asyncio.Queue()

    @new_client.event
    async def on_ready() -> None:
        readies.put_nowait(1)

    async def at_once(*_: Any, **__: Any) -> None:
        """discord.py waits five seconds before it identifies again."""

    monkeypatch.setattr(new_client, "before_identify_hook", at_once)
    monkeypatch.setattr(discord.backoff.ExponentialBackoff, "delay", lambda _: 0.02)
    async with LittleDiscord(world) as server:
        port = int(server.api_url.split(":")[2].split("/")[0])
        monkeypatch.setattr(discord.http.Route, "BASE", server.api_url)
        monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(server.gateway_url))
        running = asyncio.create_task(new_client.start(World.BOT_TOKEN))
        await asyncio.wait_for(readies.get(), 3)
    assert not world.bot_online
    async with new_client, LittleDiscord(world, port=port):
        await asyncio.wait_for(readies.get(), 3)
        assert world.bot_online
    await running
