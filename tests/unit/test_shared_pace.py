"""The pace of all replies together: however many grow, in no second is there more than Discord takes."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from bot.shared_pace import BURST, SharedPace
from tests.clock import Clock

#: A third of a second may pass on the way and bring requests nearer to each other.
JITTER_SECONDS = 0.3
DISCORD_TAKES = 50


def paced(clock: Clock) -> SharedPace:
    """A pace whose pauses only let *clock* go on."""

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(0)
        clock.now += seconds

    return SharedPace(clock, sleep)


@given(st.lists(st.floats(0, 2), min_size=50, max_size=200))
async def test_no_second_has_more_than_discord_takes(gaps: list[float]) -> None:
    clock = Clock()
    pace = paced(clock)
    gone: list[float] = []
    for gap in gaps:
        clock.now += gap / 20
        await pace.wait()
        gone.append(clock.now)
    assert gone == sorted(gone)
    for start in gone:
        assert sum(start <= one < start + 1 + JITTER_SECONDS for one in gone) <= DISCORD_TAKES


async def test_a_few_go_at_once_and_the_next_waits() -> None:
    clock = Clock()
    pace, begun = paced(clock), clock.now
    for _ in range(BURST):
        await pace.wait()
    assert clock.now == begun
    await pace.wait()
    await pace.wait()
    assert clock.now > begun


async def test_who_stops_waiting_takes_nobodys_time() -> None:
    pace = SharedPace()
    for _ in range(BURST + 1):
        await pace.wait()
    waiting = [asyncio.create_task(pace.wait()) for _ in range(1_000)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    async with asyncio.timeout(5):
        await pace.wait()
