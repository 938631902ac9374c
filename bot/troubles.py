"""What went wrong lately, for the host: warnings and errors of the log, counted. Never what people said, nor anything else that a
line of the log was filled with: only what kind of line it was.
"""

from __future__ import annotations

import logging
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bot.wording import clipped

#: What is counted, in seconds; and how many at most, the newest.
HOUR_SECONDS = 3_600.0
MOST_KEPT = 5_000

#: So much is told of a line.
MOST_CHARACTERS = 120

#: Lines of these are written by us, as a template that is filled later. What others log may be filled before.
_OURS = ("bot", "cogs", "storage")

_PLACE = re.compile(r"%%|%[-#0 +]*[\d*]*(?:\.\d+)?[a-zA-Z]")


@dataclass(frozen=True, slots=True)
class Trouble:
    """A kind of line, and how often it was logged."""

    where: str
    what: str
    is_error: bool
    times: int


class Troubles(logging.Handler):
    """Counts. *clock* is in seconds and never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(logging.WARNING)
        self._clock = clock
        self._kept: deque[tuple[float, tuple[str, str, bool]]] = deque(maxlen=MOST_KEPT)

    def emit(self, record: logging.LogRecord) -> None:
        """Take in a line."""
        kind = (record.name, kind_of(record), record.levelno >= logging.ERROR)
        self._kept.append((self._clock(), kind))

    def of_the_last_hour(self) -> list[Trouble]:
        """Return what was counted: errors first, and what came most often."""
        begin = self._clock() - HOUR_SECONDS
        kept = self._kept.copy()  # other threads log, too
        counts = Counter(kind for at, kind in kept if at >= begin)
        troubles = [Trouble(*kind, times) for kind, times in counts.items()]
        return sorted(troubles, key=lambda one: (not one.is_error, -one.times))


def kind_of(record: logging.LogRecord) -> str:
    """Return what kind of line it is: its template, with the kinds of exceptions and nothing else filled in."""
    is_ours = record.name.partition(".")[0] in _OURS
    template = str(record.msg) if is_ours or record.args else ""
    values: Iterator[Any] = iter(record.args if isinstance(record.args, tuple) else ())
    text = _PLACE.sub(lambda place: "%" if place[0] == "%%" else _kind_of_value(next(values, None)), template)
    if record.exc_info and record.exc_info[0] is not None:
        text = f"{text} ({record.exc_info[0].__name__})".strip()
    text = " ".join(text.split())
    return clipped(text, MOST_CHARACTERS)


def _kind_of_value(value: Any) -> str:
    return type(value).__name__ if isinstance(value, BaseException) else "…"


@contextmanager
def counted() -> Iterator[Troubles]:
    """Count what is logged while the context is open."""
    troubles = Troubles()
    logging.getLogger().addHandler(troubles)
    try:
        yield troubles
    finally:
        logging.getLogger().removeHandler(troubles)
        troubles.close()
