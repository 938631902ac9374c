"""What every store promises of budgets: reserved for all that hold at once, booked once, never a call too many."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from itertools import count
from typing import TypeVar

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from storage import Store, open_store
from storage.records import Budget, Extent, Limits, Reservation, Usage
from tests.contract.conftest import OpenStore
from tests.contract.makers import EVERYTHING, NOW, OUTCOME, begun, exchange, hear
from tests.contract.test_usage import DAY_SECONDS, TODAY, state_of

T = TypeVar("T")

#: The makers' channel is in this server.
GUILD = 7
EVERY: Limits = {"user": 1_000, "member": 1_000, "channel": 1_000, "server": 1_000, "host": 1_000}


def wanted(number: int, *, channel: int = 1, payers: tuple[int, ...] = (42,), tokens: int = 600) -> Reservation:
    return Reservation(number, channel, payers, "little", 100, tokens - 100)


async def in_the_way(store: Store, reservation: Reservation, limits: Limits, now: float = NOW) -> Budget | None:
    standing = await store.reserve(reservation, limits, now=now)
    return None if standing is None else standing.budget


async def used(store: Store, now: float = NOW) -> dict[Budget, tuple[int, int]]:
    found = await store.standings(GUILD, 1, 42, EVERY, now=now)
    return {each.budget: (each.used, each.reserved) for each in found}


async def test_what_is_reserved_counts_until_it_is_booked(store: Store) -> None:
    await hear(store, 100)
    turn = await begun(store)
    assert await in_the_way(store, wanted(turn.id), EVERY) is None
    assert await used(store) == dict.fromkeys(EVERY, (0, 600))
    assert await store.complete(turn, "hi", replace(OUTCOME, reservation=turn.id), now=NOW)
    assert await used(store) == dict.fromkeys(EVERY, (105, 0))
    await store.finish(turn, author_id=99, author_name="Mnemo", tokens=5, now=NOW)
    assert await used(store) == dict.fromkeys(EVERY, (105, 0))


async def test_what_was_booked_without_a_reservation_counts_too(store: Store) -> None:
    await exchange(store, 100, "hello", "hi")
    assert await used(store) == dict.fromkeys(EVERY, (105, 0))


async def test_one_call_is_let_in_while_anything_is_left_and_others_wait_for_it(store: Store) -> None:
    await hear(store, 100)
    assert await in_the_way(store, wanted(1, tokens=5_000), {"user": 10}) is None
    waits = await store.reserve(wanted(2), {"user": 10}, now=NOW)
    assert waits is not None
    assert (waits.budget, waits.is_taken, waits.is_spent) == ("user", True, False)
    await store.release(1)
    assert await in_the_way(store, wanted(2), {"user": 10}) is None


async def test_each_budget_counts_its_own(store: Store) -> None:
    for number, (channel, author, guild) in enumerate(((1, 42, 7), (2, 43, 7), (3, 42, 8)), 1):
        await hear(store, 100 * number, channel=channel, author=author, guild=guild)
    place_of_each: dict[Budget, tuple[int, int]] = {
        "channel": (1, 44),
        "user": (3, 42),
        "server": (2, 44),
        "host": (3, 44),
    }
    for budget, (channel, payer) in place_of_each.items():
        assert await in_the_way(store, wanted(1), {budget: 500}) is None
        assert await in_the_way(store, wanted(2, channel=channel, payers=(payer,)), {budget: 500}) == budget
        await store.release(1)
    assert await in_the_way(store, wanted(1), {"member": 500}) is None
    assert await in_the_way(store, wanted(2, channel=3), {"member": 500}) is None, "it is another server"
    assert await in_the_way(store, wanted(3, channel=2), {"member": 500}) == "member"
    assert await in_the_way(store, wanted(4, channel=2, payers=(43,)), {"member": 500, "user": 500}) is None


async def test_the_first_who_has_something_left_pays(store: Store) -> None:
    await exchange(store, 100, "hello", "hi")  # paid by 42
    turn_of_two = wanted(9, payers=(42, 43))
    assert await in_the_way(store, turn_of_two, {"user": 100}) is None
    assert await in_the_way(store, wanted(10, payers=(42,)), {"user": 100}) == "user"
    await store.book_summary(await state_of(store), "m", Usage(1, 50, 0, 5), reservation=9, now=NOW)
    [booked] = await store.booked([TODAY], guild_id=GUILD, user_id=43)
    assert booked.usage == Usage(1, 50, 0, 5)


async def test_a_summary_is_nobodys(store: Store) -> None:
    await exchange(store, 100, "hello", "hi")
    only_persons: Limits = {"user": 1, "member": 1}
    assert await in_the_way(store, wanted(-1, payers=()), only_persons) is None
    assert await in_the_way(store, wanted(-2, payers=()), {"channel": 1}) == "channel"
    await store.book_summary(await state_of(store), "m", Usage(1, 50, 0, 5), reservation=-1, now=NOW)
    assert [each.kind for each in await store.booked([TODAY], guild_id=GUILD, user_id=0)] == ["summary"]


async def test_a_summary_for_a_thread_is_its_openers(store: Store) -> None:
    await exchange(store, 100, "hello", "hi")
    state, usage = await state_of(store), Usage(1, 50, 0, 5)
    assert await in_the_way(store, wanted(-1, payers=(43,)), {"user": 100}) is None
    assert await in_the_way(store, wanted(-2, payers=(42,)), {"user": 100}) == "user", (
        "who said all that has used that up"
    )
    await store.book_summary(state, "m", usage, payer=43, reservation=-1, now=NOW)
    await store.book_summary(state, "m", usage, payer=43, now=NOW)
    [booked] = await store.booked([TODAY], guild_id=GUILD, user_id=43)
    assert (booked.kind, booked.usage) == ("summary", usage + usage)
    assert [(each.kind, each.usage.calls) for each in await store.booked_for(43, Extent(channel_id=1))] == [
        ("summary", 2)
    ]
    assert await in_the_way(store, wanted(-3, payers=(43,)), {"user": 100}) == "user"


async def test_a_direct_message_has_no_server(store: Store) -> None:
    await hear(store, 100, guild=None)
    assert await in_the_way(store, wanted(1), {"server": 1, "member": 1}) is None
    found = await store.standings(None, 1, 42, EVERY, now=NOW)
    assert [each.budget for each in found] == ["user", "channel", "host"]


async def test_a_call_belongs_to_the_day_on_which_it_was_reserved(store: Store) -> None:
    await hear(store, 100)
    turn, tomorrow = await begun(store), NOW + DAY_SECONDS
    assert await in_the_way(store, wanted(turn.id), {"user": 10}) is None
    assert await in_the_way(store, wanted(5), {"user": 10}, tomorrow) is None
    await store.complete(turn, "hi", replace(OUTCOME, reservation=turn.id), now=tomorrow)
    assert (await used(store))["user"] == (105, 0)
    assert (await used(store, tomorrow))["user"] == (0, 600)


async def test_of_what_a_crash_left_the_prompt_is_booked(open_again: OpenStore) -> None:
    async with open_again() as store:
        await hear(store, 100)
        assert await in_the_way(store, wanted(1), EVERY) is None
        assert await in_the_way(store, wanted(-1, payers=()), {}) is None
    async with open_again() as store:
        assert await used(store) == {budget: (100 if budget in ("user", "member") else 200, 0) for budget in EVERY}


async def test_who_reserves_for_a_turn_again_leaves_nothing_behind(store: Store) -> None:
    await hear(store, 100)
    for _ in range(3):
        assert await in_the_way(store, wanted(1), EVERY) is None
    assert (await used(store))["user"] == (200, 600)


async def test_it_is_told_once_a_day_and_budget(store: Store) -> None:
    assert [await store.tell_once("user", 7, now=NOW) for _ in range(2)] == [True, False]
    assert await store.tell_once("server", 7, now=NOW)
    assert await store.tell_once("user", 8, now=NOW)
    assert await store.tell_once("user", 7, now=NOW + DAY_SECONDS)


async def test_forgetting_changes_no_sum(store: Store) -> None:
    await exchange(store, 100, "hello", "hi")
    state = await state_of(store)
    assert await in_the_way(store, wanted(9), EVERY) is None
    await store.forget_author(42, Extent(), most=10, now=NOW)
    await store.forget_channel(1)
    await store.book_summary(state, "m", Usage(1, 50, 0, 5), reservation=9, now=NOW)
    assert (await used(store))["user"] == (160, 0)


@dataclass(frozen=True)
class Call:
    """A call under way: where, who may pay, what it reserved, and on which day."""

    number: int
    channel: int
    payers: tuple[int, ...]
    prompt: int
    reply: int
    day: int


class Bounds(RuleBasedStateMachine):
    """People in channels of two servers and in private ask, models answer or fail, processes die, days pass.

    *paid* is what the books must say, by day and budget; *largest* is the largest call that there was.
    """

    CHANNELS = ((1, 7), (2, 7), (3, 8), (4, None))

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.numbers = count(1)
        self.calls: list[Call] = []
        self.paid: Counter[tuple[int, Budget, int]] = Counter()
        self.payer_of: dict[int, int] = {}
        self.largest = 0
        self.day = 0
        self.limits: Limits = {}

    @initialize(limits=st.fixed_dictionaries({}, optional=dict.fromkeys(EVERY, st.integers(1, 3_000))))
    def begin(self, limits: Limits) -> None:
        self.limits = limits
        self.run(self._begin())

    async def _begin(self) -> None:
        await self._open()
        for channel, guild in self.CHANNELS:
            await hear(self.store, channel, channel=channel, guild=guild)

    async def _open(self) -> None:
        async with AsyncExitStack() as stack:
            self.store = await stack.enter_async_context(open_store(f"sqlite:///{self.folder.name}/memory.db"))
            self.opened = stack.pop_all()

    def run(self, work: Awaitable[T]) -> T:
        async def waited_for() -> T:
            return await work

        return self.runner.run(waited_for())

    @property
    def now(self) -> float:
        return NOW + self.day * DAY_SECONDS

    def pay(self, call: Call, tokens: int) -> None:
        guild, payer = dict(self.CHANNELS)[call.channel], self.payer_of.pop(call.number)
        self.paid[call.day, "host", 0] += tokens
        self.paid[call.day, "channel", call.channel] += tokens
        if guild is not None:
            self.paid[call.day, "server", guild] += tokens
        if payer:
            self.paid[call.day, "user", payer] += tokens
            if guild is not None:
                self.paid[call.day, "member", payer * 10 + guild] += tokens
        self.calls.remove(call)

    @rule(
        channel=st.sampled_from([channel for channel, _ in CHANNELS]),
        payers=st.lists(st.sampled_from([41, 42, 43]), unique=True, max_size=3),
        prompt=st.integers(1, 500),
        reply=st.integers(1, 1_500),
    )
    def ask(self, channel: int, payers: list[int], prompt: int, reply: int) -> None:
        call = Call(next(self.numbers), channel, tuple(payers), prompt, reply, self.day)
        wanted = Reservation(call.number, channel, call.payers, "little", prompt, reply)
        standing = self.run(self.store.reserve(wanted, self.limits, now=self.now))
        if standing is not None:
            assert standing.is_taken
            return
        self.calls.append(call)
        self.largest = max(self.largest, prompt + reply)
        [self.payer_of[call.number]] = self.run(self._payer(call.number))

    async def _payer(self, number: int) -> list[int]:
        return await self.store._read(  # type: ignore[attr-defined]  # who pays is told to nobody else
            lambda db: [row[0] for row in db.execute("SELECT user_id FROM reservations WHERE id = ?", (number,))]
        )

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(self.calls))
        written = data.draw(st.integers(0, call.reply))
        usage = Usage(1, call.prompt, 0, written)
        state = self.run(self.store.compaction(call.channel, reach=lambda _: EVERYTHING))
        assert state is not None
        self.run(self.store.book_summary(state, "little", usage, reservation=call.number, now=self.now))
        self.pay(call, usage.tokens)

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(self.calls))
        self.run(self.store.release(call.number))
        self.pay(call, 0)

    @rule()
    def die(self) -> None:
        self.run(self.opened.aclose())
        self.run(self._open())
        for call in list(self.calls):
            self.pay(call, call.prompt)

    @rule()
    def sleep(self) -> None:
        self.day += 1

    @invariant()
    def nothing_is_wrong(self) -> None:
        if not hasattr(self, "store"):
            return
        for (channel, guild), user in ((place, user) for place in self.CHANNELS for user in (41, 42, 43)):
            ids = {
                "user": user,
                "member": user * 10 + (guild or 0),
                "channel": channel,
                "server": guild or 0,
                "host": 0,
            }
            for each in self.run(self.store.standings(guild, channel, user, self.limits, now=self.now)):
                assert each.used == self.paid[self.day, each.budget, ids[each.budget]]
                assert each.used + each.reserved < each.limit + max(self.largest, 1)
        if not self.calls:
            host: Limits = {"host": 1}
            assert [each.reserved for each in self.run(self.store.standings(None, 0, 0, host, now=self.now))] == [0]

    def teardown(self) -> None:
        if hasattr(self, "opened"):
            self.run(self.opened.aclose())
        self.runner.close()
        self.folder.cleanup()


@pytest.mark.timeout(1_200)  # with --torture: some minutes
def test_no_sum_passes_its_limit_by_more_than_a_call(torture: bool) -> None:
    settings = hypothesis_settings(max_examples=400 if torture else 20, stateful_step_count=30, deadline=None)
    run_state_machine_as_test(Bounds, settings=settings)
