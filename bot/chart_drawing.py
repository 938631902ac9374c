"""``python -m bot.chart_drawing``: reads a chart as JSON, writes it as a PNG in the colors of Discord's dark mode.

It is a process of its own, and the only importer of matplotlib. Figures and their words come ready (``bot/charts.py``).
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from matplotlib import font_manager, rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.patches import FancyBboxPatch, Rectangle
from matplotlib.text import Text
from matplotlib.ticker import EngFormatter, MaxNLocator
from matplotlib.transforms import blended_transform_factory

BACKGROUND, RAISED, GRID = "#2b2d31", "#383a40", "#3f4147"
BRIGHT, TEXT, FAINT = "#f2f3f5", "#dbdee1", "#949ba4"
PARTS = ("#23a55a", "#5865f2", "#eb459e", "#f0b232")

#: Inches; Discord shows a picture some 550 pixels wide, so that letters of 11 points at this size can still be read.
WIDTH, TILES_HEIGHT, LEGEND_HEIGHT, COLUMNS_HEIGHT, DATES_HEIGHT, ROW_HEIGHT, LEAST_ROWS = (
    8.0,
    0.95,
    0.45,
    3.1,
    0.42,
    0.36,
    4,
)
MARGIN = 0.22
DPI = 150

#: There is no room for more letters of a name, however narrow.
MOST_LETTERS = 60

#: Where the rows' bars begin and how wide they may be, as shares of the picture; left of them are names, right of them figures.
BARS_LEFT, BARS_WIDTH = 0.36, 0.29

#: So many dates stand below the columns at most, and so many columns there are room for at least: one alone is no wall.
DATES = 8
LEAST_COLUMNS = 7

#: Marks upon one letter; some pile up hundreds.
MOST_MARKS = 2

#: What a computer may have for the scripts that matplotlib's own font lacks.
FALLBACK_FONTS = (
    "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans CJK TC", "Noto Sans CJK KR", "Source Han Sans", "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei", "IPAexGothic", "IPAGothic", "Droid Sans Fallback", "Noto Sans Thai", "Noto Sans Devanagari",
    "Noto Emoji", "Symbola", "Unifont", "Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "Segoe UI Symbol", "PingFang SC",
    "Hiragino Sans", "Apple SD Gothic Neo", "Arial Unicode MS",
)  # fmt: skip


class Fonts:
    """The fonts of this computer that are used, and which characters they have."""

    def __init__(self) -> None:
        there = {font.name for font in font_manager.fontManager.ttflist}
        self.families = ["DejaVu Sans", *(name for name in FALLBACK_FONTS if name in there)]
        fonts = [FT2Font(font_manager.findfont(name)) for name in self.families]
        self._characters = {character for font in fonts for character in font.get_charmap()}

    def drawable(self, name: str, otherwise: str) -> str:
        """Return what of *name* can be drawn, on one line; *otherwise* if nothing can but a channel's sign."""
        kept = "".join(letter for letter in _sober(name) if letter.isspace() or ord(letter) in self._characters)
        return " ".join(kept.split())[:MOST_LETTERS] if kept.strip("# ") else otherwise


def _sober(name: str) -> Iterator[str]:
    marks = 0
    for letter in unicodedata.normalize("NFC", name):
        marks = marks + 1 if unicodedata.category(letter) in ("Mn", "Me") else 0
        if marks <= MOST_MARKS and (letter.isspace() or unicodedata.category(letter)[0] != "C"):
            yield letter


def draw(chart: dict[str, Any]) -> Figure:
    """Return the chart, a :class:`bot.charts.Chart` as JSON has it, as a figure."""
    fonts = Fonts()
    bars, legend = chart["bars"], chart["legend"]
    body = COLUMNS_HEIGHT if chart["over_time"] else ROW_HEIGHT * max(len(bars), LEAST_ROWS)
    height = TILES_HEIGHT + LEGEND_HEIGHT + body + (DATES_HEIGHT if chart["over_time"] else MARGIN)
    height = round(height * DPI) / DPI  # whole pixels: half of one would be a line at the edge
    with rc_context({"font.family": fonts.families, "font.size": 11, "text.color": TEXT, "text.parse_math": False}):
        figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor=BACKGROUND)
        FigureCanvasAgg(figure)
        _draw_tiles(figure, chart["tiles"], height)
        bottom = (height - TILES_HEIGHT - LEGEND_HEIGHT - body) / height
        if not any(sum(bar["parts"]) for bar in bars):
            figure.text(
                0.5, bottom + body / height / 2, "Nothing was used in this time.", ha="center", color=FAINT, size=14
            )
            return figure
        _draw_legend(figure, legend, 1 - (TILES_HEIGHT + LEGEND_HEIGHT / 2) / height)
        if chart["over_time"]:
            axes = figure.add_axes((0.085, bottom, 0.875, body / height))
            _draw_columns(axes, bars)
        else:
            names = [fonts.drawable(bar["label"], bar["otherwise"]) for bar in bars]
            _draw_rows(figure.add_axes((BARS_LEFT, bottom, BARS_WIDTH, body / height)), bars, names)
    return figure


