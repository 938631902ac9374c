"""The button under a reply, where streams, clicks at once, restarts and a locked database are real."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from bot.controls import custom_id
from bot.notes import NOTES, STOPPED_EARLY
from bot.ports import STOPPED, Button
from bot.reply_actions import NOT_YOURS
from playground.discord.interactions import Interaction
from tests.sockets.conftest import Stage, play

STORY = "Once upon a time there was a fish. " + "It swam on and on, and nobody knew where it went. " * 20
NOTE = NOTES[STOPPED]


def buttons(message: dict[str, Any]) -> list[str]:
    return [button["label"] for row in message["components"] for button in row["components"]]


async def click(stage: Stage, message: dict[str, Any], button: Button, *, by: int | None = None) -> Interaction:
    channel, message_id = int(message["channel_id"]), int(message["id"])
    return await stage.world.click(by or stage.nemo, channel, message_id, custom_id(button))


async def press(stage: Stage, message: dict[str, Any], button: Button, *, by: int | None = None) -> None:
    """Click, and wait until that is acknowledged."""
    clicked = await click(stage, message, button, by=by)
    await stage.until(lambda: clicked.state != "pending")
    assert clicked.state != "failed"


async def told(stage: Stage, clicked: Interaction) -> str:
    """The one sentence that only who clicked is told."""
    (sentence,) = await stage.until(lambda: clicked.followups)
    assert clicked.sent[0].only_for == clicked.user_id
    return str(sentence["content"])


async def being_written(stage: Stage, channel: int) -> dict[str, Any]:
    """Let Nemo ask for a story, and return the beginning of the reply."""
    stage.model.tokens_per_second = 30
    stage.model.levers.text(STORY)
    await stage.tell(channel, "Tell me a story")
    (reply,) = await stage.until(lambda: stage.replies(channel))
    assert buttons(reply) == ["Stop"]
    return reply


async def over(stage: Stage, channel: int) -> dict[str, Any]:
    """Wait until nothing is being written, and return the only reply."""
    await stage.until(lambda: stage.idle)
    (reply,) = stage.replies(channel)
    return reply


def remembered(stage: Stage, channel: int) -> list[str]:
    return stage.recall("SELECT content FROM messages WHERE channel_id = ? AND role = 'assistant'", channel)


async def stopped_by_who_asked(stage: Stage) -> None:
    await stage.start()
    channel = stage.channel()
    reply = await being_written(stage, channel)
    await press(stage, reply, Button.STOP)
    reply = await over(stage, channel)
    text, note = reply["content"].rsplit("\n", 1)
    assert STORY.startswith(text)
    assert (note, buttons(reply)) == (NOTE, ["Continue", "Retry"])
    assert remembered(stage, channel) == [text]
    [prompt] = stage.recall("SELECT prompt_tokens FROM usage")
    [written] = stage.recall("SELECT completion_tokens FROM usage")
    assert prompt > 0
    assert 0 < written < len(STORY) / 4
    stage.reset()
    await stage.ask(channel, "What did you say?")
    assert text in str(stage.asked()[-1])


async def stopped_by_a_moderator_only(stage: Stage) -> None:
    await stage.start()
    channel, dory = stage.channel(), stage.world.create_user("dory")
    stage.world.add_member(dory)
    reply = await being_written(stage, channel)
    assert await told(stage, await click(stage, reply, Button.STOP, by=dory)) == NOT_YOURS
    await press(stage, reply, Button.STOP, by=stage.marlin)
    assert (await over(stage, channel))["content"].endswith(NOTE)


async def stopped_before_a_word_it_can_be_retried(stage: Stage) -> None:
    bot = await stage.start()
    channel = stage.channel()
    await stage.ask(channel, "Who are you?")
    (first,) = stage.replies(channel)
    stage.model.levers.hold()
    await press(stage, first, Button.RETRY)
    await stage.until(lambda: buttons(stage.replies(channel)[0]) == ["Stop"])
    await stage.until(lambda: len(stage.model.requests) == 2)
    await press(stage, first, Button.STOP)
    reply = await over(stage, channel)
    assert (reply["content"], buttons(reply)) == (STOPPED_EARLY, ["Retry"])
    assert remembered(stage, channel) == []
    stage.model.levers.door.set()
    stage.model.levers.text("I am a fish.")
    await press(stage, first, Button.RETRY)
    await stage.until(lambda: stage.shown(channel) == ["I am a fish."])
    await stage.until(lambda: remembered(stage, channel) == ["I am a fish."])
    assert stage.recall("SELECT sum(calls) FROM usage") == [3]
    assert await bot.stop() == 0


async def after_a_kill_both_work(stage: Stage) -> None:
    bot = await stage.start()
    channel = stage.channel()
    reply = await being_written(stage, channel)
    await stage.until(lambda: stage.recall("SELECT 1 FROM chunks WHERE discord_id = ?", int(reply["id"])))
    await bot.kill()
    asked = len(stage.model.requests)
    stage.model.levers.text(STORY)
    bot = await stage.start()
    await stage.until(lambda: len(stage.model.requests) > asked)
    await asyncio.sleep(0.5)  # some words more
    await press(stage, reply, Button.STOP)
    reply = await over(stage, channel)
    assert reply["content"].endswith(NOTE)
    assert await bot.stop() == 0
    await stage.start()
    stage.reset()
    stage.model.levers.text("Fish.")
    await press(stage, reply, Button.RETRY)
    await stage.until(lambda: stage.shown(channel) == ["Fish."])
    assert (await over(stage, channel))["id"] == reply["id"]


async def of_two_clicks_at_once_one_counts(stage: Stage) -> None:
    await stage.start()
    channel = stage.channel()
    await stage.ask(channel, "Who are you?")
    (reply,) = stage.replies(channel)
    stage.model.levers.hold()
    clicks = await asyncio.gather(click(stage, reply, Button.RETRY), click(stage, reply, Button.RETRY, by=stage.marlin))
    (sentences,) = await stage.until(lambda: [one.followups for one in clicks if one.followups])
    assert sentences[0]["content"] == "I am still writing this reply."
    stage.model.levers.door.set()
    await over(stage, channel)
    assert len(stage.model.requests) == 2


async def a_part_that_a_moderator_deletes_stops_it(stage: Stage) -> None:
    await stage.start()
    channel = stage.channel()
    stage.model.tokens_per_second = 700
    stage.model.levers.text(STORY * 4)
    await stage.tell(channel, "Tell me a story")
    first, _ = await stage.until(lambda: (found := stage.replies(channel))[1:] and found)
    stage.model.tokens_per_second = 30
    await stage.world.delete(stage.marlin, channel, int(first["id"]))
    await stage.until(lambda: stage.idle)
    assert (stage.replies(channel), remembered(stage, channel), len(stage.model.requests)) == ([], [], 1)
    assert stage.recall("SELECT status FROM turns") == ["cancelled"]
    assert stage.recall("SELECT calls FROM usage") == [1]


async def the_reply_before_loses_its_button_unless_that_is_a_request_more(stage: Stage) -> None:
    await stage.start()
    channel = stage.channel()
    for question in ("Who are you?", "And who am I?"):
        await stage.ask(channel, question)
        await stage.until(lambda: stage.idle)
    first, second = stage.replies(channel)
    assert [buttons(one) for one in (first, second)] == [["Retry"]] * 2
    stage.model.tokens_per_second = 10
    await stage.ask(channel, "And who is she?")
    await stage.until(lambda: [buttons(one) for one in stage.replies(channel)] == [["Retry"], [], ["Retry"]])
    clicked = await click(stage, first, Button.RETRY)
    assert await told(stage, clicked) == "I can only change my newest reply here: ask again instead."
    await stage.until(lambda: [buttons(one) for one in stage.replies(channel)] == [[], [], ["Retry"]])


async def a_reply_before_that_is_gone_is_no_trouble(stage: Stage) -> None:
    await stage.start()
    channel = stage.channel()
    await stage.ask(channel, "Who are you?")
    await stage.until(lambda: stage.idle)
    (first,) = stage.replies(channel)
    stage.discord.levers.fail(
        "PATCH",
        f"/channels/{channel}/messages/{first['id']}",
        status=404,
        body={"code": 10008, "message": "Unknown Message"},
    )
    stage.model.tokens_per_second = 10
    await stage.ask(channel, "And who am I?")
    await stage.until(lambda: stage.idle)
    assert [buttons(one) for one in stage.replies(channel)] == [["Retry"]] * 2


async def a_click_while_the_database_is_locked_is_acknowledged_and_done_later(stage: Stage) -> None:
    await stage.start()
    channel = stage.channel()
    await stage.ask(channel, "Who are you?")
    await stage.until(lambda: stage.idle)
    (reply,) = stage.replies(channel)
    stage.model.levers.text("I am a fish.")
    with closing(sqlite3.connect(stage.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        await press(stage, reply, Button.RETRY)
        assert time.monotonic() - began < 1
        await stage.bots[-1].logged("is locked by another program")
        other.execute("ROLLBACK")
    await stage.until(lambda: stage.shown(channel) == ["I am a fish."])


async def stopped_while_it_waits_for_the_model(stage: Stage) -> None:
    await stage.start()
    channel = stage.channel()
    stage.model.levers.status(503, times=None)
    while not (waiting := [one for one in stage.replies(channel) if one["content"].startswith("⏳")]):
        said = await stage.tell(channel, "Are you there?")
        await stage.answer(channel, said)
    assert buttons(waiting[0]) == ["Stop"]
    await press(stage, waiting[0], Button.STOP)
    await stage.until(lambda: stage.shown(channel)[-1] == STOPPED_EARLY)
    await stage.until(lambda: stage.idle)


async def test_stop(tmp_path: Path) -> None:
    await play(
        tmp_path,
        stopped_by_who_asked,
        stopped_by_a_moderator_only,
        a_part_that_a_moderator_deletes_stops_it,
        the_reply_before_loses_its_button_unless_that_is_a_request_more,
    )


async def test_retry(tmp_path: Path) -> None:
    await play(
        tmp_path,
        stopped_before_a_word_it_can_be_retried,
        after_a_kill_both_work,
        of_two_clicks_at_once_one_counts,
    )


async def test_what_goes_wrong(tmp_path: Path) -> None:
    await play(
        tmp_path,
        stopped_while_it_waits_for_the_model,
        a_reply_before_that_is_gone_is_no_trouble,
        a_click_while_the_database_is_locked_is_acknowledged_and_done_later,
    )
