"""Continue under a reply that was cut, where streams, clicks at once, restarts and deletions in between are real."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.chunks import cut
from bot.notes import NOTES
from bot.ports import INTERRUPTED, STOPPED, Button
from bot.prompt import GO_ON
from playground.model.reading import Utterance, begun, rest
from tests.sockets.conftest import Stage, play
from tests.sockets.test_reply_buttons import STORY, buttons, click, over, press, remembered

#: Three messages.
SAGA = " ".join(f"In the year {year} the fish swam on, and nobody knew where it went." for year in range(70))

ENDED = ["Continue", "Retry"]


def tell(stage: Stage, text: str) -> None:
    """Let the model tell *text*, and go on with it where it was cut."""

    def write(heard: Sequence[Utterance]) -> str:
        cut_short = begun(heard)
        return text if cut_short is None else rest(text, cut_short[1]) or "That is no beginning of mine."

    stage.model.levers.writer = write


async def cut_off(stage: Stage, channel: int, text: str, *, after: int) -> dict[str, Any]:
    """Let Nemo ask and the model's connection break after so many pieces; returns the last message of the reply."""
    tell(stage, text)
    stage.model.levers.break_stream(after)
    await stage.tell(channel, "Tell me a story")
    await stage.until(lambda: stage.replies(channel) and stage.idle)
    *_, last = stage.replies(channel)
    assert (last["content"].rpartition("\n")[2], buttons(last)) == (NOTES[INTERRUPTED], ENDED)
    return last


async def grown(stage: Stage, channel: int, since: dict[str, Any]) -> None:
    """Wait until the only message of the reply says more than it did."""
    await stage.until(lambda: len(stage.shown(channel)[0]) > len(since["content"]))


async def whole(stage: Stage, channel: int, text: str) -> None:
    """Wait until *text* is the reply, on Discord and in memory."""
    await stage.until(lambda: stage.shown(channel) == cut(text) and stage.idle)
    assert remembered(stage, channel) == [text]
    assert [buttons(one) for one in stage.replies(channel)] == [[]] * (len(cut(text)) - 1) + [["Retry"]]


async def stopped_and_continued_as_often_as_somebody_likes(stage: Stage) -> None:
    await stage.start()
    channel = stage.channel()
    tell(stage, STORY)
    stage.model.tokens_per_second = 30
    await stage.tell(channel, "Tell me a story")
    (reply,) = await stage.until(lambda: stage.replies(channel))
    for _ in range(2):
        await press(stage, reply, Button.STOP)
        reply = await over(stage, channel)
        assert (reply["content"].rpartition("\n")[2], buttons(reply)) == (NOTES[STOPPED], ENDED)
        assert STORY.startswith(*remembered(stage, channel))
        await press(stage, reply, Button.CONTINUE)
        await grown(stage, channel, reply)
        assert buttons(stage.replies(channel)[0]) == ["Stop"]
    stage.model.tokens_per_second = None
    await whole(stage, channel, STORY)
    [calls] = stage.recall("SELECT calls FROM usage")
    assert calls == len(stage.model.requests) == 3
    assert [one for one in stage.discord.requests if one.status == 429] == []


async def only_what_is_new_is_sent(stage: Stage) -> None:
    await stage.start()
    channel = stage.channel()
    last = await cut_off(stage, channel, SAGA, after=700)
    first, second = stage.replies(channel)
    before = len(stage.discord.requests)
    await press(stage, last, Button.CONTINUE)
    await whole(stage, channel, SAGA)
    assert [one["id"] for one in stage.replies(channel)][:2] == [first["id"], second["id"]]
    edited = {one.route for one in stage.discord.requests[before:] if one.method == "PATCH" and "content" in one.body}
    assert f"/channels/{channel}/messages/{second['id']}" in edited
    assert f"/channels/{channel}/messages/{first['id']}" not in edited


async def of_two_clicks_at_once_one_counts(stage: Stage) -> None:
    await stage.start()
    channel = stage.channel()
    last = await cut_off(stage, channel, STORY, after=40)
    stage.model.levers.hold()
    clicks = await asyncio.gather(
        click(stage, last, Button.CONTINUE), click(stage, last, Button.CONTINUE, by=stage.marlin)
    )
    (sentences,) = await stage.until(lambda: [one.followups for one in clicks if one.followups])
    assert sentences[0]["content"] == "I am still writing this reply."
    stage.model.levers.door.set()
    await whole(stage, channel, STORY)
    assert len(stage.model.requests) == 2


