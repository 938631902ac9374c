"""The page's websocket: what a person's screen is told, and what it can do; and who may connect at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from playground.discord import Permission, World, commands, drafts, messages, responses
from playground.discord.drafts import Upload
from playground.discord.records import MessageFlag
from playground.page import Page, prompt

Json = dict[str, Any]
Client = TestClient[Any, Any]

EPHEMERAL = 64
MESSAGE = 4


@pytest.fixture
def world() -> World:
    opened = World.open(None)
    opened.seed()
    return opened


@pytest.fixture
async def client(world: World) -> AsyncIterator[Client]:
    app = aiohttp.web.Application()
    Page(world).mount(app)
    async with TestClient(TestServer(app)) as opened:
        yield opened
    world.close()


def _too_large_for_javascript(node: Any) -> Iterator[int]:
    """The numbers that a browser would round: ids, which are strings on Discord."""
    if isinstance(node, dict | list):
        for each in node.values() if isinstance(node, dict) else node:
            yield from _too_large_for_javascript(each)
    elif isinstance(node, int) and abs(node) >= 2**53:
        yield node


class Screen:
    """One person's websocket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        #: The kinds of all events so far.
        self.heard: set[str] = set()

    async def _hear(self) -> Json:
        frame: Json = await self._socket.receive_json(timeout=5)
        assert list(_too_large_for_javascript(frame)) == []
        return frame

    async def next(self, kind: str) -> Any:
        """The data of the next event of this kind."""
        while True:
            frame = await self._hear()
            self.heard.add(frame["kind"])
            if frame["kind"] == kind:
                return frame.get("data")

    async def ask(self, action: str, **fields: Any) -> Json:
        """The answer to a request."""
        await self._socket.send_json({"id": 1, "do": action, **fields})
        while True:
            frame = await self._hear()
            if frame["kind"] == "ANSWER":
                return frame
            self.heard.add(frame["kind"])


async def screen(client: Client, world: World, username: str) -> Screen:
    return Screen(await client.ws_connect(f"/play/ws?as={world.user_id(username)}"))


async def test_the_page_and_its_files_are_served_and_nothing_else(client: Client) -> None:
    page = await client.get("/")

    assert page.status == 200
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert (await client.get("/static/app.js")).content_type.endswith("/javascript")
    assert (await client.get("/static/../server.py")).status == 404
    assert (await client.get("/static/%2e%2e%2fserver.py")).status == 404


async def test_no_other_site_reaches_it_through_the_browser(client: Client) -> None:
    assert (await client.get("/", headers={"Host": "evil.example"})).status == 403
    with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
        await client.ws_connect("/play/ws", headers={"Origin": "https://evil.example"})


async def test_a_screen_starts_with_who_and_what_there_is(client: Client, world: World) -> None:
    welcome = await (await screen(client, world, "marlin")).next("WELCOME")

    assert welcome["me"]["username"] == "marlin"
    assert [person["username"] for person in welcome["people"]] == ["nemo", "marlin"]
    assert [channel["label"] for channel in welcome["channels"]] == ["#general", "#a-thread", "#random", "@Mnemo"]
    assert welcome["online"] is False


async def test_a_new_server_is_everybodys_and_the_bot_is_in_it(client: Client, world: World) -> None:
    nemo, marlin = await screen(client, world, "nemo"), await screen(client, world, "marlin")

    made = (await nemo.ask("found", name=" Great Reef "))["data"]

    guilds = await marlin.next("GUILDS")
    while len(guilds) < 2 or len(guilds[1]["members"]) < 3:
        guilds = await marlin.next("GUILDS")
    assert (guilds[1]["name"], guilds[1]["owner_id"]) == ("Great Reef", str(world.user_id("nemo")))
    here = [each for each in await marlin.next("CHANNELS") if each["guild_id"] == guilds[1]["id"]]
    assert [each["id"] for each in here] == [made["channel_id"]]
    assert "2 to 100 characters" in (await nemo.ask("found", name=" "))["error"]


async def test_roles_are_given_and_taken(client: Client, world: World) -> None:
    nemo, general = world.user_id("nemo"), world.channel_id("general")
    seen, other = await screen(client, world, "nemo"), await screen(client, world, "nemo")
    [guild] = (await seen.next("WELCOME"))["guilds"]
    admin = next(role["id"] for role in guild["roles"] if role["name"] == "Admin")

    for roles in ([admin], []):
        await seen.ask("roles", guild=guild["id"], user=str(nemo), roles=roles)
        assert world.may(nemo, general, Permission.ADMINISTRATOR) == bool(roles)
        assert (await other.next("CHANNELS"))[0]["may_delete"] == bool(roles)
    assert "no such role" in (await seen.ask("roles", guild=guild["id"], user=str(nemo), roles=["5"]))["error"]


