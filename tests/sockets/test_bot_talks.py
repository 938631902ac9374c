"""The bot as its own process talks: replies grow, places are apart, nobody is dropped, and Discord's rules are kept."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator

from bot.chunks import ENOUGH_TO_SHOW, LIMIT, WRITING_MARK
from playground.discord import ChannelType, Event, Request
from playground.discord.events import Watch
from tests.sockets.conftest import Stage, refers_to
from tests.sockets.fork_server import ROOT

#: Five messages, every word of them another.
WORDS = [f"{number:07}." for number in range(1000)]
PARAGRAPHS = "\n\n".join(" ".join(WORDS[start : start + 40]) for start in range(0, len(WORDS), 40))

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def stage(living: Stage) -> Iterator[Stage]:
    yield living
    living.reset()


def new_in(prompt: list[dict[str, str]]) -> list[str]:
    """The messages of a prompt that were not answered before."""
    trailing = itertools.takewhile(lambda message: message["role"] == "user", reversed(prompt))
    return [message["content"].partition("] ")[2] for message in trailing][::-1]


async def until_written(stage: Stage, channel_id: int, events: Watch) -> list[Event]:
    """What the bot does in a channel until its message there is without the writing mark."""
    own, seen = str(stage.world.bot_id), []
    async for event in events:
        by = event.data.get("user_id") or event.data.get("author", {}).get("id")
        if event.data.get("channel_id") == str(channel_id) and by == own:
            seen.append(event)
            if WRITING_MARK not in event.data.get("content", WRITING_MARK):
                break
    return seen


async def test_a_reply_grows_while_it_is_written(stage: Stage) -> None:
    text = "Fish swim. " + "They have done so for a very long time, and nobody has ever seen one stop. " * 5
    stage.model.tokens_per_second = 30
    stage.model.levers.text(text)
    channel = stage.channel()
    with stage.world.watch() as events:
        asked = await stage.tell(channel, "Tell me about fish")
        typing, *shown = await until_written(stage, channel, events)

    assert [typing.kind, shown[0].kind] == ["TYPING_START", "MESSAGE_CREATE"]
    assert {event.kind for event in shown[1:]} == {"MESSAGE_UPDATE"}
    assert refers_to(shown[0].data) == asked
    *growing, last = [event.data["content"] for event in shown]
    assert growing[0].startswith("Fish swim.")
    assert len(growing[0]) < ENOUGH_TO_SHOW
    written = [content.replace(WRITING_MARK, "").rstrip() for content in growing]
    assert all(WRITING_MARK in content for content in growing)
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise([*written, text]))
    assert last == text.strip()

    at = [request.at for request in stage.requests("PATCH", channel)]
    assert len(at) >= 2
    assert all(later - earlier >= 1.0 for earlier, later in itertools.pairwise(at[:-1]))  # the last one need not wait


async def test_a_short_reply_that_comes_at_once_costs_one_request(stage: Stage) -> None:
    channel = stage.channel()
    await stage.ask(channel, "My name is Nemo.")
    before = len(stage.discord.requests)
    await stage.ask(channel, "What is my name?")
    await stage.ask(channel, "What is my name again?")
    asked = [one.route.rpartition("/")[2] for one in stage.discord.requests[before:]]
    assert asked == ["messages"] * 2


async def test_each_place_has_its_own_memory(stage: Stage) -> None:
    world = stage.world
    channel, forum = stage.channel(), world.create_channel("forum", kind=ChannelType.FORUM)
    thread = world.create_thread(stage.nemo, channel, "thread")
    post = world.create_thread(stage.nemo, forum, "post", content=f"<@{world.bot_id}> My code is 3333.")
    await stage.answer(post, post)
    codes = {channel: "1111", thread: "2222", world.dm(stage.nemo): "4444", world.dm(stage.marlin): "5555"}
    who = {world.dm(stage.marlin): stage.marlin}
    for place, code in codes.items():
        await stage.ask(place, f"My code is {code}.", by=who.get(place))
    codes[post] = "3333"
    for place, code in codes.items():
        answer = await stage.ask(place, "What is my code?", by=who.get(place))
        assert code in answer
        assert not any(other in answer for other in codes.values() if other != code)


async def test_what_ids_stand_for_is_remembered_by_name(stage: Stage) -> None:
    world = stage.world
    channel = stage.channel()
    own_role = next(role for role in world.state.guild_roles(world.guild_id) if role.bot_id == world.bot_id)
    said = await stage.say(channel, f"<@&{own_role.id}> <@{stage.marlin}> is in <#{channel}>, not in <#1>")
    assert await stage.answer(channel, said)
    [text] = stage.recall("SELECT content FROM messages WHERE discord_id = ?", said)
    assert text == f"@Mnemo @Marlin is in #{world.channels[channel]['name']}, not in <#1>"


async def test_a_direct_message_needs_no_mention(stage: Stage) -> None:
    place = stage.world.dm(stage.nemo)
    said = await stage.say(place, "My fish is called Bubbles.")
    assert "Bubbles" in await stage.answer(place, said)


async def test_four_thousand_characters_are_remembered_whole(stage: Stage) -> None:
    mention = f"<@{stage.world.bot_id}> "
    words = " ".join(str(number) for number in range(1000))
    text = words[: 4000 - len(mention)].strip()
    channel = stage.channel()
    await stage.answer(channel, await stage.say(channel, mention + text))
    assert new_in(stage.asked()[-1]) == [text]
    await stage.ask(channel, "Thank you.")
    assert stage.asked()[-1][1]["content"].endswith(text)


async def test_a_long_reply_arrives_whole_within_the_limits_and_holds_up_no_other_channel(stage: Stage) -> None:
    stage.discord.levers.enforce_limits()
    before = len(stage.discord.requests)
    stage.model.levers.text(PARAGRAPHS)
    stage.model.levers.texts.put("Good night!", None)
    long, short = stage.channel(), [stage.channel() for _ in range(10)]
    await stage.tell(long, "Tell me everything")
    await stage.until(lambda: stage.shown(long))

    async with asyncio.timeout(5):
        said = [(channel, await stage.tell(channel, "Good night")) for channel in short]
        assert await asyncio.gather(*(stage.answer(*one) for one in said)) == ["Good night!"] * 10

    await stage.until(lambda: " ".join(stage.shown(long)).split() == WORDS, patience=60)
    assert all(len(text) <= LIMIT for text in stage.shown(long))
    assert [one for one in stage.discord.requests[before:] if one.status == 429] == []


async def test_several_people_at_once_are_each_answered_once(stage: Stage) -> None:
    world, channel = stage.world, stage.channel()
    people = [world.create_user(f"person-{number}") for number in range(8)]
    for person in people:
        world.add_member(person)
    before = len(stage.asked())
    stage.model.tokens_per_second = 200
    texts = [f"I am number {number}, round {turn}." for turn in range(3) for number in range(8)]
    said = []
    for text, person in zip(texts, itertools.cycle(people), strict=False):
        said.append(await stage.tell(channel, text, by=person))
        await asyncio.sleep(0.01)  # people do not speak all in one instant
    await stage.answer(channel, said[-1])
    prompts = stage.asked()[before:]
    assert [text for prompt in prompts for text in new_in(prompt)] == texts
    replies = stage.replies(channel)
    assert len(replies) == len(prompts)
    assert [refers_to(reply) for reply in replies] == sorted({refers_to(reply) for reply in replies})


async def test_who_speaks_while_it_writes_gets_the_next_turn(stage: Stage) -> None:
    channel = stage.channel()
    stage.model.tokens_per_second = 60
    stage.model.levers.text("The first answer begins. " + "It goes on for a while. " * 10)
    first = await stage.tell(channel, "Tell me a story")
    await stage.until(lambda: stage.shown(channel))
    stage.model.tokens_per_second = None
    late = [await stage.tell(channel, f"Late number {number}.", by=stage.marlin) for number in range(2)]
    await stage.answer(channel, late[-1])
    assert [refers_to(reply) for reply in stage.replies(channel)] == [first, late[-1]]
    assert [new_in(prompt) for prompt in stage.asked()[-2:]] == [
        ["Tell me a story"],
        ["Late number 0.", "Late number 1."],
    ]
    assert stage.asked()[-1][-3]["role"] == "assistant"


SPECIFICATION = Path(os.environ.get("MNEMO_SPECS") or ROOT.parent / "shared/specs") / "discord-openapi.json"


def overlapping(node: Any) -> Any:
    """A specification in which alternatives may overlap, as Discord's kinds of channels and components do."""
    if isinstance(node, dict):
        return {"anyOf" if key == "oneOf" else key: overlapping(value) for key, value in node.items()}
    return [overlapping(each) for each in node] if isinstance(node, list) else node


