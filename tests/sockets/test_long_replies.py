"""Long replies over real HTTP, with Discord's limits: they grow in time, arrive whole, and go on in a file."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from openapi_schema_validator import OAS31Validator

from bot.chunks import LIMIT, WRITING_MARK
from bot.layout import FILE_NAME
from playground.discord.permissions import Permission
from playground.model import tokens
from tests.sockets.conftest import Stage, open_stage
from tests.sockets.test_bot_talks import SPECIFICATION, body_schema, overlapping

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: As a good model writes; one of the little model's tokens is four characters.
TOKENS_PER_SECOND = 50
CHANNELS = 10
#: In `make test` it is written so long at this speed, and the rest of so many characters at once; in `make torture` to the end.
SHORT_SECONDS = 5.0
SHORT_LENGTH = 12_000

FIRST_SENTENCE = "Here it is."
#: About 30,000 characters, every word of them another.
WORDS = [f"{number:07}." for number in range(3333)]
TEXT = f"{FIRST_SENTENCE} " + "\n\n".join(" ".join(WORDS[start : start + 40]) for start in range(0, len(WORDS), 40))

#: How long after the first sentence the first chunk may be sent, on a machine that has nothing else to do. For each step on the
#: way (the model, the bot and Discord are three processes' worth of work) a busy machine may be as late as it is for a timer.
FIRST_CHUNK_SECONDS = 0.3
STEPS = 5


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def long_lived(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path_factory.mktemp("long")) as stage:
        bot = await stage.start(reply_timeout_seconds=600, memory_policy="buffer")
        yield stage
        assert await bot.stop() == 0
        assert bot.trouble == []


@pytest.fixture
def stage(long_lived: Stage) -> Iterator[Stage]:
    long_lived.reset()
    yield long_lived
    long_lived.reset()


@dataclass
class Lateness:
    """By how much timers of this process are late, in seconds: the most that was seen."""

    most: float = 0.0

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        async def watch() -> None:
            while True:
                due = time.monotonic() + 0.01
                await asyncio.sleep(0.01)
                self.most = max(self.most, time.monotonic() - due)

        watching = asyncio.create_task(watch())
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


def file_of(stage: Stage, message: dict[str, Any]) -> str:
    """The text of the one file of a message."""
    [attached] = message["attachments"]
    assert attached["filename"] == FILE_NAME
    kept = stage.world.state.store.file(int(attached["id"]))
    assert kept is not None
    return kept[1].decode()


def is_whole(stage: Stage, channel: int, text: str) -> bool:
    """Whether messages and the file under the last of them together say *text*, in its order and once."""
    *before, last = stage.replies(channel) or [{"attachments": []}]
    if not last["attachments"]:
        return False
    assert [one["attachments"] for one in before] == [[]] * len(before)
    shown = [content.partition("\n-# ")[0] for content in stage.shown(channel)]
    return " ".join([*shown, file_of(stage, last)]).split() == text.split()


async def test_thirty_thousand_characters_in_ten_channels_at_once(stage: Stage, torture: bool) -> None:
    stage.discord.levers.enforce_limits()
    stage.model.tokens_per_second = TOKENS_PER_SECOND
    text = TEXT if torture else TEXT[:SHORT_LENGTH]
    stage.model.levers.text(text, times=CHANNELS)
    before, asked = len(stage.discord.requests), len(stage.model.requests)
    channels = [stage.channel() for _ in range(CHANNELS)]
    lateness = Lateness()
    async with lateness.watched():
        await asyncio.gather(*(stage.tell(channel, f"Tell all, {channel}") for channel in channels))
        await stage.until(lambda: all(stage.shown(channel) for channel in channels))

    prompts = [(one.at, str(one.body)) for one in stage.model.requests[asked:]]
    asked_at = [next(at for at, prompt in prompts if f"all, {channel}" in prompt) for channel in channels]
    # A token more tells that the sentence is over: "it is.js" would not end there.
    sentence = (tokens.count(FIRST_SENTENCE) + 1) / TOKENS_PER_SECOND
    sent_at = [stage.requests("POST", channel)[0].at for channel in channels]
    late = [sent - asked - sentence for sent, asked in zip(sent_at, asked_at, strict=True)]
    print(
        f"first chunks after {', '.join(f'{1000 * one:.0f}' for one in late)} ms; timers late by {1000 * lateness.most:.0f} ms"
    )
    assert statistics.median(late) < FIRST_CHUNK_SECONDS + STEPS * lateness.most
    assert all(stage.shown(channel)[0].startswith(FIRST_SENTENCE) for channel in channels)

    if not torture:
        await asyncio.sleep(SHORT_SECONDS)
        stage.model.tokens_per_second = None
    await stage.until(lambda: all(is_whole(stage, channel, text) for channel in channels), patience=240)
    await stage.until(lambda: stage.idle)
    for channel in channels:
        assert all(len(content) <= LIMIT and WRITING_MARK not in content for content in stage.shown(channel))
        assert len(stage.replies(channel)) == 5
        edits = [one.at for one in stage.requests("PATCH", channel)]
        assert len(edits) >= SHORT_SECONDS / 3  # it was seen to grow
    assert [one for one in stage.discord.requests[before:] if one.status == 429] == []
    assert stage.recall("SELECT DISTINCT content FROM messages WHERE role = 'assistant'") == [text]
    check_what_was_sent(stage, "PATCH")


async def test_many_replies_that_grow_at_once_draw_no_global_limit(stage: Stage) -> None:
    """Each by itself might be edited as often as its channel allows: together that would be too much."""
    stage.discord.levers.enforce_limits()
    stage.model.tokens_per_second = 8
    stage.model.levers.texts.put(f"{FIRST_SENTENCE} {' '.join(WORDS[:40])}", None)
    before = len(stage.discord.requests)
    channels = [stage.channel() for _ in range(50)]
    for channel in channels:
        await stage.tell(channel, "Tell me")
        await asyncio.sleep(0.1)
    stage.model.tokens_per_second = 80
    await stage.until(lambda: all(WORDS[39] in "".join(stage.shown(channel)) for channel in channels))
    requests = stage.discord.requests[before:]
    assert [one for one in requests if one.status == 429] == []
    assert sum(one.method == "PATCH" for one in requests) >= len(channels)


async def test_where_it_may_attach_no_files_it_goes_on_in_messages(stage: Stage) -> None:
    channel = stage.channel()
    stage.world.set_permissions(channel, stage.world.bot_id, deny=Permission.ATTACH_FILES)
    stage.model.levers.text(TEXT[:15_000])
    await stage.tell(channel, "Tell me everything")
    await stage.until(lambda: " ".join(stage.shown(channel)).split() == TEXT[:15_000].split())
    assert len(stage.replies(channel)) > 5
    assert "takes no file" in stage.bots[0].log
    assert "Nemo" in await stage.ask(channel, "My name is Nemo.")


async def test_a_file_is_there_once_though_discord_took_it_without_a_word(stage: Stage) -> None:
    """The answers to the edits that bring it are lost, so they are made again."""
    channel = stage.channel()
    stage.model.levers.text(TEXT[:SHORT_LENGTH])
    stage.model.tokens_per_second = 2000
    await stage.tell(channel, "Tell me everything")
    await stage.until(lambda: len(stage.replies(channel)) == 5)
    stage.discord.levers.cut("PATCH", f"/channels/{channel}/messages/*", times=2, after=True)
    await stage.until(lambda: is_whole(stage, channel, TEXT[:SHORT_LENGTH]))
    await stage.until(lambda: stage.idle)
    assert len(stage.replies(channel)) == 5


async def test_a_reply_that_comes_at_once_is_one_request_with_its_file(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        bot = await stage.start(reply_max_chunks=1)
        channel = stage.channel()
        await stage.ask(channel, "My name is Nemo.")
        # The answer to the request is lost, so it is made again.
        stage.discord.levers.cut("POST", f"/channels/{channel}/messages", after=True)
        stage.model.levers.text(TEXT[:2200])
        before = len(stage.requests("POST", channel))
        await stage.tell(channel, "Tell me everything")
        await stage.until(lambda: len(stage.requests("POST", channel)) == before + 2 and stage.idle)
        shown, said = stage.shown(channel)[1].partition("\n-# ")[0], TEXT[:2200].split()
        assert [*shown.split(), *file_of(stage, stage.replies(channel)[1]).split()] == said
        assert len(stage.replies(channel)) == 2
        assert all("content" not in one.body for one in stage.requests("PATCH", channel))  # only a button goes
        check_what_was_sent(stage, "POST")

        # Who may not read what was said may not refer to it either: the request is made again without that, with the file.
        blind = stage.channel()
        stage.world.set_permissions(blind, stage.world.bot_id, deny=Permission.READ_MESSAGE_HISTORY)
        stage.model.levers.text(TEXT[:3000])
        await stage.tell(blind, "Tell me everything")
        await stage.until(lambda: is_whole(stage, blind, TEXT[:3000]))
        assert await bot.stop() == 0


async def test_it_types_while_it_reasons_and_shows_nothing_of_it(stage: Stage) -> None:
    channel = stage.channel()
    stage.model.tokens_per_second = 30
    stage.model.levers.text(f"<think>{'I wonder about the wreck. ' * 8}</think>\n\nA fish lives there. It swims.")
    ours, bot_id = [], str(stage.world.bot_id)
    with stage.world.watch() as events:
        await stage.tell(channel, "Who lives there?")
        async for event in events:
            by = event.data.get("user_id") or event.data.get("author", {}).get("id")
            if event.data.get("channel_id") == str(channel) and by == bot_id:
                ours.append(event)
                if event.data.get("content") == "A fish lives there. It swims.":
                    break
    assert [event.kind for event in ours[:2]] == ["TYPING_START", "MESSAGE_CREATE"]
    assert not any("wonder" in str(event.data) or "think" in event.data.get("content", "") for event in ours)


async def test_what_turns_out_to_be_reasoning_makes_room_for_the_answer(stage: Stage) -> None:
    channel = stage.channel()
    stage.model.tokens_per_second = 400
    stage.model.levers.text(f"{'I wonder about the wreck. ' * 240}\n</think>\n\nA fish lives there. It swims.")
    await stage.tell(channel, "Who lives there?")
    await stage.until(lambda: len([text for text in stage.shown(channel) if "wonder" in text]) > 1)
    await stage.until(lambda: stage.idle)
    assert stage.shown(channel) == ["A fish lives there. It swims."]
    kept = stage.recall("SELECT content FROM messages WHERE role = 'assistant' ORDER BY id DESC LIMIT 1")
    assert kept == ["A fish lives there. It swims."]


def check_what_was_sent(stage: Stage, method: str) -> None:
    """Look at all requests with a file, of which there are some, with Discord's own specification."""
    sent = [one for one in stage.discord.requests if isinstance(one.body, dict) and one.body.get("attachments")]
    assert method in {one.method for one in sent}
    if not SPECIFICATION.exists():
        pytest.skip(f"{SPECIFICATION} is not there; MNEMO_SPECS names another folder")
    spec = overlapping(json.loads(SPECIFICATION.read_text()))
    # Discord takes both, and writes strings.
    spec["components"]["schemas"]["SnowflakeType"] = {"type": ["string", "integer"]}
    for request in sent:
        validator = OAS31Validator(body_schema(spec, request) | {"components": spec["components"]})
        assert [(error.json_path, error.message) for error in validator.iter_errors(request.body)] == [], request.route
