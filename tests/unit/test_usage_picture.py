"""The picture of usage: that everything stays within it and nothing covers anything, and who loads what for it."""

from __future__ import annotations

import asyncio
import struct
import subprocess
import sys
from dataclasses import asdict
from itertools import combinations
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from bot import charts
from bot.chart_drawing import Fonts, draw
from bot.charts import Bar, Chart, ChartFailed, Painter

LEGEND = ("Prompts, from the cache", "Prompts", "Replies", "Summaries")
SUMS = ("999.9M", "$123,457", "100%", "99,999", "99,999")
TILES = tuple(zip(SUMS, ("tokens", "cost", "of prompts cached", "replies", "summaries"), strict=True))
NOTE = "99.9M · $123,456 · 100% cached"
NAMES = [
    "#general", "a name that goes on and on and on for ever and ever", "W" * 32, "日本語のチャンネルの名前",
    "🎉 party 🎉", "👨‍👩‍👧", "$x^2$ \\frac{1}", "مرحبا", "Z͑ͫ̓ͪ̂ͫ̽a", "two\nlines\u202e", "190 others",
]  # fmt: skip


def columns(days: int, tokens: int = 1_000_000) -> Chart:
    bars = tuple(Bar(f"Nov {day % 30 + 1}", (tokens * day, tokens, tokens // 2, tokens // 9)) for day in range(days))
    return Chart(TILES, LEGEND, bars, over_time=True)


def ranks(names: list[str]) -> Chart:
    bars = tuple(
        Bar(name, (5_000, 4_000, 300, 20 * place), NOTE, f"channel …{place}") for place, name in enumerate(names)
    )
    return Chart(TILES, LEGEND, bars, over_time=False)


CHARTS = {
    "one day": columns(1),
    "a week": columns(7),
    "a quarter": columns(90),
    "nothing": Chart(TILES, LEGEND, tuple(Bar("Nov 1", (0, 0, 0, 0)) for _ in range(7)), over_time=True),
    "no rows": ranks([]),
    "one row": ranks(NAMES[:1]),
    "all rows": ranks(NAMES),
}


def drawn(chart: Chart) -> Figure:
    figure = draw(asdict(chart))
    figure.canvas.draw()  # type: ignore[attr-defined]  # every canvas of Agg can
    return figure


def texts(figure: Figure) -> list[Text]:
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]  # type: ignore[misc]


@pytest.mark.parametrize("name", CHARTS)
def test_nothing_is_cut_off_and_nothing_covers_anything(name: str) -> None:
    figure = drawn(CHARTS[name])
    shown = [(text.get_text(), text.get_window_extent()) for text in texts(figure)]
    for words, place in shown:
        assert place.x0 >= 0, words
        assert place.x1 <= figure.bbox.width, words
        assert place.y0 >= 0, words
        assert place.y1 <= figure.bbox.height, words
    for (one, place), (other, near) in combinations(shown, 2):
        assert not place.overlaps(near), (one, other)


def test_figures_stay_in_their_tiles() -> None:
    figure = drawn(CHARTS["a week"])
    tiles = [box.get_window_extent() for box in figure.axes[0].patches]
    assert len(tiles) == len(TILES)
    inside = [text for text in figure.axes[0].texts if text.get_text()]
    for text in inside:
        words = text.get_window_extent()
        assert any(tile.x0 < words.x0 and words.x1 < tile.x1 for tile in tiles), text.get_text()


def test_names_beside_bars_do_not_reach_into_them() -> None:
    figure = drawn(CHARTS["all rows"])
    axes = figure.axes[-1]
    left = axes.get_window_extent().x0
    names = [text for text in axes.texts if text.get_horizontalalignment() == "left" and text.get_text() != NOTE]
    assert len(names) == len(NAMES)
    assert all(text.get_window_extent().x1 < left for text in names)


def test_a_name_is_drawn_as_far_as_there_are_letters_for_it() -> None:
    fonts = Fonts()
    assert fonts.drawable("#general", "x") == "#general"
    assert fonts.drawable("🛸 space 🛸", "x").strip("🛸 ") == "space"
    assert fonts.drawable("#\U000e0001\U000f0000", "channel …12") == "channel …12"
    assert fonts.drawable("two\nlines\u202e", "x") == "two lines"
    assert len(fonts.drawable("W" * 4_000, "x")) < 100
    assert len(fonts.drawable("a" + "\u0301" * 100, "x")) <= 3


def test_nothing_used_is_said() -> None:
    assert "Nothing was used in this time." in [text.get_text() for text in texts(drawn(CHARTS["nothing"]))]


async def test_a_picture_is_a_png_and_the_same_for_the_same_chart() -> None:
    painter = Painter()
    one, other = await asyncio.gather(painter.draw(CHARTS["a week"]), painter.draw(CHARTS["a week"]))
    assert one == other
    assert one.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">I", one[16:20]) == (1200,)


async def test_what_goes_wrong_is_told_in_one_line() -> None:
    with pytest.raises(ChartFailed, match="ValueError"):
        await Painter().draw(Chart(TILES, LEGEND, (Bar("uneven", (1, 2)), Bar("bars", (1,))), over_time=True))


async def test_a_process_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "DRAWING_SECONDS", 0.01)
    with pytest.raises(ChartFailed, match="longer"):
        await Painter().draw(CHARTS["a week"])


BOT_DRAWS = """
import asyncio, sys
import bot.cli, bot.client, bot.runtime, cogs.usage, cogs.memory
from bot.charts import Bar, Chart, Painter
heavy = ("matplotlib", "numpy", "PIL")
assert not [name for name in heavy if name in sys.modules], "before"
picture = asyncio.run(Painter().draw(Chart((("1", "tokens"),), ("Prompts",), (Bar("Nov 1", (1,)),), True)))
assert picture.startswith(bytes([137]) + b"PNG")
assert not [name for name in heavy if name in sys.modules], "after"
"""


def test_the_bot_never_loads_the_plotting_library(repo_root: Path) -> None:
    """Neither before the first picture nor after it: its process is another one, which ends."""
    subprocess.run([sys.executable, "-c", BOT_DRAWS], cwd=repo_root, check=True, timeout=100)
