"""`kill -9` at every named boundary of a turn's life, and at random instants under load: everybody is answered exactly once.

The servers live on; the bot that comes after a death is the one that dies next. What holds each time is in ``audit.py``.
"""

from __future__ import annotations

import asyncio
import random
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from _pytest.mark import ParameterSet

from bot.controls import custom_id
from bot.ports import Button
from tests.sockets.audit import Auditor
from tests.sockets.conftest import Bot, Stage, open_stage, refers_to
from tests.sockets.load import Load

#: Summaries are made often, replies go on in files, and every call is reserved in budgets that are never used up.
REPLY_CHUNKS = 3
PLENTY = 999_999_999
BUDGETS = {"daily_tokens": PLENTY, "daily_tokens_per_user": PLENTY, "reply_max_tokens": 100_000}
SETTINGS = {"reply_mode": "listen", "memory_max_tokens": 1500, "reply_max_chunks": REPLY_CHUNKS, **BUDGETS}

#: So many sentences are three messages and a file.
LONGER = 150

#: So many sentences are three messages. At this speed, in tokens a second, the first is edited while they are written.
LONG = 90
SLOW = 700.0
#: After so many pieces a stream breaks in the middle of the first message.
BROKEN_AFTER = 150


@dataclass
class Theater:
    """A stage with the bot that is to die next, and what people say there."""

    stage: Stage
    auditor: Auditor
    load: Load
    kill_at: Path
    settings: dict[str, object]

    async def start(self) -> None:
        await self.stage.start(**self.settings, mnemo_kill_at=self.kill_at)

    async def launch(self, **settings: object) -> None:
        """Start the bot without waiting for it."""
        await self.stage.launch(**self.settings, mnemo_kill_at=self.kill_at, **settings)

    @contextmanager
    def spared(self) -> Iterator[None]:
        """Let the bot live, and nothing that it passes count, as long as the context is open."""
        point = self.kill_at.read_text()
        self.kill_at.write_text("")
        yield
        self.kill_at.write_text(point)

    @property
    def bot(self) -> Bot:
        return self.stage.bots[-1]

    async def died(self) -> None:
        """Wait until the bot has died where it was told to; its file is sound then."""
        assert await self.bot.ended() == -signal.SIGKILL, self.bot.log
        assert self.bot.trouble == []
        assert self.auditor.bot_died() == []
        self.kill_at.unlink()
        self.stage.model.tokens_per_second = None


async def first_start(stage: Stage, **settings: object) -> Bot:
    """Start the bot, and wait until it has kept that it did: what was said before its first start is not for it."""
    bot = await stage.start(**SETTINGS, **settings)
    await stage.until(lambda: stage.recall("SELECT 1 FROM seen"))
    return bot


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def theater(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Theater]:
    async with open_stage(tmp_path_factory.mktemp("kills")) as stage:
        auditor = Auditor(stage, remembers_all=True, reply_chunks=REPLY_CHUNKS)
        load = Load(stage, auditor, random.Random(), channels=0)
        theater = Theater(stage, auditor, load, stage.folder / "kill_at", SETTINGS)
        await theater.start()
        # What was said before its first start is not for it.
        await stage.until(lambda: stage.recall("SELECT 1 FROM seen"))
        yield theater
        assert await theater.bot.stop() == 0
        assert [line for bot in stage.bots for line in bot.trouble] == []
        assert auditor.complaints() == []


Scenario = Callable[[Theater, int], Awaitable[None]]


async def short(theater: Theater, channel: int) -> None:
    await theater.load.tell(channel, 0)


async def with_a_file(theater: Theater, channel: int) -> None:
    await theater.load.tell_with_a_file(channel, 0)


async def long(theater: Theater, channel: int) -> None:
    await theater.load.tell(channel, LONG)


async def streamed(theater: Theater, channel: int) -> None:
    theater.stage.model.tokens_per_second = SLOW
    await theater.load.tell(channel, LONG)


async def filed(theater: Theater, channel: int) -> None:
    """A file is sent with the last message."""
    await theater.load.tell(channel, LONGER)


async def filed_late(theater: Theater, channel: int) -> None:
    """A file is put under a message that was there before."""
    theater.stage.model.tokens_per_second = SLOW
    await theater.load.tell(channel, LONGER)
    await theater.stage.until(lambda: len(theater.stage.shown(channel)) == 3)


async def gathered(theater: Theater, channel: int) -> None:
    """Three people speak while somebody is answered."""
    asked = len(theater.stage.model.requests)
    theater.stage.model.tokens_per_second = SLOW
    await theater.load.tell(channel, 10)
    await theater.stage.until(lambda: len(theater.stage.model.requests) > asked)
    for person in (theater.stage.nemo, theater.stage.marlin, theater.stage.nemo):
        await theater.load.tell(channel, LONG, by=person)