async def test_media_of_a_layout_lie_here_or_are_left_where_they_are(client: Client, world: World) -> None:
    gallery = {
        "type": 12,
        "items": [{"media": {"url": url}} for url in ("attachment://a.png", "https://a.example/b.png")],
    }
    body = {"flags": MessageFlag.IS_COMPONENTS_V2, "components": [gallery, {"type": 10, "content": "**Two**"}]}
    general = world.channel_id("general")
    sent = messages.send(
        world.state, world.bot_id, general, drafts.draft(drafts.CREATE(body), {0: Upload("a.png", b"png")})
    )
    await world.say(world.user_id("nemo"), general, "Nice", reply_to=sent.id)
    nemo = await screen(client, world, "nemo")

    *_, shown, reply = (await nemo.ask("history", channel=str(general)))["data"]["messages"]
    own, foreign = (item["media"] for item in shown["components"][0]["items"])
    assert own["path"].endswith("/a.png")
    assert "path" not in foreign
    assert reply["referenced_message"]["preview"] == "Two"


async def test_what_one_says_the_other_sees(client: Client, world: World) -> None:
    nemo, marlin = await screen(client, world, "nemo"), await screen(client, world, "marlin")
    await marlin.next("WELCOME")

    await nemo.ask(
        "say", channel=str(world.channel_id("general")), content=f"**Hi**, <@{world.user_id('marlin')}>", files=[]
    )

    seen = await marlin.next("MESSAGE_CREATE")
    assert seen["html"] == '<p><strong>Hi</strong>, <span class="mention">@Marlin</span></p>'
    assert seen["author"]["username"] == "nemo"


async def test_a_reply_shows_what_it_answers_without_its_spoilers(client: Client, world: World) -> None:
    general = world.channel_id("general")
    first = await world.say(world.user_id("marlin"), general, "**He** dies ||in the end||")
    nemo = await screen(client, world, "nemo")

    await nemo.ask("say", channel=str(general), content="No!", reply_to=first["id"], files=[])

    history = (await nemo.ask("history", channel=str(general)))["data"]
    assert history["messages"][-1]["referenced_message"]["preview"] == "He dies ▇▇▇"


async def test_history_comes_in_pages(client: Client, world: World) -> None:
    random = world.channel_id("random")
    for number in range(60):
        await world.say(world.user_id("nemo"), random, f"message {number}")
    nemo = await screen(client, world, "nemo")

    newest = (await nemo.ask("history", channel=str(random)))["data"]
    older = (await nemo.ask("history", channel=str(random), before=newest["messages"][0]["id"]))["data"]

    assert newest["more"] is True
    assert newest["messages"][-1]["content"] == "message 59"
    assert [message["content"] for message in older["messages"]] == [f"message {number}" for number in range(10)]
    assert older["more"] is False


async def test_a_direct_message_is_seen_by_its_two_ends_only(client: Client, world: World) -> None:
    nemo, marlin = await screen(client, world, "nemo"), await screen(client, world, "marlin")
    await marlin.next("WELCOME")

    await nemo.ask("say", channel=str(world.dm(world.user_id("nemo"))), content="secret", files=[])
    await nemo.ask("say", channel=str(world.channel_id("random")), content="public", files=[])

    assert (await marlin.next("MESSAGE_CREATE"))["content"] == "public"


async def test_a_member_deletes_their_own_an_admin_any(client: Client, world: World) -> None:
    general = world.channel_id("general")
    said = await world.say(world.user_id("marlin"), general, "mine")
    nemo, marlin = await screen(client, world, "nemo"), await screen(client, world, "marlin")
    request = {"channel": str(general), "message": said["id"]}

    assert [(await each.next("WELCOME"))["channels"][0]["may_delete"] for each in (nemo, marlin)] == [False, True]
    assert (await nemo.ask("delete", **request))["error"] == "Missing Permissions"
    assert "error" not in await marlin.ask("delete", **request)
    assert (await nemo.next("MESSAGE_DELETE"))["id"] == said["id"]


async def test_a_refusal_is_a_sentence(client: Client, world: World) -> None:
    nemo = await screen(client, world, "nemo")
    general = str(world.channel_id("general"))

    empty = await nemo.ask("say", channel=general, content="", files=[])
    too_long = await nemo.ask("say", channel=general, content="x" * 4001, files=[])
    unknown = await nemo.ask("slash", channel=general, path="memory show", options={})

    assert empty["error"] == "Cannot send an empty message"
    assert too_long["error"] == "Must be 4000 or fewer in length."
    assert unknown["error"].startswith("Unknown application command")


async def test_files_arrive(client: Client, world: World) -> None:
    nemo = await screen(client, world, "nemo")
    file = {"filename": "reef.txt", "type": "text/plain", "base64": "Y29yYWw="}

    await nemo.ask("say", channel=str(world.channel_id("general")), content="", files=[file])

    attached = (await nemo.ask("history", channel=str(world.channel_id("general"))))["data"]["messages"][-1][
        "attachments"
    ][0]
    assert (attached["filename"], attached["size"]) == ("reef.txt", 5)


async def test_screens_are_hung_up_when_the_server_stops(world: World) -> None:
    app = aiohttp.web.Application()
    Page(world).mount(app)
    async with TestClient(TestServer(app)) as client:
        socket = await client.ws_connect("/play/ws")
        await socket.receive_json()
        await client.server.close()
        assert (await socket.receive(timeout=5)).type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED}
    world.close()


