"""What one turn's memory work costs: ``python -m bench.turn_overhead [--most 1000000] [--turns 60] [--json]``.

Memory work is all that a turn asks of its store before it is over: the user's message is made durable, what the model sees
under a budget of 4,000 tokens is loaded, and the reply is made durable. With us that is `accept`, `begin`, `load_window` (and
`move_window` when the policy `tokens` cuts the window), `complete`, `chunk_sent` and `finish`, in three commits: what makes a
reply exactly one after a crash, books its tokens, and finds it by its words, is counted, though the peers do nothing of it.
Counting tokens, building the prompt, recall and compaction are not.

*floor* is bare ``sqlite3`` repeating the very statements of each turn on a copy of the database, with the same commits
(``bench/floor.py``); the peers are those of ``bench/contenders.py``. One turn of each, then the next of each, so that what else
the machine does meets all of them.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.contenders import BUDGET_TOKENS, LIMIT_MESSAGES, PEERS, Contender, Mnemo
from bench.floor import Floor, Notes, contents, recording
from bench.history import Talk, remember
from storage import open_store

SIZES = (10, 100, 1_000, 10_000, 100_000, 1_000_000)

#: The first turns find caches cold and statements not prepared.
WARM_UP = 10

#: Who needs longer than this for a turn, in seconds, is measured a few times only.
PATIENCE_SECONDS = 0.5
FEW = 3

CHANNELS = 200
TURNS_OF_A_CHANNEL = 10

_PEER_LIBRARIES = ("langchain_community", "agents")
_MEMORY_FILESYSTEMS = ("tmpfs", "ramfs")


@dataclass(slots=True)
class Times:
    """What one contender's turns took: seconds by the clock, and of both cores' work."""

    took: list[tuple[float, float]] = field(default_factory=list)

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """Note what happens in this context as one turn."""
        clock, work = time.perf_counter(), time.process_time()
        yield
        self.took.append((time.perf_counter() - clock, time.process_time() - work))

    @property
    def is_done(self) -> bool:
        """Whether one who is slow was measured often enough."""
        return len(self.took) >= FEW and statistics.median(clock for clock, _ in self.took) > PATIENCE_SECONDS

    def figures(self) -> dict[str, float | int]:
        """Return median, 99th percentile and the processor's work (median) in ms, and of how many turns; without the first."""
        kept = self.took[WARM_UP:] or self.took
        clock = sorted(1_000 * seconds for seconds, _ in kept)
        return {
            "ms": round(statistics.median(clock), 3),
            "p99_ms": round(clock[int(0.99 * len(clock))], 3),
            "cpu_ms": round(1_000 * statistics.median(seconds for _, seconds in kept), 3),
            "turns": len(kept),
        }


class Case:
    """A conversation of *messages* messages, as each contender remembers it. Make it with :func:`open_case`."""

    def __init__(self, messages: int, ours: Mnemo, notes: Notes, floor: Floor, peers: dict[str, Contender]) -> None:
        self.messages = messages
        self._ours = ours
        self._notes = notes
        self._floor = floor
        self._peers = peers
        self._times = {name: Times() for name in ("mnemo", "floor", *peers)}

    async def turn(self, number: int) -> None:
        """Let each do turn *number* of this run."""
        number += self.messages
        with self._times["mnemo"].measuring():
            await self._ours.turn(number)
        statements = self._notes.take()
        with self._times["floor"].measuring():
            self._floor.repeat(statements, self._ours.windows)
        self._ours.windows.clear()
        for name, peer in self._peers.items():
            if not self._times[name].is_done:
                with self._times[name].measuring():
                    await peer.turn(number)

    async def round(self, channels: int, number: int) -> tuple[float, float, int]:
        """Let *channels* channels do turn *number* at once; return our seconds, the floor's, and how many commits there were."""
        speakers = [self._ours.in_channel(channel) for channel in range(1, channels + 1)]
        started = time.perf_counter()
        await asyncio.gather(*(speaker.turn(number) for speaker in speakers))
        ours = time.perf_counter() - started
        statements = self._notes.take()
        commits = sum(sql == "COMMIT" for sql, _ in statements)
        started = time.perf_counter()
        self._floor.repeat(statements, self._ours.windows)
        bare = time.perf_counter() - started
        self._ours.windows.clear()
        return ours, bare, commits

    def figures(self) -> dict[str, Any]:
        """Return what a turn costs each."""
        return {"messages": self.messages, **{name: times.figures() for name, times in self._times.items()}}


@asynccontextmanager
async def open_case(folder: Path, messages: int, talk: Talk, *, peers: bool) -> AsyncIterator[Case]:
    """Write a conversation of *messages* messages for each contender into *folder*, and open them."""
    path, copy = folder / f"mnemo-{messages}.db", folder / f"floor-{messages}.db"
    async with open_store(f"sqlite:///{path}"):
        pass
    remember(path, messages, talk)
    shutil.copy(path, copy)
    async with AsyncExitStack() as opened:
        with recording() as notes:
            store = await opened.enter_async_context(open_store(f"sqlite:///{path}"))
        notes.take()
        floor = Floor(copy)
        opened.callback(floor.close)
        others: dict[str, Contender] = {}
        for peer in PEERS if peers else ():
            others[peer.name] = peer(folder / f"{peer.name}-{messages}.db", talk, messages)
            opened.push_async_callback(others[peer.name].close)
        yield Case(messages, Mnemo(store, talk), notes, floor, others)
        _assert_same(path, floor)


def _assert_same(path: Path, floor: Floor) -> None:
    with closing(sqlite3.connect(path)) as db:
        assert contents(db) == floor.contents(), "the floor did not do what the store did"


