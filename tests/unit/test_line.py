"""The line of replies: first come, first served, whoever leaves; places as people say them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from bot import line
from bot.line import Line, Ticket, ordinal


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as tickets:
        yield tickets


def tickets(stack: ExitStack, of: Line, count: int) -> list[Ticket]:
    return [stack.enter_context(of.ticket()) for _ in range(count)]


def admitted(*those: Ticket) -> list[bool]:
    return [ticket.admitted.is_set() for ticket in those]


def test_so_many_are_let_in_and_the_next_when_one_is_done(stack: ExitStack) -> None:
    of = Line(2)
    with of.ticket() as first:
        others = tickets(stack, of, 3)
        assert admitted(first, *others) == [True, True, False, False]
        assert [of.place(ticket) for ticket in (first, *others)] == [0, 0, 1, 2]
    assert admitted(*others) == [True, True, False]
    assert of.place(others[2]) == 1


def test_who_leaves_the_line_holds_up_nobody(stack: ExitStack) -> None:
    of = Line(1)
    with of.ticket():
        with of.ticket() as leaves:
            [stays] = tickets(stack, of, 1)
            assert of.place(stays) == 2
        assert not leaves.admitted.is_set()
        assert of.place(stays) == 1
    assert stays.admitted.is_set()
    assert of.waiting == 0


async def test_a_place_is_told_late_and_again_when_it_changed(
    stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "PLACE_SECONDS", 0.01)
    monkeypatch.setattr(line, "AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(line, "AGAIN_SECONDS_EACH", 0.0)
    of = Line(1)
    writing = ExitStack()
    writing.enter_context(of.ticket())
    before = ExitStack()
    before.enter_context(of.ticket())
    [waits] = tickets(stack, of, 1)
    assert await waits.wait() == 2
    telling = asyncio.create_task(waits.wait())
    await asyncio.sleep(0.05)
    assert not telling.done(), "it is 2 still"
    before.close()
    assert await telling == 1
    writing.close()
    assert await waits.wait() is None


async def test_who_is_let_in_soon_is_told_no_place(stack: ExitStack) -> None:
    of = Line(1)
    with of.ticket() as first:
        assert await first.wait() is None
        [second] = tickets(stack, of, 1)
        waiting = asyncio.create_task(second.wait())
        await asyncio.sleep(0)
    assert await waiting is None


def test_places_are_said_as_people_say_them() -> None:
    said = {1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 12: "12th", 13: "13th", 21: "21st", 111: "111th"}
    assert {number: ordinal(number) for number in said} == said
