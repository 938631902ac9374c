"""Of what was erased no byte stays in the files, however the database's pages were filled, split and merged before.

The index keeps words in lower case, by their stems, and only what differs from the word before: so the ends of words are looked
for, whatever their case.
"""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import pytest

from storage.errors import DatabaseBusy
from storage.records import QUOTE, About, Attachment, Extent, Incoming, Outline, Place, Status, Turn
from storage.sqlite import SqliteStore
from tests.contract.makers import EVERYTHING, NOW, answer, begin, begun, exchange, said


@dataclass
class Said:
    """What one message and the reply to it say that nothing else says."""

    channel: int
    author: int
    words: set[str]
    replied: set[str]
    is_kept: bool = False


class Teller:
    """Says things at random in one store and takes them back, and knows which words must be gone."""

    def __init__(self, store: SqliteStore, chance: random.Random) -> None:
        self.store, self.chance = store, chance
        self.ids = count(1_000)
        self.said: dict[int, Said] = {}
        self.gone: set[str] = set()
        #: What was asked about which message, and answered.
        self.questions: list[tuple[int, set[str]]] = []

    def text(self) -> tuple[str, set[str]]:
        # Letters that no stemmer shortens: these end in no ending that it knows.
        own = {"".join(self.chance.choices("bcdfgjkmnpqvxz", k=14)).capitalize() for _ in range(2)}
        return " ".join([*own, "x" * self.chance.choice([4, 40, 400, 1500, 6000]), *own]), own

    async def say(self, channel: int) -> None:
        message_id = next(self.ids)
        text, own = self.text()
        author = self.chance.choice([42, 43])
        said = Incoming(message_id, channel, 7, author, "Nemo", text, 10, NOW + message_id)
        await self.store.accept(said, addressed=self.chance.random() < 0.4, now=NOW)
        self.said[message_id] = Said(channel, author, own, set())
        if (turn := await begin(self.store, channel)) is not None:
            await self.reply(turn, self.said[message_id])

    async def reply(self, turn: Turn, said: Said) -> None:
        text, own = self.text()
        if self.chance.random() < 0.2:  # the turn ends while its worker, who does not know yet, still shows the reply
            await self.store.record_chunk(turn, 0, text)
            await self.store.close_turn(turn, Status.CANCELLED)
            await self.store.record_chunk(turn, 1, text)
            self.gone |= own
        else:
            assert await answer(self.store, turn, text, chunk_id=next(self.ids), now=turn.newest.created_at + 1)
            said.replied = own

    async def summarize(self, channel: int) -> None:
        state = await self.store.compaction(channel, reach=lambda _: EVERYTHING)
        if state is None or len(state.backlog) < 4:
            return
        span = (state.backlog[0].position, state.backlog[-1].position)
        draft = await self.store.claim_leaf(state, span, reason="full", now=NOW)
        assert draft is not None
        text = " ".join(message.content[:60] for message in draft.messages)
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "latency": 0.1}
        assert await self.store.commit_summary(draft, text=text, tokens=9, model="little", **usage)

    async def open_thread(self, channel: int) -> None:
        """Open a thread that begins with all that was said, as summaries, and fold these into a digest of its own."""
        thread = Place(next(self.ids), 7, channel)
        state = await self.store.uncovered(channel, look_back=10_000)
        outlines = []
        if state is not None and state.backlog:
            span = (state.backlog[0].position, state.backlog[-1].position)
            draft = await self.store.claim_leaf(state, span, reason="a thread", now=NOW)
            assert draft is not None
            text = " ".join(message.content[:60] for message in draft.messages)
            outlines = [Outline(draft, text, 9, "little", 1, 1)]
        await self.store.open_thread(channel, thread, outlines, now=NOW)
        inside = await self.store.compaction(thread.channel_id, reach=lambda _: EVERYTHING)
        if inside is not None and len(inside.summaries) > 1:
            digest = await self.store.claim_digest(inside, inside.summaries, reason="folded", now=NOW)
            assert digest is not None
            text = " ".join(part.text for part in digest.parts)
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "latency": 0.1}
            assert await self.store.commit_summary(digest, text=text, tokens=9, model="little", **usage)

    async def pin(self, message_id: int) -> None:
        """Pin a message, or take that back."""
        said = self.said[message_id]
        if not await self.store.unpin(said.channel, message_id):
            await self.store.pin(message_id, now=NOW)
        elif said.is_kept:
            self.erased([message_id])

    async def keep(self, channel: int) -> None:
        """Keep a message for its pin alone, and often take that back at once."""
        message_id = next(self.ids)
        text, own = self.text()
        author = self.chance.choice([42, 43])
        await self.store.keep(Incoming(message_id, channel, 7, author, "Nemo", text, 10, NOW + message_id), now=NOW)
        self.said[message_id] = Said(channel, author, own, set(), is_kept=True)
        if self.chance.random() < 0.5:
            assert await self.store.unpin(channel, message_id)
            self.erased([message_id])

    async def ask(self, message_id: int) -> None:
        """Ask about a message: the question quotes it, whatever it says later."""
        said = self.said[message_id]
        about = About(message_id, said.author, NOW + message_id)
        question_id = next(self.ids)
        text, own = self.text()
        asked = Incoming(question_id, said.channel, 7, 44, "Dory", text, 10, NOW + question_id, about=about)
        quote = Attachment(question_id, QUOTE, "Nemo", "message", 1, None, " ".join(said.words), 5)
        await self.store.accept(replace(asked, attachments=(quote,)), addressed=True, now=NOW)
        if (turn := await begin(self.store, said.channel)) is not None:
            answered, replied = self.text()
            assert await answer(self.store, turn, answered, chunk_id=next(self.ids), now=turn.newest.created_at + 1)
            self.questions.append((message_id, own | replied))

    async def edit(self, message_id: int) -> None:
        text, own = self.text()
        assert await self.store.edit(message_id, text, tokens=10, quote=(" ".join(own), 5), now=NOW)
        self.gone |= self.said[message_id].words
        self.said[message_id].words = own

    async def delete(self, ids: list[int]) -> None:
        await self.store.forget(ids, now=NOW)
        self.erased(ids)

    async def expire(self) -> None:
        before = min(self.said) + self.chance.randrange(30)
        await self.store.expire(before=NOW + before, most=10_000)
        self.erased([one for one in self.said if one < before])

    async def forget(self, channel: int) -> None:
        if self.chance.random() < 0.5:
            await self.store.forget_channel(channel)
        else:
            await self.store.reset(channel, now=NOW)
            await self.store.purge(closed_before=NOW)
        self.erased([one for one, said in self.said.items() if said.channel == channel])

    async def forget_author(self, author: int, channel: int) -> None:
        while (await self.store.forget_author(author, Extent(channel), most=20, now=NOW)).messages:
            pass
        self.erased([one for one, said in self.said.items() if (said.channel, said.author) == (channel, author)])

    def erased(self, ids: list[int]) -> None:
        for message_id in ids:
            said = self.said.pop(message_id)
            self.gone |= said.words | said.replied
            for _, words in (one for one in self.questions if one[0] == message_id):
                self.gone |= words
            self.questions = [one for one in self.questions if one[0] != message_id]

    async def do_something(self) -> None:
        channel = self.chance.randrange(1, 5)
        ids = list(self.said)
        what = self.chance.choices(
            [
                "say",
                "edit",
                "delete",
                "summarize",
                "open_thread",
                "pin",
                "keep",
                "ask",
                "expire",
                "forget",
                "forget_author",
            ],
            [60, 10, 10, 6, 3, 3, 3, 4, 2, 1, 1],
        )[0]
        if what == "say" or len(ids) < 3:
            await self.say(channel)
        elif what == "edit":
            await self.edit(self.chance.choice(ids))
        elif what == "delete":
            await self.delete(self.chance.sample(ids, self.chance.randrange(1, 4)))
        elif what in ("pin", "ask"):
            await getattr(self, what)(self.chance.choice(ids))
        elif what in ("summarize", "open_thread", "keep"):
            await getattr(self, what)(channel)
        elif what == "expire":
            await self.expire()
        elif what == "forget_author":
            await self.forget_author(self.chance.choice([42, 43]), channel)
        else:
            await self.forget(channel)