class Bot:
    """A stand-in that knows `/memory prompt` alone; the number of messages in the channel is its total."""

    def __init__(self, world: World) -> None:
        self.askers: list[str] = []
        self.is_silent = False
        self._world = world
        world.state.bot_online = True
        world.state.hub.gateway_sinks.append(self._hear)
        subcommand = {"name": "prompt", "description": "x", "type": 1}
        commands.overwrite(world.state, None, [{"name": "memory", "description": "x", "options": [subcommand]}])

    def _hear(self, kind: str, data: Json, _: int | None) -> None:
        if kind != "INTERACTION_CREATE":
            return
        self.askers.append((data.get("member") or data)["user"]["username"])
        if not self.is_silent:
            asyncio.get_running_loop().call_soon(self._answer, data)

    def _answer(self, asked: Json) -> None:
        total = len(self._world.messages(int(asked["channel_id"])))
        files = {0: Upload("prompt.json", json.dumps({"total": total}).encode())} if total else {}
        body = {"type": MESSAGE, "data": {"content": "There it is." if total else "Nothing yet.", "flags": EPHEMERAL}}
        where = self._world.state, self._world.interactions
        responses.callback(*where, int(asked["id"]), asked["token"], body, files)


@pytest.fixture
def bot(world: World, monkeypatch: pytest.MonkeyPatch) -> Bot:
    monkeypatch.setattr(prompt, "_QUIET_SECONDS", 0.05)
    monkeypatch.setattr(prompt, "_AFTERWARDS_SECONDS", 0.1)
    return Bot(world)


async def test_the_panel_shows_what_the_model_would_see_after_each_change(
    client: Client, world: World, bot: Bot
) -> None:
    nemo_id, random = world.user_id("nemo"), world.channel_id("random")
    nemo = await screen(client, world, "nemo")

    assert (await nemo.ask("prompt", channel=str(random)))["data"]["sentence"] == "Nothing yet."
    said = await world.say(nemo_id, random, "one")
    await world.say(nemo_id, random, "two")
    assert await nemo.next("PROMPT") == {"channel_id": str(random), "report": {"total": 2}}
    await nemo.next("PROMPT")  # what the bot did after the last that anyone saw of it
    await world.delete(nemo_id, random, int(said["id"]))
    assert (await nemo.next("PROMPT"))["report"]["total"] == 1
    assert set(bot.askers) == {"marlin"}


async def test_a_closed_panel_and_other_channels_ask_nothing(client: Client, world: World, bot: Bot) -> None:
    nemo_id, random = world.user_id("nemo"), world.channel_id("random")
    nemo = await screen(client, world, "nemo")

    await nemo.ask("prompt", channel=str(random))
    await world.say(nemo_id, world.channel_id("general"), "elsewhere")
    await asyncio.sleep(0.2)
    await nemo.ask("prompt", channel=None)
    await world.say(nemo_id, random, "here")
    await asyncio.sleep(0.2)

    assert len(bot.askers) == 1


async def test_the_admin_who_asks_sees_nothing_of_it_and_nothing_is_kept(
    client: Client, world: World, bot: Bot
) -> None:
    general = str(world.channel_id("general"))
    nemo, marlin = await screen(client, world, "nemo"), await screen(client, world, "marlin")
    await marlin.next("WELCOME")
    before = (await marlin.ask("history", channel=general))["data"]

    assert "report" in (await nemo.ask("prompt", channel=general))["data"]
    await marlin.ask("say", channel=general, content="the end", files=[])

    after = (await marlin.ask("history", channel=general))["data"]
    assert len(after["messages"]) == len(before["messages"]) + 1
    assert marlin.heard == {"WELCOME", "MESSAGE_CREATE"}
    assert world.state.ephemeral == {}


async def test_in_direct_messages_whose_they_are_asks_and_nobody_else(client: Client, world: World, bot: Bot) -> None:
    direct = world.dm(world.user_id("nemo"))
    await world.say(world.user_id("nemo"), direct, "secret")
    nemo, marlin = await screen(client, world, "nemo"), await screen(client, world, "marlin")

    assert (await nemo.ask("prompt", channel=str(direct)))["data"]["report"] == {"total": 1}
    assert (await marlin.ask("prompt", channel=str(direct)))["error"] == "Missing Access"
    assert bot.askers == ["nemo"]


async def test_without_an_answer_there_is_a_sentence(
    client: Client, world: World, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prompt, "_ANSWER_SECONDS", 0.05)
    general = str(world.channel_id("general"))
    nemo = await screen(client, world, "nemo")

    bot.is_silent = True
    assert (await nemo.ask("prompt", channel=general))["data"]["sentence"] == "Mnemo did not answer."
    commands.overwrite(world.state, None, [])
    assert "cannot be asked" in (await nemo.ask("prompt", channel=general))["data"]["sentence"]
    world.state.bot_online = False
    assert (await nemo.ask("prompt", channel=general))["data"]["sentence"] == "Mnemo is offline."
