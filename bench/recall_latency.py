"""How long recall takes in a large memory: ``python -m bench.recall_latency [--channels 1000] [--messages 1000] [--json]``.

The text is synthetic: sentences of a vocabulary whose words are as unevenly frequent as those of a language (Zipf's law), the
most frequent being function words, as in English. It is written in bulk, then recalled through the product's own store and
code. ``--channels 1 --messages 100000`` is one huge channel.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sqlite3
import statistics
import tempfile
import time
from itertools import accumulate
from pathlib import Path

from bot.memory.recall import STOP, words
from bot.recall import Recaller
from bot.tokens import estimate
from storage import open_store
from storage.records import Message
from storage.sql.index import scope

VOCABULARY = 20_000
NAMES = ("Nemo", "Marlin", "Dory", "Gill", "Bloat", "Peach", "Gurgle", "Bubbles")
WINDOW = 30
ROOM_TOKENS = 2_400
FIRST_TIME = 1_700_000_000.0


class Text:
    """Makes sentences and questions; the same for the same *seed*."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        letters = "abcdefghiklmnoprstuvw"
        made = ("".join(self._random.choices(letters, k=self._random.randint(3, 9))) for _ in range(VOCABULARY))
        self._words = [*sorted(STOP), *made]
        self._weights = list(accumulate(1 / rank for rank in range(1, len(self._words) + 1)))

    def sentence(self, longest: int = 40) -> str:
        """Return 4 to *longest* words."""
        length = self._random.randint(4, longest)
        return " ".join(self._random.choices(self._words, cum_weights=self._weights, k=length))

    def question(self) -> str:
        """Return a question of some words, function words among them."""
        return f"What did {self._random.choice(NAMES)} say about {self.sentence(12)}?"


def fill(path: Path, channels: int, messages: int, text: Text) -> None:
    """Write *messages* messages into each of *channels* channels of the empty database at *path*, interleaved."""
    db = sqlite3.connect(path)
    db.execute("PRAGMA synchronous = OFF")
    numbers = range(1, channels + 1)
    db.executemany(
        "INSERT INTO channels (id, epoch, next_position) VALUES (?, 1, ?)", [(n, messages + 1) for n in numbers]
    )
    db.executemany("INSERT INTO epochs (channel_id, number, opened_at) VALUES (?, 1, 0)", [(n,) for n in numbers])
    row = 0
    for position in range(1, messages + 1):
        said = FIRST_TIME + 600 * position
        stored, indexed = [], []
        for number in numbers:
            row += 1
            author, content = row % len(NAMES), text.sentence()
            stored.append((row, row, number, position, author, NAMES[author], content, estimate(content), said))
            indexed.append((row, content, f"{NAMES[author]} Monday 13 November 2023", scope(number, 1)))
        db.executemany(
            "INSERT INTO messages (id, discord_id, channel_id, epoch, position, role, author_id, author_name, content,"
            " tokens, created_at) VALUES (?, ?, ?, 1, ?, 'user', ?, ?, ?, ?, ?)",
            stored,
        )
        db.executemany("INSERT INTO messages_fts (rowid, content, about, scope) VALUES (?, ?, ?, ?)", indexed)
    db.commit()
    db.close()


async def measure(channels: int, messages: int, questions: int) -> dict[str, float | int]:
    """Return the time that recall takes, in ms, for *questions* questions in channels at random."""
    text = Text(seed=1)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/recall.db"
        async with open_store(url):
            pass
        fill(Path(folder) / "recall.db", channels, messages, text)
        async with open_store(url) as store:
            recaller = Recaller(store, estimate)
            took, recalled = [], 0
            for number in range(questions):
                window = _window(messages, text.question())
                started = time.perf_counter()
                block = await recaller.recall(1 + number % channels, 1, window, ROOM_TOKENS, ROOM_TOKENS)
                took.append(1_000 * (time.perf_counter() - started))
                recalled += block is not None
    ordered = sorted(took)
    return {
        "channels": channels,
        "messages_per_channel": messages,
        "questions": questions,
        "recalled": recalled,
        "recall_ms_p50": round(statistics.median(ordered), 2),
        "recall_ms_p90": round(ordered[int(0.9 * len(ordered))], 2),
    }


def _window(messages: int, question: str) -> list[Message]:
    """Return the newest messages, with *question* as the last."""
    places = range(messages - WINDOW, messages + 2)
    return [
        Message(place, "user", 0, NAMES[0], question if place > messages else "", len(words(question)), FIRST_TIME)
        for place in places
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.recall_latency", description=__doc__)
    parser.add_argument("--channels", type=int, default=1_000)
    parser.add_argument("--messages", type=int, default=1_000)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = asyncio.run(measure(arguments.channels, arguments.messages, arguments.questions))
    print(json.dumps(result) if arguments.json else "\n".join(f"{name}: {value}" for name, value in result.items()))


if __name__ == "__main__":
    main()
