"""An auditor: compares what people saw and did with what the bot remembers and shows, and says in sentences what is wrong.

It watches the world from the moment it is made. Which faults there are to be found, and when the bot dies, is not its business.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from bot.chunks import WRITING_MARK
from bot.layout import Laid, Layout
from bot.notes import STOPPED_BY_RESET, STOPPED_EARLY, TOO_OLD, with_note
from bot.ports import INTERRUPTED, STOPPED
from playground.discord.records import Message
from tests.sockets import speech
from tests.sockets.conftest import PATIENCE, Stage

#: Between two looks, in seconds: the more was said the longer one takes, and the servers in this process stand still meanwhile.
LOOK_SECONDS = 0.3

_UNFINISHED = ("claimed", "generating", "sending")

#: Every place where the database keeps words.
_WORDS = (
    "SELECT content FROM messages UNION ALL SELECT text FROM summaries UNION ALL SELECT text FROM chunks"
    " UNION ALL SELECT reply FROM turns WHERE reply IS NOT NULL UNION ALL SELECT content FROM messages_fts"
)


#: What somebody attaches, as a name, a type that nobody believes, and bytes.
FILE = ("notes.txt", "", b"Nothing to see here.")

#: A call that is broken off by a stop before the model has heard of it is booked all the same: nobody can know. That is rare.
UNHEARD_CALLS = 3


@dataclass
class Told:
    """What somebody said. *old* are its secrets that nobody may know any more."""

    id: int
    channel: int
    author: int
    content: str
    addressed: bool
    has_file: bool = False
    deleted: bool = False
    old: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Books:
    """What the bot remembers, read at one moment. Rows are by id, or by the id of their turn."""

    messages: dict[int, sqlite3.Row]
    turns: dict[int, sqlite3.Row]
    triggers: dict[int, list[sqlite3.Row]]
    replies: dict[int, sqlite3.Row]
    chunks: dict[int, list[sqlite3.Row]]
    open_epochs: dict[int, int]
    resets: dict[int, int | None]
    words: str
    calls: int
    reserved: int
    oddities: list[str]


class Auditor:
    """Watches *stage* and checks. *remembers_all* says that the bot's reply mode stores what is not addressed to it.

    With *model_fails* it may say that it could not answer. A reply has *reply_chunks* messages, and then a file.
    """

    def __init__(
        self, stage: Stage, *, remembers_all: bool = False, model_fails: bool = False, reply_chunks: int = 5
    ) -> None:
        self._stage = stage
        self._reply_chunks = reply_chunks
        self._remembers_all = remembers_all
        self._model_fails = model_fails
        self.told: dict[int, Told] = {}
        #: The channels where somebody deleted something: there a reply may have gone with what it was for.
        self._deleted_in: set[int] = set()
        #: The channels where a reply was stopped or broke off: there one may be a beginning.
        self.cut_in: set[int] = set()
        #: Messages that are too old to be answered: they are told so.
        self.too_old: set[int] = set()
        #: How many calls dead bots had reserved something for: that they were made is taken for granted.
        self._cut_off = 0
        stage.world.state.hub.gateway_sinks.append(self._take)

    # watching

    def _take(self, kind: str, data: dict[str, Any], channel_id: int | None) -> None:
        if kind == "MESSAGE_CREATE" and int(data["author"]["id"]) != self._stage.world.bot_id:
            self._hear(data)
        elif kind == "MESSAGE_UPDATE" and (changed := self.told.get(int(data["id"]))):
            changed.old += filter(None, [speech.secret(changed.content)])
            changed.content = self._read(data["content"])
        elif kind in ("MESSAGE_DELETE", "MESSAGE_DELETE_BULK"):
            for gone in data.get("ids") or [data["id"]]:
                self._lose(int(gone))

    def _hear(self, data: dict[str, Any]) -> None:
        author, content = int(data["author"]["id"]), self._read(data["content"])
        addressed, has_file = self._is_addressed(data), bool(data["attachments"])
        told = Told(int(data["id"]), int(data["channel_id"]), author, content, addressed, has_file)
        self.told[told.id] = told

    def _lose(self, message_id: int) -> None:
        if told := self.told.get(message_id):
            told.deleted = True
            told.old += filter(None, [speech.secret(told.content)])
            self._deleted_in.add(told.channel)

    def people_deleted(self, channel: int) -> None:
        """Note that somebody deleted a part of a reply in a channel: of our own deletions the world tells just the same."""
        self._deleted_in.add(channel)

    def _read(self, content: str) -> str:
        return content.removeprefix(f"<@{self._stage.world.bot_id}>").strip()

    def _is_addressed(self, data: dict[str, Any]) -> bool:
        return "guild_id" not in data or any(int(user["id"]) == self._stage.world.bot_id for user in data["mentions"])

    def bot_died(self) -> list[str]:
        """Look at what a dead bot left: whether the file is sound."""
        with self._left_behind() as books:
            self._cut_off += books.reserved
            return books.oddities

    # checking

    async def satisfied(self) -> None:
        """Wait until all is well, for a while; fail with what is wrong then."""
        for _ in range(int(2 * PATIENCE / LOOK_SECONDS)):
            if not (found := self._look()):
                return
            await asyncio.sleep(LOOK_SECONDS)
        raise AssertionError("\n".join(["", *found]))

    def _look(self) -> list[str]:
        return self.complaints() if self._stage.idle else ["The bot is still busy."]

    def complaints(self) -> list[str]:
        """Everything that is wrong at this moment, a sentence each."""
        with closing(sqlite3.connect(f"{self._stage.database.as_uri()}?mode=ro", uri=True)) as db:
            books = _read_books(db)
        return [
            *books.oddities,
            *self._about_memory(books),
            *self._about_turns(books),
            *self._about_replies(books),
            *self._about_secrets(books),
            *self._about_calls(books),
        ]

    @contextmanager
    def _left_behind(self) -> Iterator[Books]:
        """Read a copy of a dead bot's files, so that recovering them is left to its next start."""
        copy = self._stage.folder / "copy.db"
        for suffix in ("", "-wal"):
            source = self._stage.database.with_name(f"{self._stage.database.name}{suffix}")
            copy.with_name(f"{copy.name}{suffix}").unlink(missing_ok=True)
            if source.exists():
                shutil.copy(source, copy.with_name(f"{copy.name}{suffix}"))
        with closing(sqlite3.connect(copy)) as db:
            yield _read_books(db)

    def _about_memory(self, books: Books) -> Iterator[str]:
        for told in self.told.values():
            row = books.messages.get(told.id)
            where = f"Message {told.id} in channel {told.channel}"
            if told.deleted:
                if row is not None:
                    yield f"{where} was deleted and is still remembered."
            elif not told.addressed and not self._remembers_all:
                if row is not None:
                    yield f"{where} is remembered, though it was not addressed to the bot."
            elif row is None:
                reset = books.resets.get(told.channel) or 0
                if told.id > reset:  # else it was heard of after a reset that came after it
                    yield f"{where} is not remembered."
            elif row["channel_id"] != told.channel:
                yield f"{where} is remembered in channel {row['channel_id']}."
            elif row["content"].partition("\n[file: ")[0] != told.content:
                yield f"{where} says {told.content!r} and is remembered as {row['content']!r}."
            elif told.addressed:
                yield from self._about_answer(books, told, row)
        for row in books.messages.values():
            if row["role"] == "user" and row["discord_id"] not in self.told:
                yield f"Message {row['discord_id']} is remembered, but nobody said it."

    def _about_answer(self, books: Books, told: Told, row: sqlite3.Row) -> Iterator[str]:
        where = f"Message {told.id} in channel {told.channel}"
        turn = books.turns.get(row["turn_id"])
        if turn is None:
            yield f"{where} was addressed to the bot and belongs to no turn."
        elif turn["status"] in _UNFINISHED:
            yield f"{where} is not answered yet: its turn {turn['id']} is {turn['status']}."
        elif turn["status"] == "answered":
            reply = books.replies.get(turn["id"])
            if reply is None:
                if told.channel not in self._deleted_in:
                    yield f"{where} was answered, and the reply is not remembered."
            elif reply["content"] == TOO_OLD:
                if told.id not in self.too_old:
                    yield f"{where} was told to be too old."
            elif speech.number(told.content) not in self._answered(turn, reply):
                yield f"{where} is not answered by the reply of its turn: {reply['content'][:60]!r}."
            elif told.has_file and not row["content"].endswith(f"\n[file: {FILE[0]}, text]\n  {FILE[2].decode()}"):
                yield f"{where} brought a file that was not read: {row['content']!r}."
        elif turn["status"] == "cancelled" and told.channel in self._deleted_in:
            pass  # a part of the reply was deleted while it was written
        elif turn["status"] == "failed" and told.channel in self.cut_in:
            if self._last_of(books, turn["id"]) != STOPPED_EARLY:
                yield f"{where} was not answered, and nobody said that it was stopped."
        elif turn["status"] == "failed" and self._model_fails:
            if not self._last_of(books, turn["id"]).startswith("⚠️"):
                yield f"{where} was not answered, and nobody said why."
        elif turn["epoch"] == books.open_epochs[told.channel]:
            yield f"{where} was not answered: its turn {turn['id']} is {turn['status']}."

    def _answered(self, turn: sqlite3.Row, reply: sqlite3.Row) -> list[int]:
        """The numbers of the messages that a reply is for, whole or the beginning of one that was cut; none if it is neither."""
        is_cut = turn["finish_reason"] in (STOPPED, INTERRUPTED) and turn["channel_id"] in self.cut_in
        return (speech.begun if is_cut else speech.answered)(reply["content"])

    def _about_turns(self, books: Books) -> Iterator[str]:
        places = {row["id"]: place for place, row in enumerate(books.messages.values())}
        for turn_id, reply in books.replies.items():
            turn, triggers = books.turns[turn_id], books.triggers[turn_id]
            where = f"Turn {turn_id} in channel {turn['channel_id']}"
            if turn["status"] != "answered":
                yield f"{where} is {turn['status']} and has a reply."
            if not triggers:
                yield f"{where} has a reply and nothing that it answers."
                continue
            ids = [trigger["discord_id"] for trigger in triggers]
            if ids != sorted(ids):
                yield f"{where} has its messages in another order than they were said."
            first = places[triggers[0]["id"]]
            if reply["position"] != turn["position"] or places[reply["id"]] != first + len(triggers):
                yield f"{where} has its reply at position {reply['position']}, not right after what it answers."
            if numbers := self._answered(turn, reply):
                if numbers[-1] != speech.number(triggers[-1]["content"]):
                    yield f"{where} answers message number {numbers[-1]} as the newest, which it is not."
            elif reply["content"] != TOO_OLD:
                yield f"{where} has a reply that is not whole: {reply['content'][:60]!r}."
            yield from self._about_shown(books, where, turn, triggers[-1]["discord_id"], reply["content"])

    def _about_shown(self, books: Books, where: str, turn: sqlite3.Row, newest: int, content: str) -> Iterator[str]:
        there = self._stage.world.state.messages[turn["channel_id"]]
        shown = [there.get(chunk["discord_id"] or 0) for chunk in books.chunks[turn["id"]]]
        texts = [message.content if message else None for message in shown]
        laid = _laid(self._reply_chunks, with_note(content, turn["finish_reason"]))
        is_shown = texts == laid.chunks and self._files(shown) == ([] if laid.file is None else [laid.file])
        could_not_go_on = self._model_fails and "\n-# ⚠️ " in (texts[-1] or "")
        if not is_shown and not could_not_go_on:
            files = f"{len(self._files(shown))} files where there should be {0 if laid.file is None else 1}"
            yield f"{where} shows {[text and text[-40:] for text in texts]} ({files}) instead of {laid.chunks[-1][-40:]!r}."
        elif shown[0] and shown[0].reference_id != newest:
            yield f"{where} has a reply that refers to {shown[0].reference_id} instead of its newest message {newest}."

    def _files(self, shown: list[Message | None]) -> list[str]:
        """What is in the files of a reply, of whatever message."""
        kept = [
            self._stage.world.state.store.file(int(one["id"])) for each in shown if each for one in each.attachments
        ]
        return [file[1].decode() for file in kept if file]

    def _about_replies(self, books: Books) -> Iterator[str]:
        owners = {chunk["discord_id"]: turn_id for turn_id, chunks in books.chunks.items() for chunk in chunks}
        answered: Counter[int] = Counter()
        for message in self._of_the_bot():
            where = f"The bot's message {message.id} in channel {message.channel_id}"
            if message.reference_id is not None:
                answered[message.reference_id] += 1
            if WRITING_MARK in message.content:
                yield f"{where} still has the writing mark: {message.content[-40:]!r}."
            turn = books.turns.get(owners.get(message.id, 0))
            if turn is None:
                yield f"{where} belongs to no turn: {message.content[:40]!r}."
            elif turn["status"] == "cancelled" and STOPPED_BY_RESET not in self._last_of(books, turn["id"]):
                yield f"{where} belongs to turn {turn['id']}, which was cancelled, and does not say so."
        for message_id, times in answered.items():
            if times > 1:
                yield f"Message {message_id} has {times} replies that refer to it."

    def _last_of(self, books: Books, turn_id: int) -> str:
        there = self._stage.world.state.messages[books.turns[turn_id]["channel_id"]]
        message = there.get(max((chunk["discord_id"] or 0 for chunk in books.chunks[turn_id]), default=0))
        return message.content if message else ""

    def _of_the_bot(self) -> Iterator[Message]:
        for messages in self._stage.world.state.messages.values():
            for message in messages.values():
                if message.author_id == self._stage.world.bot_id and message.interaction is None:
                    yield message

    def _about_calls(self, books: Books) -> Iterator[str]:
        asked = sum(len(model.requests) for model in (self._stage.model, self._stage.second))
        if books.calls > asked + self._cut_off + UNHEARD_CALLS:
            yield f"{books.calls} calls are booked, and the models were asked {asked} times."
        if books.reserved:
            yield f"For {books.reserved} calls something is still reserved."

    def _about_secrets(self, books: Books) -> Iterator[str]:
        kept = speech.secrets(books.words)
        for told in self.told.values():
            for secret in told.old:
                if secret in kept:
                    yield f"Message {told.id} in channel {told.channel} does not say {secret!r} any more, and it is still kept."