async def shown(theater: Theater, channel: int) -> int:
    """Let somebody wish for something long, and wait until a second message of the reply is there."""
    await streamed(theater, channel)
    await theater.stage.until(lambda: len(theater.stage.shown(channel)) == 2)
    return max(theater.auditor.told)


async def deleted(theater: Theater, channel: int) -> None:
    said = await shown(theater, channel)
    await theater.stage.world.delete(theater.stage.nemo, channel, said)


async def newest_deleted(theater: Theater, channel: int) -> None:
    """Of three messages that are being answered together, the one goes that the reply refers to."""
    await gathered(theater, channel)
    said = max(theater.auditor.told)
    await theater.stage.until(lambda: any(refers_to(each) == said for each in theater.stage.replies(channel)))
    await theater.stage.world.delete(theater.stage.nemo, channel, said)


async def a_part_deleted(theater: Theater, channel: int) -> None:
    """An admin deletes the first message of a reply of which the second is there."""
    await shown(theater, channel)
    theater.auditor.people_deleted(channel)
    first, *_ = theater.stage.replies(channel)
    await theater.stage.world.delete(theater.stage.marlin, channel, int(first["id"]))


async def halted(theater: Theater, channel: int) -> None:
    """Who asked stops a reply of which a second message is there."""
    await shown(theater, channel)
    theater.auditor.cut_in.add(channel)
    *_, last = theater.stage.replies(channel)
    await theater.stage.world.click(theater.stage.nemo, channel, int(last["id"]), custom_id(Button.STOP))


async def retried(theater: Theater, channel: int) -> None:
    """A reply of three messages is written anew, as one."""
    with theater.spared():
        theater.stage.model.levers.text("A long sentence about nothing. " * 150)
        await theater.load.tell(channel, 10)
        await theater.stage.until(lambda: len(theater.stage.shown(channel)) == 3 and theater.stage.idle)
    *_, last = theater.stage.replies(channel)
    await theater.stage.world.click(theater.stage.marlin, channel, int(last["id"]), custom_id(Button.RETRY))


async def continued(theater: Theater, channel: int) -> None:
    """A reply that broke off in its first message goes on; what it answers brought a file."""
    with theater.spared():
        theater.stage.model.levers.break_stream(BROKEN_AFTER)
        await theater.load.tell_with_a_file(channel, LONG)
        await theater.stage.until(lambda: theater.stage.shown(channel) and theater.stage.idle)
    if theater.kill_at.read_text() == "button pressed":
        theater.auditor.cut_in.add(channel)  # nothing was done about it yet
    theater.stage.model.tokens_per_second = SLOW
    (cut,) = theater.stage.replies(channel)
    await theater.stage.world.click(theater.stage.nemo, channel, int(cut["id"]), custom_id(Button.CONTINUE))


async def edited(theater: Theater, channel: int) -> None:
    said = await shown(theater, channel)
    await theater.load.edit(theater.auditor.told[said])


async def reset(theater: Theater, channel: int) -> None:
    await shown(theater, channel)
    resetting = asyncio.create_task(theater.load.reset(channel))
    await theater.bot.ended()
    resetting.cancel()  # a dead bot does not answer the admin
    await asyncio.gather(resetting, return_exceptions=True)


async def summarized(theater: Theater, channel: int) -> None:
    """People talk among themselves until there is something to summarize."""
    for _ in range(60):
        await theater.load.tell(channel, 0, addressed=False)
    await theater.load.tell(channel, 0)


async def stopped(theater: Theater, channel: int) -> None:
    theater.stage.model.tokens_per_second = SLOW
    await theater.load.tell(channel, 10)
    await theater.stage.until(lambda: theater.stage.shown(channel))
    theater.bot.process.send_signal(signal.SIGTERM)


async def started(theater: Theater, channel: int) -> None:
    await theater.load.tell(channel, 0)
    await theater.stage.until(lambda: theater.stage.shown(channel))
    await theater.bot.kill()
    assert theater.auditor.bot_died() == []
    await theater.launch()


async def dies_twice(theater: Theater, channel: int, first: str, **settings: object) -> None:
    point = theater.kill_at.read_text()
    theater.kill_at.write_text(first)
    await streamed(theater, channel)
    await theater.died()
    theater.stage.discord.levers.forget_nonces()
    theater.kill_at.write_text(point)
    await theater.launch(**settings)


