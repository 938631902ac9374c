"""What is counted of the log: kinds of lines, never what they were filled with."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from bot.troubles import HOUR_SECONDS, MOST_CHARACTERS, MOST_KEPT, Trouble, Troubles, counted

SAID = "the treasure lies beneath the old oak"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def troubles(clock: Clock) -> Iterator[Troubles]:
    handler = Troubles(clock)
    root = logging.getLogger()
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)


def test_errors_come_first_then_what_comes_often(troubles: Troubles) -> None:
    for channel in range(3):
        logging.getLogger("bot.speaker").warning("channel %d is closed", channel)
    logging.getLogger("cogs.help").error("it failed")
    logging.getLogger("bot.turn").warning("once")
    logging.getLogger("bot.turn").info("nothing to tell")
    assert troubles.of_the_last_hour() == [
        Trouble("cogs.help", "it failed", True, 1),
        Trouble("bot.speaker", "channel … is closed", False, 3),
        Trouble("bot.turn", "once", False, 1),
    ]


def test_only_the_last_hour_counts(troubles: Troubles, clock: Clock) -> None:
    log = logging.getLogger("bot")
    log.error("early")
    clock.now = HOUR_SECONDS
    log.error("late")
    assert {one.what for one in troubles.of_the_last_hour()} == {"early", "late"}
    clock.now += 1
    assert [one.what for one in troubles.of_the_last_hour()] == ["late"]


def test_it_keeps_a_bounded_number(troubles: Troubles) -> None:
    for _ in range(MOST_KEPT + 10):
        logging.getLogger("bot").error("a storm")
    (storm,) = troubles.of_the_last_hour()
    assert storm.times == MOST_KEPT


def test_what_a_line_is_filled_with_is_not_told_but_for_the_kinds_of_exceptions(troubles: Troubles) -> None:
    log = logging.getLogger("bot.turn")
    log.error("%s Trying again in %.0f s, for %5d%% of %s.", OSError(SAID), 3.0, 50, SAID)
    try:
        raise KeyError(SAID)
    except KeyError:
        log.exception("a turn failed")
    log.error("%(said)s", {"said": SAID})
    log.error("x" * 200)
    kinds = [one.what for one in troubles.of_the_last_hour()]
    assert kinds[:3] == ["OSError Trying again in … s, for …% of ….", "a turn failed (KeyError)", "%(said)s"]
    assert len(kinds[3]) == MOST_CHARACTERS


def test_of_what_others_log_only_a_template_is_told(troubles: Troubles) -> None:
    logging.getLogger("asyncio").error(f"Task was destroyed: {SAID}")
    logging.getLogger("discord.client").error("Ignoring exception in %s", "on_message", exc_info=OSError(SAID))
    assert [(one.where, one.what) for one in troubles.of_the_last_hour()] == [
        ("asyncio", ""),
        ("discord.client", "Ignoring exception in … (OSError)"),
    ]


def test_it_counts_as_long_as_it_is_open() -> None:
    before = logging.getLogger().handlers[:]
    with counted() as troubles:
        logging.getLogger("bot").error("inside")
    logging.getLogger("bot").error("outside")
    assert [one.what for one in troubles.of_the_last_hour()] == ["inside"]
    assert logging.getLogger().handlers == before
