"""A part of a reply is on the disk before Discord hears of it, whatever else is written just then."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from bot.ports import Button
from bot.replies import ReplyWriter
from bot.shared_pace import SharedPace
from storage import Store, open_store
from storage.records import Incoming
from tests.quiet import NOW, Shown

CHANNEL, TRIGGER = 1, 50
LONG = "This is a sentence of many. " * 100


@dataclass
class Watched(Shown):
    """A channel that notes what of each message was on the disk when it was sent."""

    path: Path = Path()
    on_disk: list[list[str]] = field(default_factory=list)

    async def send(
        self,
        text: str,
        *,
        nonce: str,
        reply_to: int | None,
        ping: int | None,
        buttons: Sequence[Button] = (),
        file: str | None = None,
    ) -> int:
        with closing(sqlite3.connect(self.path)) as db:
            self.on_disk.append([text for (text,) in db.execute("SELECT text FROM chunks")])
        return await super().send(text, nonce=nonce, reply_to=reply_to, ping=ping, buttons=buttons, file=file)


@asynccontextmanager
async def writing(channel: Watched) -> AsyncIterator[tuple[ReplyWriter, Store]]:
    """The writer of the reply to one message, and its store."""
    async with open_store(f"sqlite:///{channel.path}") as store:
        said = Incoming(TRIGGER, CHANNEL, None, 42, "Nemo", "Tell me everything.", 5, NOW)
        await store.accept(said, addressed=True, now=NOW)
        turn = await store.begin(CHANNEL, owner="test", lease=60, budget=lambda _: 1_000, now=NOW)
        assert turn is not None
        writer = ReplyWriter(turn, channel, store, 5, SharedPace(), lambda: None)
        yield writer, store
        await writer.close()


async def test_what_is_shown_while_the_whole_text_is_being_stored_is_recorded_first(tmp_path: Path) -> None:
    channel = Watched(count(1_000), path=tmp_path / "mnemo.db")
    async with writing(channel) as (writer, _):
        writer.show(LONG)
        beginning = writer.first_chunk(LONG)  # and now the disk takes its time
        await asyncio.wait_for(channel.changed.wait(), 10)
    [first] = channel.on_disk
    assert first == [beginning]


async def test_nothing_is_sent_of_a_reply_whose_question_is_gone(tmp_path: Path) -> None:
    channel = Watched(count(1_000), path=tmp_path / "mnemo.db")
    async with writing(channel) as (writer, store):
        await store.forget([TRIGGER], now=NOW)
        await writer.finish(LONG)
    assert channel.on_disk == []
