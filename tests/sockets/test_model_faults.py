"""The bot as its own process while its model fails in every way: one visible outcome in time, and the next message works."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import get_args

from bot.chunks import WRITING_MARK
from bot.runtime import REPLIES_GRACE_SECONDS
from playground.model.errors import Shape, overflow
from playground.model.levers import Levers
from tests.sockets.conftest import KEY, SECOND_MODEL, Stage, free_port, open_stage, together

#: The shortest deadline that the settings allow, in seconds, and what Discord and a busy machine may add.
DEADLINE = 5
SLACK = 4.0

OTHER_KEY = "sk-other_Secret.9876543210"
TEXT = "One two three four five six seven eight nine ten."
QUOTA = {"error": {"message": "You exceeded your quota.", "type": "insufficient_quota", "code": "insufficient_quota"}}

Fault = Callable[[Levers], None]

#: What comes before the first word: it is told, or waited for.
TOLD: dict[str, Fault] = {
    "reset before anything": lambda levers: levers.cut(times=None),
    "hang": lambda levers: levers.hang(60, times=None),
    "nothing but keep-alive": lambda levers: levers.keep_alive(60, times=None),
    "reset before the first word": lambda levers: levers.break_stream(0, times=None),
    "garbage first": lambda levers: levers.garbage(times=None),
    "foreign JSON": lambda levers: levers.foreign(times=None),
    "web page": lambda levers: levers.html(times=None),
    "empty": lambda levers: levers.empty(),
    "white space": lambda levers: levers.text(" \n "),
    "end before the first word": lambda levers: levers.end_early(0, times=None),
    "endless line first": lambda levers: levers.huge_line(times=None),
    "error in the stream": lambda levers: levers.stream_error(times=None),
    "quota": lambda levers: levers.status(429, body=QUOTA, times=None),
    **{f"status {status}": partial(Levers.status, status=status, times=None) for status in (401, 402, 403, 404)},
    **{f"status {status}": partial(Levers.status, status=status, times=None) for status in (429, 500, 503)},
    **{f"overflow for ever as {shape}": partial(Levers.overflow, shape=shape, times=None) for shape in get_args(Shape)},
}

#: What comes in mid-stream: what was written stays, with a note that it is not whole.
MARKED: dict[str, Fault] = {
    "reset": lambda levers: levers.break_stream(3),
    "garbage": lambda levers: levers.garbage(3),
    "foreign": lambda levers: levers.foreign(3),
    "error": lambda levers: levers.stream_error(after=3),
    "end without an end": lambda levers: levers.end_early(3),
    "endless line": lambda levers: levers.huge_line(after=3),
    "trickle": lambda levers: levers.trickle(1.0),
    "never ends": lambda levers: levers.endless(0.02),
}


def _overflow_in_stream(levers: Levers, shape: Shape) -> None:
    levers.stream_error(overflow(shape, limit=8192, prompt=9000))


#: What costs nobody the answer.
ANSWERED: dict[str, Fault] = {
    "no DONE": lambda levers: levers.no_done(),
    "no finish reason": lambda levers: levers.no_finish_reason(),
    "no text": lambda levers: levers.bad_utf8(after=3),
    "short pause": lambda levers: levers.status(429, retry_after=1),
    **{f"overflow as {shape}": partial(Levers.overflow, shape=shape) for shape in get_args(Shape)},
    **{f"overflow in the stream as {shape}": partial(_overflow_in_stream, shape=shape) for shape in get_args(Shape)},
}

FAULTS = TOLD | MARKED | ANSWERED


def word(fault: str) -> str:
    """What a channel's messages say, by which its requests are known."""
    return f"zeppelin-{list(FAULTS).index(fault)}."


def the_reply(stage: Stage, channel: int) -> str | None:
    """What stands there as the one outcome, if something does that is not being written."""
    shown = stage.shown(channel)
    assert len(shown) <= 1, shown
    return shown[0] if shown and WRITING_MARK not in shown[0] else None


def is_expected(fault: str, shown: str | None) -> bool:
    """Whether this is an outcome of the fault; whoever has to ask again may find the model left alone by then."""
    if shown is None:
        return False
    if fault in TOLD:
        return shown.startswith(("⚠️", "⏳"))
    if fault in MARKED:
        return shown.startswith("One two") and "-# The model" in shown
    return shown.startswith("⏳") or (shown.startswith("One two thr") and "-#" not in shown)


