"""The brake on requests that Discord refuses: it counts what Discord counts, and holds long before Discord would lock us out."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.invalid_requests import BANNED_SECONDS, LONGEST_BAN_SECONDS, SLOW_FROM, WINDOW_SECONDS, InvalidRequests
from tests.clock import Clock

VIA = "1.1 google"


@pytest.mark.parametrize(
    ("status", "headers", "counts"),
    [
        (200, {}, False),
        (204, {}, False),
        (400, {}, False),
        (404, {}, False),
        (503, {}, False),
        (401, {}, True),
        (403, {}, True),
        (429, {"via": VIA}, True),
        (429, {"via": VIA, "scope": "user"}, True),
        (429, {"via": VIA, "scope": "global"}, True),
        (429, {"via": VIA, "scope": "shared"}, False),
    ],
)
def test_it_counts_what_discord_counts(status: int, headers: dict[str, str], counts: bool) -> None:
    requests = InvalidRequests(Clock())
    for _ in range(SLOW_FROM):
        requests.count(status, **headers)
    requests.pause()
    assert (requests.pause() > 0) is counts


def test_it_says_once_that_it_slows_down_and_once_that_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    requests = InvalidRequests(clock)
    for _ in range(SLOW_FROM + 100):
        requests.count(403)
    with caplog.at_level(logging.INFO):
        assert [requests.pause() for _ in range(4)] == [0, 1, 2, 3]
        clock.now += WINDOW_SECONDS + 10
        assert [requests.pause() for _ in range(4)] == [0, 0, 0, 0]
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


@pytest.mark.parametrize(("told", "silent"), [(0.0, BANNED_SECONDS), (90.0, 90.0), (86_400.0, LONGEST_BAN_SECONDS)])
def test_whom_the_proxy_turns_away_is_silent_for_a_while(told: float, silent: float) -> None:
    clock = Clock()
    requests = InvalidRequests(clock)
    requests.count(429, retry_after=told)
    assert requests.pause() == silent
    clock.now += silent
    assert requests.pause() == 0


@settings(max_examples=20, deadline=None)
@given(gaps=st.lists(st.floats(0, 0.5), min_size=1, max_size=10), status=st.sampled_from([401, 403, 429]))
def test_ten_minutes_never_have_many_however_much_is_asked_for(gaps: list[float], status: int) -> None:
    clock = Clock()
    requests = InvalidRequests(clock)
    sent: list[float] = []
    while clock.now < 1000 + 3 * WINDOW_SECONDS and len(sent) < 6000:
        clock.now += gaps[len(sent) % len(gaps)]
        clock.now += requests.pause()
        sent.append(clock.now)
        requests.count(status, via=VIA)
    most = max(sum(at - WINDOW_SECONDS < other <= at for other in sent) for at in sent[:: max(1, len(sent) // 50)])
    assert most <= SLOW_FROM + WINDOW_SECONDS + 1
