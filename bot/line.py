"""The line in which replies wait when as many are being written as the host allows: who comes first is first.

A channel has one turn at a time, so nobody's channel can fill the line. What those who wait are shown is not decided here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

#: Who waits longer than this, in seconds, is told the place in the line.
PLACE_SECONDS = 6.0

#: So often, in seconds, the place is told again if it changed; where many wait, more seldom: for each of them so much longer.
AGAIN_SECONDS = 10.0
AGAIN_SECONDS_EACH = 0.2

_TEENS = range(11, 14)
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}


def ordinal(number: int) -> str:
    """Return a place as people say it: 1st, 2nd, 11th."""
    return f"{number}{'th' if number % 100 in _TEENS else _ENDINGS.get(number % 10, 'th')}"


class Ticket:
    """A place in the line, and then one of those whose reply is written."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._told = 0
        self.admitted = asyncio.Event()

    async def wait(self) -> int | None:
        """Return None when it is our turn, or before that a place that is to be told: 1 is the next one."""
        while not self.admitted.is_set():
            again = max(AGAIN_SECONDS, AGAIN_SECONDS_EACH * self._line.waiting)
            try:
                async with asyncio.timeout(again if self._told else PLACE_SECONDS):
                    await self.admitted.wait()
            except TimeoutError:
                place = self._line.place(self)
                if place != self._told and not self.admitted.is_set():
                    self._told = place
                    return place
        return None


class Line:
    """Lets *most* replies be written at once."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._waiting: deque[Ticket] = deque()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def place(self, ticket: Ticket) -> int:
        """Return the place of somebody who waits, the next one's is 1; 0 if they wait no more."""
        return self._waiting.index(ticket) + 1 if ticket in self._waiting else 0

    @contextmanager
    def ticket(self) -> Iterator[Ticket]:
        """Stand in line, until the reply is written or given up."""
        ticket = Ticket(self)
        self._waiting.append(ticket)
        self._admit()
        try:
            yield ticket
        finally:
            if ticket.admitted.is_set():
                self._free += 1
            else:
                self._waiting.remove(ticket)
            self._admit()

    def _admit(self) -> None:
        while self._free and self._waiting:
            self._free -= 1
            self._waiting.popleft().admitted.set()
