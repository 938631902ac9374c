"""Draws the documents' picture of `/usage`, of made-up figures: ``python -m tests.usage_picture``, from the project's root."""

from __future__ import annotations

import asyncio
import math
import random
from datetime import date, timedelta
from pathlib import Path

from bot.charts import Painter
from bot.prices import read_prices
from bot.usage_chart import chart
from bot.usage_figures import report
from storage.records import Booked, Usage

PICTURE = Path("docs/images/usage.png")

DAYS = [date(2026, 10, 23) + timedelta(days=day) for day in range(30)]
PRICES = "gpt-5-mini=0.25/0.025/2.00,gpt-5-nano=0.05/0.005/0.40"


def example() -> list[Booked]:
    """A community that grows, and rests on Mondays."""
    chance = random.Random(7)
    rows = []
    for number, day in enumerate(DAYS):
        crowd = (6 + number) * (1.3 + math.sin(day.weekday() - 1.6)) * chance.uniform(0.8, 1.2)
        replies, summaries = int(3 * crowd), int(crowd / 4)
        prompts = replies * chance.randint(1_900, 2_600)
        cached = int(prompts * chance.uniform(0.55, 0.72))
        talk = Usage(replies, prompts, cached, replies * 210)
        folded = Usage(summaries, summaries * 2_400, 0, summaries * 380)
        rows.append(Booked(day.isoformat(), None, None, "reply", "gpt-5-mini", talk))
        rows.append(Booked(day.isoformat(), None, None, "summary", "gpt-5-nano", folded))
    return rows


def main() -> None:
    """Draw it."""
    shown = report(example(), read_prices(PRICES), DAYS, "day")
    PICTURE.write_bytes(asyncio.run(Painter().draw(chart(shown, {}))))
    print(f"{PICTURE}, {PICTURE.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
