"""Pictures of figures, drawn by a process of its own, so that the bot neither waits for them nor carries a plotting library.

What a picture looks like is in ``bot/chart_drawing.py``, which that process runs.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

#: A picture takes a second or two; on a machine that is very busy, or at the first one, when fonts are looked for, longer.
DRAWING_SECONDS = 60.0

_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its name (*otherwise*, in plain letters, if no font has it), the length of each part, and a *note* at its end."""

    label: str
    parts: tuple[int, ...]
    note: str = ""
    otherwise: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of bars, as columns over time or as rows that are ranked.

    *tiles* are the figures above them, each with what it is; *legend* names the parts of the bars.
    """

    tiles: tuple[tuple[str, str], ...]
    legend: tuple[str, ...]
    bars: tuple[Bar, ...]
    over_time: bool


class ChartFailed(Exception):
    """The picture could not be drawn; the text says why, for the host."""


class Painter:
    """Draws one picture at a time: each takes a core for a second, and memory."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()

    async def draw(self, chart: Chart) -> bytes:
        """Return the picture as a PNG. Raises :class:`ChartFailed`."""
        async with self._one_at_a_time:
            try:
                async with asyncio.timeout(DRAWING_SECONDS):
                    return await _draw(json.dumps(asdict(chart)).encode())
            except TimeoutError:
                raise ChartFailed(f"it took longer than {DRAWING_SECONDS:.0f} s") from None
            except OSError as error:
                raise ChartFailed(f"its process could not be started: {error.strerror}") from error


async def _draw(request: bytes) -> bytes:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.chart_drawing", cwd=_ROOT, stdin=pipe, stdout=pipe, stderr=pipe
    )
    try:
        picture, complaints = await process.communicate(request)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise ChartFailed(complaints.decode(errors="replace").strip().rpartition("\n")[2])
    return picture