def _draw_tiles(figure: Figure, tiles: Sequence[tuple[str, str]], height: float) -> None:
    gap = 0.12
    width = (WIDTH - 2 * MARGIN - gap * (len(tiles) - 1)) / len(tiles)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(0, height))
    axes.axis("off")
    for number, (value, label) in enumerate(tiles):
        left, bottom = MARGIN + number * (width + gap), height - TILES_HEIGHT
        box = FancyBboxPatch(
            (left + 0.08, bottom + 0.08), width - 0.16, TILES_HEIGHT - MARGIN - 0.16, facecolor=RAISED, edgecolor="none",
            boxstyle="round,pad=0.08",
        )  # fmt: skip
        axes.add_patch(box)
        axes.text(
            left + width / 2, bottom + 0.48, value, ha="center", va="center", size=16, weight="bold", color=BRIGHT
        )
        axes.text(left + width / 2, bottom + 0.19, label, ha="center", va="center", size=10, color=FAINT)


def _draw_legend(figure: Figure, legend: Sequence[str], middle: float) -> None:
    figure.legend(
        handles=[Rectangle((0, 0), 1, 1, color=color) for color in PARTS[: len(legend)]], labels=list(legend),
        loc="center", bbox_to_anchor=(0.5, middle), ncols=len(legend), frameon=False, labelcolor=TEXT, fontsize=10.5,
        handlelength=0.9, handleheight=0.9, columnspacing=1.6, handletextpad=0.5,
    )  # fmt: skip


def _stacked(bars: Sequence[dict[str, Any]]) -> Iterator[tuple[str, list[int], list[int]]]:
    """Yield for each part its color, where it begins in each bar, and its length."""
    ends = [0] * len(bars)
    for color, lengths in zip(PARTS, zip(*(bar["parts"] for bar in bars), strict=True), strict=False):
        yield color, ends, list(lengths)
        ends = [end + length for end, length in zip(ends, lengths, strict=True)]


def _draw_columns(axes: Axes, bars: Sequence[dict[str, Any]]) -> None:
    places = range(len(bars))
    for color, starts, lengths in _stacked(bars):
        axes.bar(places, lengths, bottom=starts, width=0.74, color=color, zorder=2)
    aside = max(LEAST_COLUMNS - len(bars), 0) / 2
    axes.set_xlim(-0.6 - aside, len(bars) - 0.4 + aside)
    step = -(-len(bars) // DATES)
    shown = list(places)[::-step][::-1]
    axes.set_xticks(shown, [bars[place]["label"] for place in shown])
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    axes.yaxis.set_major_formatter(EngFormatter(sep=""))
    axes.grid(axis="y", color=GRID, linewidth=0.8, zorder=0)
    _quiet(axes)
    axes.spines["bottom"].set(visible=True, color=GRID)


def _draw_rows(axes: Axes, bars: Sequence[dict[str, Any]], names: Iterable[str]) -> None:
    places = range(len(bars))
    for color, starts, lengths in _stacked(bars):
        axes.barh(places, lengths, left=starts, height=0.62, color=color, zorder=2)
    axes.set_ylim(max(len(bars), LEAST_ROWS) - 0.5, -0.5)
    axes.set_xlim(0, max(sum(bar["parts"]) for bar in bars))
    axes.set_yticks([])
    axes.set_xticks([])
    across = blended_transform_factory(axes.figure.transFigure, axes.transData)
    name_left = (MARGIN + 0.28) / WIDTH
    for place, (bar, name) in enumerate(zip(bars, names, strict=True)):
        line: dict[str, Any] = {"transform": across, "va": "center"}
        axes.text(name_left - 0.01, place, f"{place + 1}", ha="right", color=FAINT, size=10, **line)
        _fit(axes.text(name_left, place, name, ha="left", color=TEXT, **line), BARS_LEFT - 0.015)
        axes.text(1 - MARGIN / WIDTH, place, bar["note"], ha="right", color=FAINT, size=10, **line)
    _quiet(axes)


def _fit(text: Text, right: float) -> None:
    """Clip a text that ends further right than *right*, a share of the picture."""
    while text.get_window_extent().x1 > right * WIDTH * DPI:
        text.set_text(text.get_text().rstrip("…")[:-1].rstrip() + "…")


def _quiet(axes: Axes) -> None:
    axes.set_facecolor("none")
    axes.tick_params(length=0, labelcolor=FAINT, labelsize=10)
    axes.spines[:].set_visible(False)


def main() -> None:
    """Draw what standard input asks for."""
    draw(json.load(sys.stdin)).savefig(sys.stdout.buffer, format="png")


if __name__ == "__main__":
    main()
