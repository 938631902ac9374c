"""The auditor notices each kind of wrong: a proof that it looked away from would be none."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing

import pytest
import pytest_asyncio

from bot.chunks import WRITING_MARK
from playground.discord import messages
from playground.discord.drafts import Draft
from playground.discord.records import Message
from tests.sockets.audit import Auditor
from tests.sockets.conftest import Stage, open_stage
from tests.sockets.load import Load

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def audited(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Stage, Auditor]]:
    """A bot that did everything right, and has stopped: two people, a long reply, an edit, a deletion, a reset."""
    async with open_stage(tmp_path_factory.mktemp("audit")) as stage:
        auditor = Auditor(stage)
        load = Load(stage, auditor, random.Random(1), channels=2)
        bot = await stage.start()
        one, other = load.channels
        for channel, sentences in ((one, 90), (one, 3), (other, 0), (one, 0)):
            said = await load.tell(channel, sentences)
            await auditor.satisfied()
        await load.tell(one, 0, addressed=False)
        await load.edit(auditor.told[said])
        await stage.world.delete(
            stage.nemo, other, next(iter(told.id for told in auditor.told.values() if told.channel == other))
        )
        await auditor.satisfied()
        assert await bot.stop() == 0
        yield stage, auditor


@pytest.fixture
def stage(audited: tuple[Stage, Auditor]) -> Iterator[Stage]:
    """Whatever a test does to the database and to the bot's messages is undone after it."""
    stage, auditor = audited
    assert auditor.complaints() == []
    kept = shutil.copy(stage.database, stage.folder / "kept.db")
    there = {message.id: message.content for message in bot_messages(stage)}
    told = dict(auditor.told)
    yield stage
    shutil.copy(kept, stage.database)
    for message in bot_messages(stage):
        if message.id in there:
            message.content = there[message.id]
        else:
            messages.remove(stage.world.state, message)
    auditor.told = told
    assert auditor.complaints() == []


def bot_messages(stage: Stage) -> list[Message]:
    everything = [message for channel in stage.world.state.messages.values() for message in channel.values()]
    return [message for message in everything if message.author_id == stage.world.bot_id]


def changed(statement: str) -> Callable[[Stage], None]:
    def change(stage: Stage) -> None:
        with closing(sqlite3.connect(stage.database, isolation_level=None)) as db:
            assert db.execute(statement).rowcount > 0

    return change


def replies_again(stage: Stage) -> None:
    first = bot_messages(stage)[0]
    draft = Draft(first.content, reference={"message_id": first.reference_id})
    messages.send(stage.world.state, stage.world.bot_id, first.channel_id, draft)


def leaves_a_part_behind(stage: Stage) -> None:
    messages.send(stage.world.state, stage.world.bot_id, bot_messages(stage)[0].channel_id, Draft("sentence 12 of"))


def leaves_the_mark(stage: Stage) -> None:
    bot_messages(stage)[0].content += WRITING_MARK


def shows_half(stage: Stage) -> None:
    message = bot_messages(stage)[0]
    message.content = message.content[:500]


NEWEST = "(SELECT max(id) FROM messages WHERE role = 'user')"
ANSWERED = "(SELECT max(id) FROM turns WHERE status = 'answered')"

WRONGS = {
    "is not remembered": changed(f"DELETE FROM messages WHERE id = {NEWEST}"),
    "and is remembered as": changed(
        f"UPDATE messages SET content = replace(content, 'wants 0', 'wants 1') WHERE id = {NEWEST}"
    ),
    "but nobody said it": changed(f"UPDATE messages SET discord_id = 1 WHERE id = {NEWEST}"),
    "is remembered in channel": changed(
        "UPDATE messages SET channel_id = (SELECT max(id) FROM channels), position = 999 WHERE role = 'user'"
        " AND id = (SELECT min(id) FROM messages)"
    ),
    "belongs to no turn": changed(f"UPDATE messages SET turn_id = NULL WHERE id = {NEWEST}"),
    "is not answered yet": changed(f"UPDATE turns SET status = 'generating' WHERE id = {ANSWERED}"),
    "was not answered": changed(f"UPDATE turns SET status = 'cancelled' WHERE id = {ANSWERED}"),
    "and the reply is not remembered": changed("DELETE FROM messages WHERE role = 'assistant' AND turn_id = 1"),
    "is not answered by the reply": changed(
        "UPDATE messages SET content = 'To 77: That is all.' WHERE role = 'assistant'"
    ),
    "that is not whole": changed(
        "UPDATE messages SET content = substr(content, 1, 90) WHERE role = 'assistant' AND turn_id = 1"
    ),
    "shows": shows_half,
    "still has the writing mark": leaves_the_mark,
    "belongs to no turn: ": leaves_a_part_behind,
    "2 replies that refer to it": replies_again,
    "not right after what it answers": changed(
        "UPDATE messages SET position = 998 WHERE role = 'assistant' AND turn_id = 1"
    ),
    "is still remembered": changed(
        "UPDATE messages SET discord_id = (SELECT discord_id FROM tombstones) WHERE id = (SELECT min(id) FROM messages)"
    ),
    "and it is still kept": changed(f"UPDATE turns SET reply = 'secret4v0' WHERE id = {ANSWERED}"),
    "goes on at": changed("UPDATE channels SET next_position = 2"),
    "has no place in the order": changed(f"UPDATE messages SET position = NULL WHERE id = {NEWEST}"),
    "is not in the index": changed("DELETE FROM messages_fts WHERE rowid = 1"),
    "still in the index": changed(
        "INSERT INTO messages_fts (rowid, content, about, scope) VALUES (999, 'x', 'x', 'x')"
    ),
    "calls are booked, and the models": changed("UPDATE usage SET calls = calls + 100"),
    "turns were answered": changed("UPDATE usage SET calls = 0"),
    "refers to": changed(f"UPDATE messages SET discord_id = 5 WHERE id = {NEWEST}"),
}


@pytest.mark.parametrize("sentence", WRONGS)
async def test_each_wrong_is_noticed(stage: Stage, audited: tuple[Stage, Auditor], sentence: str) -> None:
    WRONGS[sentence](stage)
    _, auditor = audited
    found = auditor.complaints()
    assert any(sentence in each for each in found), found


async def test_a_message_that_should_not_be_remembered_is_noticed(stage: Stage, audited: tuple[Stage, Auditor]) -> None:
    _, auditor = audited
    auditor.told[next(iter(auditor.told))].addressed = False
    assert any("though it was not addressed" in each for each in auditor.complaints())
    auditor.told[next(iter(auditor.told))].addressed = True
