"""Long histories, made quickly: one channel of people's messages and replies, as turns that were answered long ago."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from bench.recall_latency import FIRST_TIME, NAMES, Text
from bot.tokens import estimate
from storage.sql.index import scope

#: So many different messages there are; more would cost time to make and change nothing.
DIFFERENT = 5_000

#: Discord ids of messages and of replies begin here.
FIRST_MESSAGE, FIRST_REPLY = 10**17, 5 * 10**17

#: With five, a message and its reply have about 190 tokens together, and 4,000 tokens are about 42 messages.
SENTENCES_OF_A_REPLY = 5

CHANNEL = 1

#: How many rows are written at once.
_BATCH = 20_000


class Talk:
    """What is said: the same for the same *seed*."""

    def __init__(self, seed: int = 1) -> None:
        text = Text(seed)
        self._said = [text.sentence() for _ in range(DIFFERENT)]
        self._replies = [" ".join(text.sentence() for _ in range(SENTENCES_OF_A_REPLY)) for _ in range(DIFFERENT)]
        self._tokens = {words: estimate(words) for words in (*self._said, *self._replies)}

    def said(self, number: int) -> str:
        """Return what somebody says in turn *number*."""
        return self._said[number % DIFFERENT]

    def reply(self, number: int) -> str:
        """Return the reply in turn *number*."""
        return self._replies[number % DIFFERENT]

    def tokens(self, words: str) -> int:
        """Return how many tokens *words* have, as we estimate."""
        return self._tokens[words]

    def history(self, messages: int) -> Iterator[tuple[str, str]]:
        """Yield *messages* messages, oldest first, each with its role."""
        for number in range(messages // 2):
            yield "user", self.said(number)
            yield "assistant", self.reply(number)


def remember(path: Path, messages: int, talk: Talk) -> None:
    """Write a history of *messages* messages into the empty database of a store at *path*."""
    db = sqlite3.connect(path)
    db.execute("PRAGMA synchronous = OFF")
    turns = messages // 2
    db.execute("INSERT INTO channels (id, epoch, next_position) VALUES (?, 1, ?)", (CHANNEL, 2 * turns + 1))
    db.execute("INSERT INTO epochs (channel_id, number, opened_at) VALUES (?, 1, 0)", (CHANNEL,))
    for first in range(0, turns, _BATCH):
        numbers = range(first, min(first + _BATCH, turns))
        db.executemany(
            "INSERT INTO turns (id, channel_id, epoch, status, attempt, position, model, finish_reason, prompt_tokens,"
            " completion_tokens, latency, claimed_at) VALUES (?, ?, 1, 'answered', 0, ?, 'bench', 'stop', 4000, 140, 1.5, ?)",
            ((number + 1, CHANNEL, 2 * number + 2, FIRST_TIME + number) for number in numbers),
        )
        db.executemany(
            "INSERT INTO chunks (turn_id, number, attempt, text, discord_id) VALUES (?, 0, 0, '', ?)",
            ((number + 1, FIRST_REPLY + number) for number in numbers),
        )
        rows = [row for number in numbers for row in _messages(number, talk)]
        db.executemany(
            "INSERT INTO messages (id, discord_id, channel_id, epoch, position, turn_id, role, author_id, author_name, content,"
            " tokens, created_at) VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        db.executemany(
            "INSERT INTO messages_fts (rowid, content, about, scope) VALUES (?, ?, ?, ?)",
            ((row[0], row[8], f"{row[7]} Monday 13 November 2023", scope(CHANNEL, 1)) for row in rows),
        )
        db.commit()
    db.commit()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def _messages(number: int, talk: Talk) -> Iterator[tuple[object, ...]]:
    turn, author = number + 1, number % len(NAMES)
    both = (
        ("user", FIRST_MESSAGE, author, NAMES[author], talk.said(number)),
        ("assistant", FIRST_REPLY, 99, "Mnemo", talk.reply(number)),
    )
    for place, (role, first_id, author_id, name, words) in enumerate(both, 2 * number + 1):
        when = FIRST_TIME + number
        discord_id, tokens = first_id + number, talk.tokens(words)
        yield place, discord_id, CHANNEL, place, turn, role, author_id, name, words, tokens, when


def batches(history: Iterator[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """Yield *history* in lists that fit into memory."""
    while batch := list(islice(history, _BATCH)):
        yield batch
