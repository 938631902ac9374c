"""Retention, as the model sees it: what is too old is in no prompt and no summary; only the summary on the border is remade."""

from __future__ import annotations

import json
import time

import pytest

from bot.conversation import Said
from bot.retention import expiry
from playground.model import LittleModel
from storage.records import Place
from tests.journeys.conftest import MakeSettings
from tests.quiet import NEMO, Quiet, quiet

DAY = 86_400.0


async def told(bot: Quiet, text: str, *, days_ago: float) -> None:
    said = Said(next(bot.ids), 1, 7, NEMO, "Nemo", text, time.time() - days_ago * DAY)
    await bot.services.conversations.hear(said, addressed=False)


@pytest.mark.parametrize(("days", "cutoff"), [(1, "2026-03-09"), (30, "2026-02-08")])
def test_the_cutoff_moves_at_midnight(days: int, cutoff: str) -> None:
    for hour in (0, 12, 23.99):
        before = expiry(1_773_100_800 + hour * 3600, days)  # 2026-03-10 00:00 UTC
        assert time.strftime("%Y-%m-%d %H:%M", time.gmtime(before)) == f"{cutoff} 00:00"


async def test_what_is_too_old_is_seen_no_more_and_one_summary_is_made_again(
    make_settings: MakeSettings, model: LittleModel
) -> None:
    host = {"memory_policy": "summary", "memory_max_tokens": 1_500}
    async with quiet(make_settings(**host)) as bot:
        for number in range(30):
            word = "walrus" if number < 15 else "narwhal"
            text = f"Fact {number} is that {word}{number} lives by the river. " * 3
            await told(bot, text, days_ago=5 if number < 15 else 1)
            await bot.idle("compaction-1")
        await bot.services.memories.summarize(1, None)
        report = await bot.services.memories.report(Place(1, 7))
        assert report is not None
        assert "walrus" in report.summary

    async with quiet(make_settings(**host, retention_days=2), first_id=500) as bot:
        before = len(model.requests)
        assert await bot.services.memories.expire() == 15
        assert await bot.services.memories.expire() == 0
        assert len(model.requests) == before, "nobody waits for a summary here"
        await bot.ask("What lives by the river?")
        await bot.idle("compaction-1")
        asked = [json.dumps(request.body) for request in model.requests[before:]]
        assert not any("walrus" in request for request in asked)
        assert sum("Distill" in request for request in asked) <= 2, "the leaf on the border, and a fold at most"
        report = await bot.services.memories.report(Place(1, 7))
        assert report is not None
        assert report.retention_days == 2
        assert "walrus" not in report.summary
        assert "narwhal" in report.summary


async def test_what_is_too_old_is_not_heard_again_when_a_history_tells_of_it(make_settings: MakeSettings) -> None:
    async with quiet(make_settings()) as bot:
        await told(bot, "long ago", days_ago=5)
    async with quiet(make_settings(retention_days=3)) as bot:  # whose ids are the same
        assert await bot.services.memories.expire() == 1
        await told(bot, "long ago", days_ago=5)
        await told(bot, "lately", days_ago=1)
        assert [one.content for one in await bot.store.export(1)] == ["lately"]


async def test_without_the_setting_nothing_expires(make_settings: MakeSettings) -> None:
    async with quiet(make_settings()) as bot:
        await told(bot, "very old", days_ago=10_000)
        assert await bot.services.memories.expire() == 0
        assert len(await bot.store.export(1)) == 1


async def test_half_a_character_costs_no_message(make_settings: MakeSettings) -> None:
    async with quiet(make_settings()) as bot:
        await bot.ask("half \ud83d and NUL \x00 and whole \ud83d\ude00")
        said, _ = await bot.store.export(1)
    assert said.content == "half \ufffd and NUL \x00 and whole 😀"