def _read_books(db: sqlite3.Connection) -> Books:
    db.row_factory = sqlite3.Row
    db.execute("BEGIN")
    messages = db.execute("SELECT * FROM messages ORDER BY channel_id, epoch, position").fetchall()
    turns = {row["id"]: row for row in db.execute("SELECT * FROM turns")}
    books = Books(
        messages={row["discord_id"]: row for row in messages},
        turns=turns,
        triggers=_by_turn(row for row in messages if row["role"] == "user"),
        replies={row["turn_id"]: row for row in messages if row["role"] == "assistant"},
        chunks=_by_turn(db.execute("SELECT * FROM chunks ORDER BY turn_id, number")),
        open_epochs=dict(db.execute("SELECT id, epoch FROM channels").fetchall()),
        resets=dict(db.execute("SELECT id, reset_id FROM channels").fetchall()),
        words="\n".join(row[0] for row in db.execute(_WORDS)),
        calls=db.execute("SELECT ifnull(sum(calls), 0) FROM usage").fetchone()[0],
        reserved=db.execute("SELECT count(*) FROM reservations").fetchone()[0],
        oddities=[
            sentence
            for query, sentence in _ODDITIES
            for row in db.execute(query)
            for sentence in [sentence.format(*row)]
        ],
    )
    db.execute("COMMIT")
    return books