async def measure_channels(folder: Path, channels: int, turns: int, talk: Talk) -> dict[str, Any]:
    """Return how many turns a second *channels* concurrent tasks get out of one store, and the floor with the same commits."""
    async with open_case(folder, 0, talk, peers=False) as case:
        rounds = [await case.round(channels, number) for number in range(turns)]
    return {
        "channels": channels,
        "turns_of_each": turns,
        "mnemo_turns_per_second": round(channels / statistics.median(ours for ours, _, _ in rounds)),
        "floor_turns_per_second": round(channels / statistics.median(bare for _, bare, _ in rounds)),
        "share_of_floor": round(statistics.median(bare / ours for ours, bare, _ in rounds), 2),
        "commits_a_round": statistics.median(commits for _, _, commits in rounds),
    }


async def run(folder: Path, most: int, turns: int, channels: int, *, peers: bool) -> dict[str, Any]:
    """Measure all sizes up to *most*, one turn of each and then the next, with files in *folder* that are deleted again."""
    talk = Talk()
    with tempfile.TemporaryDirectory(dir=folder) as made:
        async with AsyncExitStack() as opened:
            wanted = (size for size in SIZES if size <= most)
            cases = [
                await opened.enter_async_context(open_case(Path(made), size, talk, peers=peers)) for size in wanted
            ]
            os.sync()  # the histories were written without syncs; nobody is to pay for that now
            gc.collect()
            gc.freeze()  # nor for the collection of what others imported
            for number in range(WARM_UP + turns):
                for case in cases:
                    await case.turn(number)
        sizes = [case.figures() for case in cases]
        together = await measure_channels(Path(made), channels, TURNS_OF_A_CHANNEL, talk)
    ours = [size["mnemo"]["ms"] for size in sizes]
    return {
        "filesystem": filesystem(folder),
        "sqlite": sqlite3.sqlite_version,
        "budget_tokens": BUDGET_TOKENS,
        "agents_sdk_limit_messages": LIMIT_MESSAGES,
        "durability": {
            "mnemo": "WAL, synchronous=FULL, three commits a turn",
            "floor": "the same commits",
            **({peer.name: f"{peer.durability}, two commits a turn" for peer in PEERS} if peers else {}),
        },
        "sizes": sizes,
        "slowest_of_fastest_size": round(max(ours) / min(ours), 2),
        "most_of_floor": max(round(size["mnemo"]["ms"] / size["floor"]["ms"], 2) for size in sizes),
        **({"most_of_peer": _most_of_peers(sizes)} if peers else {}),
        "together": together,
    }


def _most_of_peers(sizes: list[dict[str, Any]]) -> dict[str, float]:
    """Return for each peer the largest share of its time that we needed."""
    names = [peer.name for peer in PEERS]
    return {name: max(round(size["mnemo"]["ms"] / size[name]["ms"], 2) for size in sizes) for name in names}


def filesystem(folder: Path) -> str:
    """Return the type of the filesystem that holds *folder*; "unknown" where the system does not list its mounts."""
    mounts = Path("/proc/self/mounts")
    if not mounts.exists():
        return "unknown"
    found = [line.split()[1:3] for line in mounts.read_text().splitlines()]
    here = [(len(place), kind) for place, kind in found if folder.resolve().is_relative_to(place)]
    return max(here)[1]


def table(result: dict[str, Any]) -> str:
    """Return *result* for a reader."""
    names = [name for name in result["sizes"][0] if name != "messages"]
    lines = [
        f"One turn's memory work in ms, median (p99) of turns; {result['filesystem']}, SQLite {result['sqlite']}.",
        "  ".join([f"{'messages':>9}", *(f"{name:>24}" for name in names), "of the floor"]),
    ]
    for size in result["sizes"]:
        cells = [f"{size[name]['ms']:.2f} ({size[name]['p99_ms']:.2f}) of {size[name]['turns']}" for name in names]
        ratio = size["mnemo"]["ms"] / size["floor"]["ms"]
        lines.append("  ".join([f"{size['messages']:>9,}", *(f"{cell:>24}" for cell in cells), f"{ratio:.2f}"]))
    together = result["together"]
    lines += [
        f"The slowest size: {result['slowest_of_fastest_size']} times the fastest;"
        f" at most {result['most_of_floor']} times the floor.",
        f"{together['channels']} channels at once: {together['mnemo_turns_per_second']:,} turns a second,"
        f" {together['share_of_floor']} of the floor's {together['floor_turns_per_second']:,}.",
        *(f"{name}: {words}." for name, words in result["durability"].items()),
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.turn_overhead", description=__doc__)
    parser.add_argument("--most", type=int, default=SIZES[-1], help="the longest history, in messages")
    parser.add_argument("--turns", type=int, default=60)
    parser.add_argument("--channels", type=int, default=CHANNELS)
    parser.add_argument("--folder", type=Path, default=Path("data"), help="where files are made, and deleted again")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    peers = not arguments.no_peers
    if peers and not all(map(find_spec, _PEER_LIBRARIES)):
        sys.exit(
            "The peers are not installed: run make bench-setup, then .venv-bench/bin/python -m bench.turn_overhead"
        )
    arguments.folder.mkdir(exist_ok=True)
    if filesystem(arguments.folder) in _MEMORY_FILESYSTEMS:
        sys.exit(f"{arguments.folder} is in memory: name a folder on a disk with --folder.")
    result = asyncio.run(run(arguments.folder, arguments.most, arguments.turns, arguments.channels, peers=peers))
    print(json.dumps(result) if arguments.json else table(result))


if __name__ == "__main__":
    main()