def left(folder: Path, words: set[str]) -> list[str]:
    """What of *words* stands in the files of *folder*: the end of a word, in whatever case."""
    files = {path.name: path.read_bytes().lower() for path in folder.iterdir()}
    return [f"{word} in {name}" for word in words for name, data in files.items() if word[-9:].lower().encode() in data]


async def test_no_byte_is_left(tmp_path: Path, chance: random.Random, torture: bool) -> None:
    async with SqliteStore(tmp_path / "memory.db") as store:
        teller = Teller(store, chance)
        for _ in range(60 if torture else 2):
            for _ in range(150):
                await teller.do_something()
            await store.tidy()
            assert left(tmp_path, teller.gone) == []
            teller.gone.clear()
        there = {word for said in teller.said.values() for word in said.words}
        assert len({line.split()[0] for line in left(tmp_path, there)}) == len(there)


async def test_a_tidying_that_fails_is_made_up_for_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.connection.BUSY_TIMEOUT_SECONDS", 0.1)
    monkeypatch.setattr("storage.connection.LOCK_PATIENCE_SECONDS", 0.2)
    async with SqliteStore(tmp_path / "memory.db") as store:
        await exchange(store, 100, "xyzzy", "xyzzy it is")
        await store.forget([100], now=NOW)
        with closing(sqlite3.connect(tmp_path / "memory.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(DatabaseBusy):
                await store.tidy()
        await store.tidy()
        assert left(tmp_path, {"xyzzy"}) == []


async def test_nothing_is_left_of_a_reply_that_is_written_again(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path / "memory.db") as store:
        await exchange(store, 100, "hello", "xyzzy it is")
        await store.tidy()
        assert await store.reopen(101, may=lambda _: True, now=NOW) == 1
        await store.tidy()
        assert left(tmp_path, {"xyzzy"}) == []


async def test_nothing_is_left_of_chunks_that_are_dropped(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path / "memory.db") as store:
        await store.accept(said(100), addressed=True, now=NOW)
        turn = await begun(store)
        assert await store.record_chunk(turn, 0, "hello")
        assert await store.record_chunk(turn, 1, "xyzzy it is")
        await store.tidy()
        await store.drop_chunks(turn, first=1)
        await store.tidy()
        assert left(tmp_path, {"xyzzy"}) == []


async def test_a_large_database_is_rewritten_only_thoroughly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.remains.REWRITTEN_AT_ONCE", 0)
    async with SqliteStore(tmp_path / "memory.db") as store:
        await exchange(store, 100, "xyzzy " * 10_000, "xyzzy it is")
        await store.forget([100], now=NOW)
        unused = []
        for thoroughly in (False, True):
            await store.tidy(thoroughly=thoroughly)
            unused.append(await store._read(lambda db: db.execute("PRAGMA freelist_count").fetchone()[0]))
        assert unused[0] > 10
        assert unused[1] == 0