async def every_fault_at_once(stage: Stage, api: str) -> None:
    bot = await stage.start(reply_timeout_seconds=DEADLINE, model_api=api)
    levers = stage.model.levers
    levers.hold()
    channels = {fault: stage.channel() for fault in FAULTS}
    for fault, channel in channels.items():
        mine = levers.about(word(fault))
        if fault not in ("empty", "white space"):
            mine.text(TEXT, times=None)
        FAULTS[fault](mine)
        # Long enough that what an overflow takes away leaves something to answer.
        await stage.tell(channel, f"What of the {word(fault)} {'It flies over the sea. ' * 80}")
    await stage.until(lambda: len(stage.model.requests) == len(FAULTS))
    levers.door.set()
    begun = time.monotonic()

    def still_open() -> list[str]:
        return [fault for fault, channel in channels.items() if not is_expected(fault, the_reply(stage, channel))]

    with suppress(TimeoutError):
        await stage.until(lambda: not still_open(), patience=DEADLINE + SLACK)
    assert {fault: stage.shown(channels[fault]) for fault in still_open()} == {}
    print(f"{api}: {len(FAULTS)} outcomes after {time.monotonic() - begun:.1f} s")

    stage.model.levers.clear()
    await stage.until(lambda: stage.idle)
    for fault, channel in channels.items():
        shown = the_reply(stage, channel)
        assert shown, fault
        assert "⏳" not in shown, fault
    marked = [
        stage.recall("SELECT finish_reason FROM turns WHERE channel_id = ?", channels[fault])[0] for fault in MARKED
    ]
    assert marked == ["interrupted"] * len(MARKED)

    again = {fault: await stage.tell(channel, "And now?") for fault, channel in channels.items()}
    for fault, channel in channels.items():
        assert not (await stage.answer(channel, again[fault])).startswith(("⚠️", "⏳")), fault
        assert len(stage.shown(channel)) == 2, fault
    told = [line for line in bot.log.splitlines() if "gave no reply" in line or "waits for the model" in line]
    failed = "SELECT id FROM turns WHERE channel_id = ? ORDER BY id LIMIT 1"
    turns = {f"{stage.recall(failed, channels[fault])[0]}]" for fault in TOLD}
    assert turns <= {line.partition("[turn=")[2] for line in told}, "the host is told of each"
    assert bot.log.count("is left alone") == bot.log.count("works again") > 0


async def a_model_that_asks_for_a_pause_gets_it(stage: Stage) -> None:
    bot = await stage.start(reply_timeout_seconds=DEADLINE)
    one, other, withdrawn = (stage.channel() for _ in range(3))
    stage.model.levers.status(429, retry_after=4)
    first = await stage.tell(one, "My name is Nemo.")
    assert "not work right now" in (await stage.answer(one, first))
    await stage.tell(one, "I live in the sea.")
    await stage.tell(one, "What is my name?")
    elsewhere = await stage.tell(other, "Is anybody here?")
    regretted = await stage.tell(withdrawn, "My password is hunter2.")
    for channel in (other, withdrawn):
        await stage.until(lambda channel=channel: [text for text in stage.shown(channel) if text.startswith("⏳")])
    typing = len([request for request in stage.discord.requests if request.route.endswith("/typing")])
    await stage.world.delete(stage.nemo, withdrawn, regretted)
    await stage.until(lambda: not stage.shown(withdrawn))
    assert len(stage.model.requests) == 1, "who is left alone is asked nothing"
    assert len(stage.shown(one)) == 1, "it is said once"
    assert len([request for request in stage.discord.requests if request.route.endswith("/typing")]) == typing

    await stage.until(lambda: stage.shown(one)[0].find("⏳") < 0 and len(stage.shown(one)) == 2)
    await stage.until(lambda: stage.idle)
    assert "Nemo" in stage.shown(one)[1]
    assert not any("⏳" in text for channel in (one, other) for text in stage.shown(channel))
    assert await stage.answer(other, elsewhere)
    assert stage.shown(withdrawn) == []
    assert (len(stage.shown(one)), len(stage.shown(other)), len(stage.model.requests)) == (2, 1, 4)
    assert (bot.log.count("is left alone"), bot.log.count("works again")) == (1, 1)


