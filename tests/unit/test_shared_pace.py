"""The pace of all replies together: however many grow, in no second is there more than Discord takes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.shared_pace import BURST, SharedPace
from tests.clock import Clock

#: A third of a second may pass on the way and bring requests nearer to each other.
JITTER_SECONDS = 0.3
DISCORD_TAKES = 50


@given(st.lists(st.floats(0, 2), min_size=50, max_size=200))
def test_no_second_has_more_than_discord_takes(gaps: list[float]) -> None:
    clock = Clock()
    pace = SharedPace(clock)
    gone: list[float] = []
    for gap in gaps:
        clock.now += gap / 20
        gone.append(clock.now + pace.pause())
    assert gone == sorted(gone)
    for start in gone:
        assert sum(start <= one < start + 1 + JITTER_SECONDS for one in gone) <= DISCORD_TAKES


def test_a_few_go_at_once() -> None:
    pace = SharedPace(Clock())
    pauses = [pace.pause() for _ in range(BURST + 1)]
    assert pauses[:BURST] == [0.0] * BURST
    assert pauses[BURST] > 0
