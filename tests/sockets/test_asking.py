"""*Ask about this* under `kill -9` at each boundary: a question that was taken is answered, once, as a reply to its message."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from tests.sockets.conftest import Stage, refers_to

NEWS = "The reef closes at nine, says the octopus."
QUESTION = "When does the reef close?"

#: Where the process dies, and whether Discord still knows the nonces of what was sent then.
DEATHS = [
    ("accepted", True),
    ("begun", True),
    ("chunk recorded", True),
    ("chunk sent", False),
    ("completed", False),
    ("shown", False),
]
SHORT = ("accepted", "chunk sent")


async def ask(stage: Stage, channel: int, message_id: int, question: str = QUESTION, *, by: int | None = None) -> Any:
    """Let somebody (Marlin) ask about a message, and return the interaction that took the question."""
    who = by or stage.marlin
    opened = await (await stage.world.context_menu(who, channel, "Ask about this", message_id)).wait_answered()
    assert opened.modal is not None
    return await stage.world.submit_modal(who, opened.modal, {"question": question})


def answers(stage: Stage, channel: int, message_id: int) -> list[str]:
    """The bot's replies to a message, whole or not."""
    return [one["content"] for one in stage.replies(channel) if refers_to(one) == message_id]


@pytest.mark.parametrize(
    ("point", "knows"),
    [pytest.param(*death, marks=[] if death[0] in SHORT else [pytest.mark.torture], id=death[0]) for death in DEATHS],
)
async def test_a_question_is_answered_once_whenever_the_bot_dies(stage: Stage, point: str, knows: bool) -> None:
    kill_at = stage.folder / "kill_at"
    channel = stage.channel()
    await stage.start(mnemo_kill_at=kill_at)
    await stage.until(lambda: stage.recall("SELECT 1 FROM seen"))
    message_id = await stage.tell(channel, NEWS)  # which has an answer already, that refers to it as well
    await stage.answer(channel, message_id)
    await stage.until(lambda: stage.idle)
    kill_at.write_text(point)
    await ask(stage, channel, message_id)
    assert await stage.bots[-1].ended() == -signal.SIGKILL
    kill_at.unlink()
    if not knows:
        stage.discord.levers.forget_nonces()
    await stage.start(mnemo_kill_at=kill_at)
    await stage.until(lambda: stage.idle and len(answers(stage, channel, message_id)) == 2)
    first, second = answers(stage, channel, message_id)
    assert "asked:" not in first
    assert second.startswith(f"-# <@{stage.marlin}> asked: When does the reef close")
    assert stage.recall("SELECT content FROM messages WHERE about_id = ?", message_id)[0].startswith(QUESTION)
    assert stage.recall("SELECT count(*) FROM messages WHERE role = 'assistant'") == [2]
    # A death without a chunk's id told, and a start later, the question is still one that no history can miss.
    assert len(stage.recall("SELECT 1 FROM tombstones")) == 0
    assert await stage.bots[-1].stop() == 0


async def test_whoever_asks_is_heard_within_a_second_while_the_database_is_locked(stage: Stage) -> None:
    channel = stage.channel()
    await stage.start()
    await stage.until(lambda: stage.recall("SELECT 1 FROM seen"))
    message_id = await stage.say(channel, NEWS)
    with closing(sqlite3.connect(stage.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        taken = await ask(stage, channel, message_id)
        async with asyncio.timeout(1.5):  # a second, and what the test itself needs
            await stage.until(lambda: taken.state == "deferred")
        other.execute("ROLLBACK")
    await taken.wait_answered(timeout=20)
    assert "Asked" in str(taken.message)
    await stage.until(lambda: stage.idle and len(answers(stage, channel, message_id)) == 1)
    assert await stage.bots[-1].stop() == 0
    assert stage.bots[-1].trouble == []


async def test_in_a_direct_message_anyone_asks_and_pins(stage: Stage) -> None:
    place = stage.world.dm(stage.nemo)
    await stage.start()
    await stage.until(lambda: stage.recall("SELECT 1 FROM seen"))
    message_id = await stage.say(place, NEWS)
    await stage.answer(place, message_id)
    taken = await ask(stage, place, message_id, by=stage.nemo)
    await taken.wait_answered()
    await stage.until(lambda: stage.idle and len(answers(stage, place, message_id)) == 2)
    pinned = await stage.world.context_menu(stage.nemo, place, "Remember this", message_id)
    assert "I remember this" in str((await pinned.wait_answered()).message)
    assert stage.recall("SELECT discord_id FROM messages WHERE pinned_at IS NOT NULL") == [message_id]
    assert await stage.bots[-1].stop() == 0
    assert stage.bots[-1].trouble == []
