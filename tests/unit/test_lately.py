"""What came lately is kept in mind for so long and no longer."""

from __future__ import annotations

import pytest

from bot.lately import Lately
from tests.clock import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("bot.lately.time.monotonic", clock)
    return clock


def test_each_is_kept_for_its_time(clock: Clock) -> None:
    lately = Lately[str](60.0)
    lately.keep(1, "one")
    clock.now += 40
    lately.keep(2, "two")
    assert lately.among({1, 2, 3}) == {1, 2}
    clock.now += 40
    assert (lately.get(1), lately.get(2)) == (None, "two")
    assert lately.take(2) == "two"
    assert lately.among({1, 2, 3}) == set()


def test_one_that_comes_again_and_again_keeps_no_other(clock: Clock) -> None:
    lately = Lately[str](60.0)
    lately.keep(1, "first")
    lately.keep(2, "two")
    clock.now += 50
    lately.keep(1, "again")
    clock.now += 20
    assert (lately.get(1), lately.get(2)) == ("again", None)
    clock.now += 50
    assert lately.get(1) is None
