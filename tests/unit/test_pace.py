"""How often the bot identifies in a day, whatever fails: the pace, against a day that is simulated."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.pace import AT_ONCE, MOST_PAUSE_SECONDS, MOST_SPACING_SECONDS, SPACING_SECONDS, Pace, Starts

DAY = 86_400.0
NOTHING_USED = Starts(1000, 1000, DAY)


@dataclass
class Discord:
    """Its count, in days that begin when they like."""

    renewed_at: float
    remaining: int = 1000
    identifies: list[float] = field(default_factory=list)

    def starts(self, now: float) -> Starts:
        while now >= self.renewed_at + DAY:
            self.renewed_at += DAY
            self.remaining = 1000
        return Starts(1000, self.remaining, self.renewed_at + DAY - now)

    def identify(self, now: float) -> None:
        self.starts(now)
        assert self.remaining, "Discord resets the token"
        self.remaining -= 1
        self.identifies.append(now)

    @property
    def most_in_a_day(self) -> int:
        first, most = 0, 0
        for last, at in enumerate(self.identifies):
            while self.identifies[first] <= at - DAY:
                first += 1
            most = max(most, last - first + 1)
        return most


@settings(max_examples=60, deadline=None)
@given(
    lives=st.lists(
        st.tuples(st.floats(0, 2000), st.sampled_from(["lost", "died", "resumed"]), st.floats(0, 30)),
        min_size=1,
        max_size=8,
    ),
    phase=st.floats(0, DAY),
)
def test_no_day_has_500_identifies_whatever_becomes_of_the_sessions(
    lives: list[tuple[float, str, float]], phase: float
) -> None:
    """Sessions live as long as *lives* say, over and over; some end with the process, which a supervisor starts again."""
    discord, now, turn = Discord(-phase), 0.0, 0
    pace = Pace(now)
    while now < 3 * DAY:
        now += pace.before_connecting()
        while (wait := pace.before_identify(discord.starts(now), now)) > 0:
            now += wait
        discord.identify(now)
        pace.identified(now)
        lived, end, later = lives[turn % len(lives)]
        turn += 1
        now += max(lived, 0.01)
        pace.ended(lived)
        if end == "died":
            now += later
            pace = Pace(now)
    assert discord.most_in_a_day < 500


@given(crashes_after=st.floats(0.1, 60))
@settings(max_examples=10, deadline=None)
def test_a_supervisor_that_starts_it_again_and_again_cannot_wear_the_token_out(crashes_after: float) -> None:
    discord, now = Discord(-DAY / 2), 0.0
    while now < 3 * DAY:
        pace = Pace(now)
        if (wait := pace.before_identify(discord.starts(now), now)) > 0:
            now += wait
        assert pace.before_identify(discord.starts(now), now) <= 0
        discord.identify(now)
        now += crashes_after
    assert 200 < discord.most_in_a_day < 500


def test_who_starts_is_not_kept_waiting_and_who_fails_waits_longer_each_time() -> None:
    now, waits = 100.0, []
    pace = Pace(now)
    for _ in range(8):
        wait = pace.before_identify(NOTHING_USED, now)
        waits.append(wait)
        now += wait
        pace.identified(now)
        pace.ended(0.0)
    assert waits == [0, 5.5, 11, 22, 44, 88, MOST_SPACING_SECONDS, MOST_SPACING_SECONDS]
    pace.ended(3600.0)
    assert pace.before_identify(NOTHING_USED, now + 3600) == 0


def test_the_first_new_connection_is_made_at_once() -> None:
    pace = Pace(0.0)
    waits = []
    for held in (3600, 0, 0, 0, 0, *[0] * 20):
        pace.ended(held)
        waits.append(pace.before_connecting())
    assert waits[:5] == pytest.approx([0, 0, 0.1, 0.2, 0.4])
    assert max(waits) == MOST_PAUSE_SECONDS


def test_who_used_much_of_a_day_waits_also_in_a_new_process() -> None:
    pace = Pace(50.0)
    assert pace.before_identify(Starts(1000, 1000 - AT_ONCE + 1, DAY), 50.0) == 0
    assert pace.before_identify(Starts(1000, 1000 - AT_ONCE, DAY), 60.0) == SPACING_SECONDS - 10
    assert pace.before_identify(Starts(1000, 0, 7200.0), 50.0) == 7200.0
