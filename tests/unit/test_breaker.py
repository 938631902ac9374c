"""When a breaker opens, how long it stays open, and who closes it."""

from __future__ import annotations

import math

import pytest

from bot.breaker import PAUSES, RETRY_AFTER_BOUNDS, THRESHOLD, Breaker
from tests.clock import Clock


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(clock)


def fail(breaker: Breaker, *, retry_after: float | None = None) -> None:
    call = breaker.enter()
    assert call is not None
    breaker.failed(call, retry_after)
    breaker.leave(call)


def test_failures_in_a_row_open_it_and_a_success_between_them_does_not(breaker: Breaker) -> None:
    for _ in range(THRESHOLD - 1):
        fail(breaker)
    breaker.succeeded()
    for _ in range(THRESHOLD - 1):
        fail(breaker)
    assert breaker.is_closed
    fail(breaker)
    assert (breaker.is_closed, breaker.enter(), breaker.pause()) == (False, None, PAUSES[0])


def test_each_failed_probe_makes_the_pause_longer_up_to_the_last(breaker: Breaker, clock: Clock) -> None:
    for _ in range(THRESHOLD):
        fail(breaker)
    for pause in (*PAUSES, PAUSES[-1]):
        assert breaker.pause() == pause
        clock.now += pause
        fail(breaker)


def test_one_call_probes_and_its_success_closes(breaker: Breaker, clock: Clock) -> None:
    for _ in range(THRESHOLD):
        fail(breaker)
    clock.now += PAUSES[0]
    probe = breaker.enter()
    assert probe is not None
    assert (breaker.enter(), breaker.pause()) == (None, math.inf)
    breaker.succeeded()
    breaker.leave(probe)
    assert (breaker.is_closed, breaker.pause()) == (True, 0.0)
    for _ in range(THRESHOLD):
        fail(breaker)
    assert breaker.pause() == PAUSES[0], "the next opening begins with the short pause again"


def test_a_probe_that_ends_without_a_word_leaves_its_place_to_the_next(breaker: Breaker, clock: Clock) -> None:
    for _ in range(THRESHOLD):
        fail(breaker)
    clock.now += PAUSES[0]
    probe = breaker.enter()
    assert probe is not None
    breaker.leave(probe)
    assert breaker.enter() is not None


def test_calls_that_were_under_way_when_it_opened_change_nothing(breaker: Breaker, clock: Clock) -> None:
    late = [breaker.enter() for _ in range(5)]
    for _ in range(THRESHOLD):
        fail(breaker)
    clock.now += PAUSES[0] - 1
    for call in late:
        assert call is not None
        breaker.failed(call)
        breaker.leave(call)
    assert breaker.pause() == 1


@pytest.mark.parametrize(("asked", "pause"), [(20.0, 20.0), (0.0, RETRY_AFTER_BOUNDS[0]), (1e9, RETRY_AFTER_BOUNDS[1])])
def test_who_asks_for_a_pause_gets_it_at_once_within_reason(breaker: Breaker, asked: float, pause: float) -> None:
    fail(breaker, retry_after=asked)
    assert breaker.pause() == pause