async def looked_for(theater: Theater, channel: int) -> None:
    """A second death, once the message was found of which the first one's bot never heard."""
    await dies_twice(theater, channel, "chunk sent 2")


async def too_old(theater: Theater, channel: int) -> None:
    """Nobody who wrote before the start is answered by the bot that comes after the first death."""
    await dies_twice(theater, channel, "chunk known 2", catch_up_hours=0)
    theater.auditor.too_old.add(max(theater.auditor.told))


#: What happens, and where the process dies then. A number says at which passing.
DEATHS: dict[Scenario, tuple[str, ...]] = {
    short: (
        *(
            "heard",
            "accepted",
            "begun",
            "reserved",
            "prompt built",
            "text came",
            "chunk recorded",
            "chunk sent",
            "chunk known",
        ),
        *("text whole", "completed", "shown", "answered"),
    ),
    with_a_file: ("accepted", "begun", "files read", "text came", "completed", "shown"),
    long: ("chunk recorded 2", "chunk sent 2", "chunk known 2", "chunk recorded 3", "chunk sent 3", "chunk known 3"),
    filed: ("chunk recorded 3", "chunk sent 3", "chunk known 3", "shown"),
    filed_late: ("text whole", "completed", "shown", "answered"),
    streamed: ("text came 500", "chunk edited", "text whole", "completed", "shown"),
    gathered: ("accepted 3", "begun 2", "chunk sent 4", "answered 2"),
    deleted: ("forgotten", "interrupted", "chunks retracted", "chunk deleted", "chunk deleted 2", "chunks dropped"),
    newest_deleted: ("forgotten", "chunk deleted"),
    a_part_deleted: ("forgotten", "chunk deleted"),
    halted: ("asked to stop", "text whole", "completed", "chunk edited 2", "shown", "answered"),
    retried: (
        *("reopened", "prompt built", "text came 50", "completed", "chunk edited"),
        *("chunks retracted", "chunk deleted", "chunk deleted 2", "chunks dropped", "shown", "answered"),
    ),
    continued: (
        *("button pressed", "reopened", "files read", "prompt built", "text came 50", "chunk edited"),
        *(
            "chunk recorded",
            "chunk sent",
            "chunk known",
            "chunk sent 2",
            "text whole",
            "completed",
            "shown",
            "answered",
        ),
    ),
    edited: ("corrected",),
    reset: ("reset", "interrupted", "stopped"),
    summarized: ("summary claimed", "summary reserved", "summary written", "summary stored"),
    stopped: ("stopping", "conversations closed", "goodbye said"),
    started: ("purged", "tidied"),
    looked_for: ("chunk found", "chunk known", "completed"),
    too_old: ("completed", "chunks retracted", "chunk deleted", "shown"),
}


#: Those of `make test`: what is on the disk, or on Discord, differs most.
SHORT: dict[Scenario, tuple[str, ...]] = {
    short: ("heard", "accepted", "reserved", "chunk sent", "completed", "shown"),
    with_a_file: ("files read",),
    filed: ("chunk sent 3",),
    filed_late: ("shown",),
    deleted: ("chunks retracted",),
    halted: ("asked to stop", "completed"),
    retried: ("reopened", "chunks retracted"),
    continued: ("button pressed", "chunk sent", "completed"),
    reset: ("reset",),
    summarized: ("summary reserved", "summary written"),
    stopped: ("stopping",),
    looked_for: ("chunk found",),
}


def deaths() -> Iterator[ParameterSet]:
    """Every death; most in `make torture` only."""
    for scenario, points in DEATHS.items():
        for point in points:
            marks = [] if point in SHORT.get(scenario, ()) else [pytest.mark.torture]
            yield pytest.param(scenario, point, id=f"{scenario.__name__}: {point}", marks=marks)


def name(point: str) -> str:
    return point.rstrip(" 0123456789")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("scenario", "point"), list(deaths()))
async def test_a_death_at_a_boundary(theater: Theater, scenario: Scenario, point: str) -> None:
    theater.kill_at.write_text(point)
    channel = theater.stage.channel()
    await scenario(theater, channel)
    await theater.died()
    await theater.load.tell(channel, 0, addressed=False)
    await theater.load.tell(channel, 0, by=theater.stage.marlin)
    theater.stage.discord.levers.forget_nonces()
    await theater.start()
    await theater.auditor.satisfied()


def test_somebody_dies_at_every_fault_point(repo_root: Path) -> None:
    points = {
        point
        for path in (repo_root / "bot").rglob("*.py")
        for point in re.findall(r'fault_point\("(.+?)"\)', path.read_text(encoding="utf-8"))
    }
    assert points == {name(point) for points in DEATHS.values() for point in points}