def _by_turn(rows: Iterable[sqlite3.Row]) -> dict[int, list[sqlite3.Row]]:
    found: dict[int, list[sqlite3.Row]] = defaultdict(list)
    for row in rows:
        found[row["turn_id"]].append(row)
    return found


#: What must not be in any database at any moment, whatever was said: a query that finds it, and the sentence.
_ODDITIES = (
    ("SELECT * FROM pragma_integrity_check WHERE integrity_check <> 'ok'", "The file is damaged: {}."),
    ('SELECT "table", rowid FROM pragma_foreign_key_check', "A row of {} ({}) belongs to nothing."),
    (
        "SELECT m.id, m.position, c.id, c.next_position FROM messages m JOIN channels c ON c.id = m.channel_id"
        " WHERE m.position >= c.next_position",
        "Message row {} has position {}, and channel {} goes on at {}.",
    ),
    (
        "SELECT id, channel_id FROM messages m WHERE position IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM turns t WHERE t.id = m.turn_id AND t.status = 'claimed')",
        "Message row {} in channel {} has no place in the order.",
    ),
    (
        "SELECT id, channel_id FROM messages m WHERE position IS NOT NULL AND id NOT IN (SELECT rowid FROM messages_fts)"
        " AND NOT EXISTS (SELECT 1 FROM turns t WHERE t.id = m.turn_id AND t.status IN ('generating', 'sending'))",
        "Message row {} in channel {} is not in the index.",
    ),
    (
        "SELECT rowid FROM messages_fts WHERE rowid NOT IN (SELECT id FROM messages)",
        "Message row {} is gone and still in the index.",
    ),
    (
        "SELECT channel_id, calls, answered FROM (SELECT channel_id, sum(calls) AS calls FROM usage WHERE kind = 'reply'"
        " GROUP BY channel_id) FULL JOIN (SELECT channel_id, count(*) AS answered FROM turns WHERE status = 'answered'"
        " AND model <> '' GROUP BY channel_id) USING (channel_id) WHERE ifnull(calls, 0) < answered",
        "In channel {} {} calls are booked, and {} turns were answered.",
    ),
)


@cache
def _laid(chunks: int, text: str) -> Laid:
    """How a reply is to be shown, which takes milliseconds, and is asked of each reply at each look."""
    return Layout(chunks).final(text)
