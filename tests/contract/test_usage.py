"""What every store promises of its books: what was used is counted once, by day, place, person, kind and model, and stays."""

from __future__ import annotations

import pytest

from storage import Store
from storage.records import Booked, Compaction, Usage
from tests.contract.conftest import OpenStore
from tests.contract.makers import EVERYTHING, NOW, answer, begun, exchange, hear

TODAY = "2027-01-15"
DAY_SECONDS = 86_400

#: What the makers' replies cost.
REPLY = Usage(1, 100, 10, 5)


async def state_of(store: Store) -> Compaction:
    state = await store.compaction(1, reach=lambda _: EVERYTHING)
    assert state is not None
    return state


async def test_replies_and_summaries_are_summed_by_kind_and_model(store: Store) -> None:
    await exchange(store, 100, "hello", "hi")
    await exchange(store, 102, "hello", "hi")
    for usage in (Usage(1, 30, 20, 7), Usage(1)):
        await store.book_summary(await state_of(store), "small", usage, now=NOW)
    assert await store.booked([TODAY], guild_id=7) == [
        Booked(None, None, None, "reply", "little", REPLY + REPLY),
        Booked(None, None, None, "summary", "small", Usage(2, 30, 20, 7)),
    ]


async def test_of_two_who_are_answered_together_the_newest_pays(store: Store) -> None:
    await hear(store, 100, author=42)
    await hear(store, 101, author=43)
    assert await answer(store, await begun(store), "hi")
    assert await store.booked([TODAY], guild_id=7, by=("user_id",)) == [
        Booked(None, None, 43, "reply", "little", REPLY)
    ]


async def test_no_more_of_a_prompt_was_cached_than_there_was(store: Store) -> None:
    await exchange(store, 100, "hello", "hi")
    await store.book_summary(await state_of(store), "small", Usage(1, 10, 30, 5), now=NOW)
    _, summary = await store.booked([TODAY], guild_id=7)
    assert summary.usage == Usage(1, 10, 10, 5)


async def test_they_are_told_by_day_channel_and_person(store: Store) -> None:
    await exchange(store, 100, "hello", "hi")
    await hear(store, 200, channel=2, author=43)
    assert await answer(store, await begun(store, 2), "hi", now=NOW + DAY_SECONDS)
    days = [TODAY, "2027-01-16"]
    assert await store.booked(days, guild_id=7, by=("day", "channel_id", "user_id")) == [
        Booked(TODAY, 1, 42, "reply", "little", REPLY),
        Booked("2027-01-16", 2, 43, "reply", "little", REPLY),
    ]
    assert await store.booked(days, guild_id=7, user_id=43, by=("channel_id",)) == [
        Booked(None, 2, None, "reply", "little", REPLY)
    ]
    assert await store.booked(days, guild_id=7, channel_id=1) == [Booked(None, None, None, "reply", "little", REPLY)]
    assert await store.booked(days[:1], guild_id=7, channel_id=2) == []


@pytest.mark.parametrize("guild_id", [None, 8])
async def test_nothing_is_told_of_another_place(store: Store, guild_id: int | None) -> None:
    await exchange(store, 100, "hello", "hi")
    assert await store.booked([TODAY], guild_id=guild_id) == []
    assert await store.booked([TODAY], guild_id=guild_id, channel_id=1, user_id=42) == []


async def test_the_books_outlive_the_channel_and_a_restart(open_again: OpenStore) -> None:
    async with open_again() as store:
        await exchange(store, 100, "hello", "hi")
        state = await state_of(store)
        await store.forget_channel(1)
        await store.book_summary(state, "small", Usage(1, 30, 0, 7), now=NOW)
    async with open_again() as store:
        kinds = [(row.channel_id, row.kind) for row in await store.booked([TODAY], guild_id=7, by=("channel_id",))]
        assert kinds == [(1, "reply"), (1, "summary")]
