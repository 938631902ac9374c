"""The bench of a turn's memory work runs and measures what the bot asks of its store; what is asked together stays together."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bench import turn_overhead
from bench.contenders import Mnemo
from bench.floor import recording
from bench.history import Talk
from bench.replay import Line, flat, open_channel
from storage import open_store

COMMITS_OF_A_TURN = 3


async def test_it_measures_and_tells(tmp_path: Path) -> None:
    result = await turn_overhead.run(tmp_path, most=100, turns=1, channels=3, peers=False)
    assert [size["messages"] for size in result["sizes"]] == [10, 100]
    assert all(size[name]["ms"] > 0 for size in result["sizes"] for name in ("mnemo", "floor"))
    assert result["together"]["share_of_floor"] > 0
    assert "The slowest size" in turn_overhead.table(result)


def test_it_refuses_a_folder_in_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(turn_overhead, "filesystem", lambda _: "tmpfs")
    monkeypatch.setattr("sys.argv", ["turn_overhead", "--no-peers", "--folder", str(tmp_path)])
    with pytest.raises(SystemExit, match="name a folder on a disk with --folder"):
        turn_overhead.main()


async def test_a_turn_of_the_bot_writes_what_a_turn_of_the_bench_does(tmp_path: Path) -> None:
    with recording() as notes:
        async with open_channel(tmp_path, policy="tokens", budget=4_000, always_recall=False) as channel:
            notes.take()
            channel.script.next_reply = "A short reply. It comes at once."
            await channel.hear(Line("A", "What do you say?", 0.0), addressed=True)
            await channel.settle()
            bot = [sql for sql, _ in notes.written]
    with recording() as notes:
        async with open_store(f"sqlite:///{tmp_path}/bench.db") as store:
            notes.take()
            await Mnemo(store, Talk()).turn(0)
            bench = [sql for sql, _ in notes.written]
    nothing_waits = bot[len(bench) :]  # the worker asks for one more turn, and its transaction is empty
    assert bot[: len(bench)] == bench
    assert [sql.split()[0] for sql in nothing_waits] == ["PRAGMA", "BEGIN", "SELECT", "COMMIT"]
    moving_the_new_window = 1
    assert bench.count("COMMIT") == COMMITS_OF_A_TURN + moving_the_new_window


async def test_who_speaks_in_the_same_moment_is_answered_together(tmp_path: Path) -> None:
    async with open_channel(tmp_path, policy="tokens", budget=4_000, always_recall=False) as channel:
        channel.script.next_reply = "To both of you."
        await asyncio.gather(*(channel.hear(Line("A", f"Question {n}?", 0.0), addressed=True) for n in range(3)))
        await channel.settle()
        assert len(channel.script.bill.prompts) == 1
        assert all(f"Question {n}?" in flat(channel.script.bill.prompts[0]) for n in range(3))
