"""The benchmarks of the whole bot run, and tell what they promise; how fast it is on this machine is not asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import end_to_end, startup
from bench.many_servers import ManyServers


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(end_to_end, "CALM_SECONDS", 0.1)
    monkeypatch.setattr(startup, "SETTLED_SECONDS", 0.1)


async def test_end_to_end_measures_both_programs() -> None:
    told = await end_to_end.compare([(2, 2)], repeats=1)
    figures = told["2x2"]["mnemo"]
    assert figures["turns"] == told["2x2"]["bare"]["turns"] == 4
    assert figures["requests_per_turn"] <= 2
    assert 0 < figures["first_post_ms_p50"] <= figures["first_post_ms_p95"] <= figures["first_post_ms_p99"]
    assert figures["resident_mb"] < 110
    assert "requests_per_turn" in end_to_end.table(told)
    assert json.loads(json.dumps(told)) == told


async def test_startup_answers_with_a_memory_and_counts_what_servers_take(tmp_path: Path) -> None:
    await startup.remember(tmp_path / "full.db", 50)
    ready = await startup.time_to_ready(tmp_path / "full.db")
    assert 0 < ready["online_s"] < ready["answered_s"]
    ours, default = [await startup.memory_in_servers(module, 60) for module in ("bot", "bench.default_caches")]
    assert ours < default


def test_made_up_servers_are_the_same_each_time() -> None:
    one, other = (ManyServers(1, 20).server("5") for _ in range(2))
    assert one == other
    assert len(one["channels"]) == 20