def body_schema(spec: Any, request: Request) -> Any:
    """What Discord says of the body of such a request."""
    parts = request.route.strip("/").split("/")
    fitting: dict[int, Any] = {}
    for path, operations in spec["paths"].items():
        wanted = path.strip("/").split("/")
        same = [given == want or want.startswith("{") for given, want in zip(parts, wanted, strict=False)]
        if len(parts) == len(wanted) and all(same) and request.method.lower() in operations:
            fitting[sum(map(str.__eq__, parts, wanted))] = operations[request.method.lower()]
    assert fitting, f"Discord has no {request.method} {request.route}"
    return fitting[max(fitting)]["requestBody"]["content"]["application/json"]["schema"]


async def test_all_that_was_sent_is_what_discord_takes(stage: Stage) -> None:
    if not SPECIFICATION.exists():
        pytest.skip(f"{SPECIFICATION} is not there; MNEMO_SPECS names another folder")
    spec = overlapping(json.loads(SPECIFICATION.read_text()))
    # Discord takes both, and writes strings.
    spec["components"]["schemas"]["SnowflakeType"] = {"type": ["string", "integer"]}
    world, channel = stage.world, stage.channel()
    await stage.ask(channel, "My name is Nemo.")
    for command in ("show", "reset", "restore"):
        asked = await (await world.slash(stage.marlin, channel, f"memory {command}")).wait_answered()
        if command == "reset":
            assert asked.message is not None
            start_afresh = asked.message["components"][-1]["components"][0]["custom_id"]
            await (await world.click(stage.marlin, channel, int(asked.message["id"]), start_afresh)).wait_answered()

    sent = [request for request in stage.discord.requests if request.body is not None]
    assert {request.method for request in sent} == {"PUT", "POST", "PATCH"}
    for request in sent:
        validator = OAS31Validator(body_schema(spec, request) | {"components": spec["components"]})
        assert [(error.json_path, error.message) for error in validator.iter_errors(request.body)] == [], request.route