async def after_a_kill_and_a_restart(stage: Stage) -> None:
    bot = await stage.start()
    channel = stage.channel()
    last = await cut_off(stage, channel, SAGA, after=300)
    assert await bot.stop() == 0
    bot = await stage.start()
    stage.model.tokens_per_second = 500
    await press(stage, last, Button.CONTINUE)
    await stage.until(lambda: len(stage.replies(channel)) == 2)
    await bot.kill()
    stage.model.tokens_per_second = None
    await stage.start()
    await whole(stage, channel, SAGA)


async def a_reset_leaves_what_there_was(stage: Stage) -> None:
    await stage.start()
    channel = stage.channel()
    last = await cut_off(stage, channel, STORY, after=40)
    stage.model.tokens_per_second = 30
    await press(stage, last, Button.CONTINUE)
    await grown(stage, channel, last)
    asked = await (await stage.world.slash(stage.marlin, channel, "memory reset")).wait_answered()
    assert asked.message is not None
    reset = asked.message["components"][-1]["components"][0]["custom_id"]
    await stage.world.click(stage.marlin, channel, int(asked.message["id"]), reset)
    await stage.until(lambda: stage.shown(channel)[0] == last["content"] and stage.idle)
    assert buttons(stage.replies(channel)[0]) == []
    assert remembered(stage, channel) == [last["content"].rpartition("\n")[0]]  # for a restore
    assert stage.recall("SELECT calls FROM usage") == [2]


async def a_deleted_question_takes_it_all(stage: Stage) -> None:
    await stage.start()
    channel = stage.channel()
    last = await cut_off(stage, channel, STORY, after=40)
    stage.model.tokens_per_second = 30
    await press(stage, last, Button.CONTINUE)
    await grown(stage, channel, last)
    [asked] = stage.recall("SELECT discord_id FROM messages WHERE role = 'user'")
    await stage.world.delete(stage.nemo, channel, asked)
    await stage.until(lambda: stage.shown(channel) == [] and stage.idle)
    assert stage.recall("SELECT content FROM messages") == []


async def stopped_before_a_word_it_is_as_it_was(stage: Stage) -> None:
    await stage.start()
    channel = stage.channel()
    last = await cut_off(stage, channel, STORY, after=40)
    stage.model.levers.hold()
    await press(stage, last, Button.CONTINUE)
    await stage.until(lambda: len(stage.model.requests) == 2)
    await press(stage, last, Button.STOP)
    await stage.until(lambda: buttons(stage.replies(channel)[0]) == ENDED and stage.idle)
    assert stage.shown(channel) == [last["content"]]
    stage.model.levers.door.set()
    await press(stage, last, Button.CONTINUE)
    await whole(stage, channel, STORY)
    assert stage.recall("SELECT calls FROM usage") == [3]


async def while_the_model_is_down_it_waits(stage: Stage) -> None:
    await stage.start()
    channel = stage.channel()
    last = await cut_off(stage, channel, STORY, after=40)
    stage.model.levers.status(503, times=None)
    beginning = last["content"].rpartition("\n")[0]
    while "⏳" not in stage.shown(channel)[0]:
        await press(stage, last, Button.CONTINUE)
        await stage.until(lambda: buttons(stage.replies(channel)[0]) == ENDED or "⏳" in stage.shown(channel)[0])
    (waiting,) = stage.shown(channel)
    assert waiting.startswith(f"{beginning}\n-# ⏳ ")
    stage.model.levers.clear()
    tell(stage, STORY)
    await whole(stage, channel, STORY)
    assert GO_ON in str(stage.asked()[-1])


async def test_continue(tmp_path: Path) -> None:
    await play(
        tmp_path,
        stopped_and_continued_as_often_as_somebody_likes,
        only_what_is_new_is_sent,
        of_two_clicks_at_once_one_counts,
        stopped_before_a_word_it_is_as_it_was,
    )


async def test_continue_and_what_comes_between(tmp_path: Path) -> None:
    await play(
        tmp_path,
        after_a_kill_and_a_restart,
        a_reset_leaves_what_there_was,
        a_deleted_question_takes_it_all,
        while_the_model_is_down_it_waits,
    )