async def a_restart_does_not_lose_who_waits(stage: Stage) -> None:
    bot = await stage.start(reply_timeout_seconds=DEADLINE)
    channel = stage.channel()
    stage.model.levers.status(429, retry_after=600)
    said = await stage.tell(channel, "My name is Nemo.")
    assert (await stage.answer(channel, said)).startswith("⏳")
    await stage.until(lambda: stage.recall("SELECT 1 FROM chunks WHERE discord_id IS NOT NULL"))
    stopping = asyncio.create_task(bot.stop())
    await bot.logged("stopping")
    begun = time.monotonic()
    await bot.logged("stopped")
    assert time.monotonic() - begun < REPLIES_GRACE_SECONDS, "who waits for a model does not hold up the end"
    assert await stopping == 0
    await stage.start(reply_timeout_seconds=DEADLINE)
    await stage.until(lambda: "Nemo" in stage.shown(channel)[0])
    assert len(stage.shown(channel)) == 1


async def a_fallback_stands_in(stage: Stage) -> None:
    second = {"fallback_model": SECOND_MODEL, "fallback_base_url": stage.second.base_url, "fallback_api_key": OTHER_KEY}
    bot = await stage.start(reply_timeout_seconds=DEADLINE, **second)
    channel = stage.channel()
    stage.model.levers.status(401, times=None)
    for number in range(5):
        assert not (await stage.ask(channel, f"This is number {number}.")).startswith(("⚠️", "⏳"))
    await stage.until(lambda: stage.idle)
    assert set(stage.recall("SELECT model FROM turns")) == {SECOND_MODEL}
    assert (len(stage.model.requests), len(stage.second.requests)) == (3, 5)
    assert not stage.recall("SELECT model FROM calibration"), "another model's bill teaches the main one nothing"

    stage.second.levers.overflow("openai")
    assert not (await stage.ask(channel, "Is that too much?")).startswith(("⚠️", "⏳"))

    stage.model.levers.clear()
    await asyncio.sleep(5)  # the first pause
    await stage.ask(channel, "Who is it now?")
    assert stage.recall("SELECT model FROM turns ORDER BY id DESC LIMIT 1") != [SECOND_MODEL]
    assert (bot.log.count("is left alone"), bot.log.count("works again")) == (1, 1)
    assert {request.key for request in stage.model.requests} == {KEY}
    assert {request.key for request in stage.second.requests} == {OTHER_KEY}

    stage.model.levers.hang(60, times=None)
    stage.second.levers.hang(60, times=None)
    begun = time.monotonic()
    assert "too long" in await stage.ask(channel, "Is nobody there?")
    assert DEADLINE - 1 < time.monotonic() - begun < DEADLINE + SLACK
    stage.reset()
    assert not (await stage.ask(channel, "And now?")).startswith(("⚠️", "⏳"))


async def an_address_that_takes_no_connection(stage: Stage, url: str) -> None:
    bot = await stage.start(reply_timeout_seconds=DEADLINE, openai_base_url=url)
    channel = stage.channel()
    begun = time.monotonic()
    assert "cannot reach" in await stage.ask(channel, "Is it there?")
    assert time.monotonic() - begun < DEADLINE + SLACK
    assert "hunter2" not in bot.log
    assert "the model gave no reply" in bot.log


async def test_every_fault_has_one_visible_outcome_in_time(tmp_path: Path) -> None:
    """The deadlines are waited for together: one bot for each way of asking, and for each that must not trip over the others."""
    scenarios: dict[str, Callable[[Stage], Awaitable[None]]] = {
        "chat": partial(every_fault_at_once, api="chat"),
        "completions": partial(every_fault_at_once, api="completions"),
        "pause": a_model_that_asks_for_a_pause_gets_it,
        "restart": a_restart_does_not_lose_who_waits,
        "fallback": a_fallback_stands_in,
        "refused": partial(an_address_that_takes_no_connection, url=f"http://me:hunter2@127.0.0.1:{free_port()}/v1"),
        "no TLS": lambda stage: an_address_that_takes_no_connection(
            stage, stage.model.base_url.replace("http:", "https:")
        ),
    }

    async def play(name: str, scenario: Callable[[Stage], Awaitable[None]]) -> None:
        folder = tmp_path / name.replace(" ", "-")
        folder.mkdir()
        async with open_stage(folder) as stage:
            await scenario(stage)
            for bot in stage.bots:
                assert bot.process.returncode == 0 or await bot.stop() == 0
                assert bot.trouble == []
                for secret in (KEY, OTHER_KEY, "zeppelin", TEXT[:9]):
                    assert secret not in bot.log, secret

    await together(play(name, scenario) for name, scenario in scenarios.items())
