"""The bot as its own process while Discord's REST API fails: one message a reply, commands done once, no storm of requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.closed import DOUBTED_SECONDS
from bot.gateway import REFUSED_BY_DISCORD
from playground.discord import Permission
from playground.discord.levers import Levers
from tests.sockets.conftest import Stage, open_stage, play

ONE_CHUNK = " ".join(f"This is sentence number {number} of one message." for number in range(15))
PAGE = "<html>error code: 1015</html>"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def stage(living: Stage) -> Iterator[Stage]:
    yield living
    living.reset()


Pull = Callable[[Levers, str, str], None]


def status(code: int, *, after: bool = False, times: int = 1, body: Any = None) -> Pull:
    return lambda levers, method, route: levers.fail(method, route, status=code, after=after, times=times, body=body)


def cut(*, after: bool = False, times: int = 1) -> Pull:
    return lambda levers, method, route: levers.cut(method, route, after=after, times=times)


#: What becomes of one request; the *after* ones have their effect.
FAULTS: dict[str, Pull] = {
    "503": status(503),
    "503 with a page": status(503, body="<html>busy"),
    "503 after": status(503, after=True),
    "500": status(500),
    "500 after": status(500, after=True),
    "502": status(502, body="<html>bad gateway"),
    "504 after": status(504, after=True),
    "cut": cut(),
    "cut after": cut(after=True),
    "cut twice after": cut(after=True, times=2),
    "hang": lambda levers, method, route: levers.hang(method, route, seconds=1.0),
    "429": lambda levers, method, route: levers.limit(method, route, retry_after=0.3),
    "429 shared": lambda levers, method, route: levers.limit(method, route, retry_after=0.3, scope="shared"),
}

#: These hold up all other requests, too.
FAULTS_OF_ALL: dict[str, Pull] = {
    "429 global": lambda levers, method, route: levers.limit(method, route, retry_after=0.3, scope="global"),
    "429 of the proxy": lambda levers, method, route: levers.limit(method, route, retry_after=0.3, via=False),
    "403 of the proxy": status(403, body=PAGE),
}

#: Those of one request, and one that all feel.
USUAL = FAULTS | {"429 global": FAULTS_OF_ALL["429 global"]}


async def replies_under(stage: Stage, faults: dict[str, Pull]) -> None:
    said = {}
    for name, pull in faults.items():
        channel = stage.channel()
        pull(stage.discord.levers, "POST", f"/channels/{channel}/messages")
        said[name] = channel, await stage.tell(channel, f"I am called {name}.")
    for name, (channel, message) in said.items():
        assert f"“I am called {name}.”" in await stage.answer(channel, message), name
    await stage.until(lambda: stage.idle)
    assert {name: len(stage.shown(channel)) for name, (channel, _) in said.items()} == dict.fromkeys(faults, 1)


@pytest.mark.parametrize("faults", [FAULTS, *({name: pull} for name, pull in FAULTS_OF_ALL.items())])
async def test_a_reply_is_one_message(stage: Stage, faults: dict[str, Pull]) -> None:
    await replies_under(stage, faults)


async def test_an_edit_leaves_no_half_text(stage: Stage) -> None:
    stage.model.tokens_per_second = 500
    stage.model.levers.text(ONE_CHUNK, times=len(USUAL))
    said = {}
    for name, pull in USUAL.items():
        channel = stage.channel()
        pull(stage.discord.levers, "PATCH", f"/channels/{channel}/messages/*")
        said[name] = channel, await stage.tell(channel, "Tell me a story")
    for name, (channel, message) in said.items():
        assert await stage.answer(channel, message) == ONE_CHUNK, name
    await stage.until(lambda: stage.idle)
    assert {name: stage.shown(channel) for name, (channel, _) in said.items()} == {name: [ONE_CHUNK] for name in USUAL}


async def test_what_is_taken_back_is_gone(stage: Stage) -> None:
    stage.model.tokens_per_second = 100
    stage.model.levers.text(ONE_CHUNK, times=len(USUAL))
    channels = []
    for pull in USUAL.values():
        channel = stage.channel()
        pull(stage.discord.levers, "DELETE", f"/channels/{channel}/messages/*")
        channels.append((channel, await stage.tell(channel, "Tell me a story")))
    for channel, message in channels:
        await stage.until(lambda channel=channel: stage.shown(channel))
        await stage.world.delete(stage.nemo, channel, message)
    await stage.until(lambda: not any(stage.shown(channel) for channel, _ in channels))
    await stage.until(lambda: stage.idle)


async def test_typing_costs_the_reply_nothing(stage: Stage) -> None:
    hang: Pull = lambda levers, method, route: levers.hang(method, route, seconds=15)  # noqa: E731
    typing = {"hang": hang, "500": status(500, times=9), "503": status(503, times=9), "cut": cut(times=9)}
    refused = {str(code): status(code, times=9, body={"message": "No", "code": 50013}) for code in (400, 403, 404)}
    for name, pull in (typing | refused).items():
        channel = stage.channel()
        stage.model.levers.hang(0.3)  # who answers at once shows no typing
        pull(stage.discord.levers, "POST", f"/channels/{channel}/typing")
        begun = time.monotonic()
        assert name in await stage.ask(channel, f"Typing answers {name}.")
        assert time.monotonic() - begun < 3
        assert any(one.route == f"/channels/{channel}/typing" for one in stage.discord.requests), name


async def test_typing_that_meets_the_global_limit_holds_nobody_up_for_ever(stage: Stage) -> None:
    """discord.py lets no request out until the one that met the limit has waited; typing ends before."""
    channel = stage.channel()
    stage.model.levers.hang(0.3)
    stage.discord.levers.limit("POST", f"/channels/{channel}/typing", retry_after=2.0, scope="global")
    begun = time.monotonic()
    assert "Nemo" in await stage.ask(channel, "My name is Nemo.")
    await stage.ask(stage.channel(), "And who are you?")
    assert time.monotonic() - begun < 5


async def restored(stage: Stage, name: str, pull: Pull, method: str, route: str) -> None:
    """Whoever brings back what a reset put away is told so, and it is done once: twice would put it away again."""
    channel = stage.channel()
    await stage.ask(channel, "Remember the anemone.")
    await stage.until(lambda: stage.idle)
    asked = await (await stage.world.slash(stage.marlin, channel, "memory reset")).wait_answered()
    button = await stage.until(lambda: asked.message and asked.message["components"] and asked.message["id"])
    await stage.world.click(stage.marlin, channel, int(button), "mnemo:reset:1")
    epochs = "SELECT number FROM epochs WHERE channel_id = ? AND closed_at IS NULL"
    await stage.until(lambda: stage.recall(epochs, channel) == [2])
    pull(stage.discord.levers, method, route)
    restore = await stage.world.slash(stage.marlin, channel, "memory restore")
    await stage.until(lambda: restore.message and "I remember again" in str(restore.message["components"]))
    assert stage.recall(epochs, channel) == [1], name


@pytest.mark.parametrize("name", ["cut after", "503 after", "429"])
@pytest.mark.parametrize(
    ("method", "route"), [("POST", "/interactions/*/*/callback"), ("PATCH", "/webhooks/*/*/messages/@original")]
)
async def test_a_command_is_done_once_and_told(stage: Stage, name: str, method: str, route: str) -> None:
    await restored(stage, name, FAULTS[name], method, route)


async def test_a_channel_where_it_may_not_speak_is_quiet_until_that_changes(stage: Stage) -> None:
    channel, (bot, *_) = stage.channel(), stage.bots
    stage.world.set_permissions(channel, stage.world.bot_id, deny=Permission.SEND_MESSAGES)
    asked = len(stage.asked())
    for number in range(4):
        await stage.tell(channel, f"Is anybody there, {number}?")
        await stage.until(
            lambda number=number: stage.recall("SELECT 1 FROM messages WHERE content LIKE ?", f"%, {number}?")
        )
        await stage.until(lambda: stage.idle)
    assert [one.status for one in stage.requests("POST", channel)] == [403]
    assert len([one for one in stage.discord.requests if one.route == f"/channels/{channel}/typing"]) <= 1
    assert len(stage.asked()) == asked + 1
    assert bot.log.count(f"I may not speak in channel {channel}") == 1
    stage.world.set_permissions(channel, stage.world.bot_id, allow=Permission.SEND_MESSAGES)
    await asyncio.sleep(DOUBTED_SECONDS)
    await stage.ask(channel, "And now?")
    assert all(f"Is anybody there, {number}?" in str(stage.asked()[-1]) for number in range(4))
    assert len(stage.shown(channel)) == 1


#: Status and body of what closes a channel.
CLOSED = (
    (403, {"message": "Missing Access", "code": 50001}),
    (403, {"message": "Cannot send messages to this user", "code": 50007}),
    (404, {"message": "Unknown Channel", "code": 10003}),
    (400, {"message": "Thread is archived", "code": 50083}),
)


async def test_whatever_closes_a_channel_is_told_once(stage: Stage) -> None:
    bot, *_ = stage.bots
    channel = stage.channel()
    threads = [stage.world.create_thread(stage.nemo, channel, str(number)) for number in range(len(CLOSED))]
    for thread, (code, body) in zip(threads, CLOSED, strict=True):
        stage.discord.levers.fail("POST", f"/channels/{thread}/messages", status=code, body=body, times=9)
        for _ in range(3):
            message = await stage.tell(thread, "Hello?")
            await stage.until(
                lambda message=message: stage.recall("SELECT 1 FROM messages WHERE discord_id = ?", message)
            )
            await stage.until(lambda: stage.idle)
        assert [one.status for one in stage.requests("POST", thread)] == [code]
        assert bot.log.count(f" {thread} ") == 1
    stage.reset()
    stage.world.archive_thread(threads[0])  # an update of a thread
    await asyncio.sleep(DOUBTED_SECONDS)
    for thread in threads:
        await stage.ask(thread, "Hello again!")


async def test_one_401_is_asked_again(stage: Stage) -> None:
    await replies_under(stage, {"401": status(401)})


async def a_token_that_is_reset_ends_the_program(stage: Stage) -> None:
    bot = await stage.start()
    channel = stage.channel()
    stage.discord.levers.fail("*", "**", status=401, times=1000)
    before = len(stage.discord.requests)
    message = await stage.tell(channel, "Do you know me?")
    assert await bot.ended() == 1
    assert REFUSED_BY_DISCORD in bot.log
    assert len(stage.discord.requests) - before < 10
    stage.reset()
    await stage.start()
    await stage.answer(channel, message)
    await stage.until(lambda: stage.idle)
    assert len(stage.shown(channel)) == 1


async def a_login_that_fails_is_tried_again(stage: Stage) -> None:
    levers = stage.discord.levers
    levers.fail("GET", "/users/@me", status=403, body=PAGE)
    levers.fail("GET", "/oauth2/applications/@me", status=500)
    levers.fail("PUT", "/applications/*/commands", status=503, after=True)
    levers.limit("GET", "/gateway/bot", retry_after=0.3, via=False)
    levers.fail("GET", "/gateway/bot", status=503)
    bot = await stage.start()
    await stage.ask(stage.channel(), "Are you there?")
    assert bot.log.count("Discord cannot be reached") == 2


async def a_login_that_is_refused_ends_the_program(stage: Stage) -> None:
    for code in (400, 403):
        stage.discord.levers.fail("GET", "/users/@me", status=code, times=9)
        before = len(stage.discord.requests)
        bot = await stage.launch()
        assert await bot.ended() == 1
        assert f"Discord does not let the bot log in ({code}" in bot.log
        assert len(stage.discord.requests) - before == 1
        stage.reset()


async def commands_that_are_refused_cost_no_reply(stage: Stage) -> None:
    stage.discord.levers.fail("PUT", "/applications/*/commands", status=400)
    bot = await stage.start()
    assert "the slash commands could not be registered" in bot.log
    await stage.ask(stage.channel(), "Are you there?")


async def refused_requests_slow_it_down(stage: Stage) -> None:
    bot = await stage.start()
    stage.discord.levers.limit("*", "**", retry_after=0.001, times=100_000)
    for _ in range(40):
        await stage.tell(stage.channel(), "Are you there?")
    await bot.logged("would lock us out")
    before = len(stage.discord.requests)
    assert before < 600
    await asyncio.sleep(4)
    assert 2 <= len(stage.discord.requests) - before <= 6
    assert bot.log.count("one goes out each second") == 1


async def test_what_takes_seconds_to_pass(tmp_path: Path) -> None:
    await play(
        tmp_path,
        a_token_that_is_reset_ends_the_program,
        a_login_that_fails_is_tried_again,
        a_login_that_is_refused_ends_the_program,
        commands_that_are_refused_cost_no_reply,
        refused_requests_slow_it_down,
    )


async def test_a_long_limit_is_waited_for(torture: bool, tmp_path: Path) -> None:
    """discord.py waits for half a minute itself, and what is longer is ours."""
    seconds = 60.0 if torture else 2.0
    async with open_stage(tmp_path) as stage:
        bot = await stage.start()
        channel = stage.channel()
        stage.discord.levers.limit("POST", f"/channels/{channel}/messages", retry_after=seconds)
        begun = time.monotonic()
        message = await stage.tell(channel, "Take your time.")
        await stage.until(lambda: stage.shown(channel), patience=seconds + 20)
        assert seconds <= time.monotonic() - begun < seconds + 10
        await stage.answer(channel, message)
        await stage.until(lambda: stage.idle)
        assert [one.status for one in stage.requests("POST", channel)] == [429, 200]
        assert await bot.stop() == 0
        assert bot.trouble == []


@pytest.mark.torture
@pytest.mark.timeout(300)
async def test_a_request_that_hangs_for_long_is_made_again(stage: Stage) -> None:
    channels = [stage.channel() for _ in range(3)]
    said = []
    for channel in channels:
        stage.discord.levers.hang("POST", f"/channels/{channel}/messages", seconds=70)
        said.append(await stage.tell(channel, "Hello?"))
    for channel, message in zip(channels, said, strict=True):
        await stage.until(lambda channel=channel: stage.shown(channel), patience=60)
        await stage.answer(channel, message)
    await asyncio.sleep(50)  # by then the requests that hung have come through, too
    assert [len(stage.shown(channel)) for channel in channels] == [1, 1, 1]


@pytest.mark.torture
@pytest.mark.timeout(600)
@pytest.mark.parametrize("times", [4, 12])
async def test_a_fault_that_lasts_ends_in_one_message(stage: Stage, times: int) -> None:
    """More than one request makes of it: the turn is taken up again, and looks for what may have come through."""
    faults = {
        "503": status(503, times=times),
        "503 after": status(503, times=times, after=True),
        "cut": cut(times=times),
        "cut after": cut(times=times, after=True),
        "500": status(500, times=times),
        "500 after": status(500, times=times, after=True),
    }
    said = {}
    for name, pull in faults.items():
        channel = stage.channel()
        pull(stage.discord.levers, "POST", f"/channels/{channel}/messages")
        said[name] = channel, await stage.tell(channel, f"I am called {name}.")
    for name, (channel, message) in said.items():
        await stage.until(lambda channel=channel: stage.shown(channel), patience=240)
        assert f"“I am called {name}.”" in await stage.answer(channel, message), name
    await stage.until(lambda: stage.idle, patience=240)
    assert {name: len(stage.shown(channel)) for name, (channel, _) in said.items()} == dict.fromkeys(faults, 1)


@pytest.mark.torture
@pytest.mark.timeout(600)
async def test_every_fault_of_every_step_of_a_command(stage: Stage) -> None:
    for name, pull in FAULTS.items():
        for method, route in (
            ("POST", "/interactions/*/*/callback"),
            ("PATCH", "/webhooks/*/*/messages/@original"),
        ):
            await restored(stage, f"{name} on {method}", pull, method, route)
