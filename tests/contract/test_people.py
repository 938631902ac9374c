"""What is known and forgotten of one person, and that nothing is taken in from who opted out."""

from __future__ import annotations

from dataclasses import replace

from storage import Store
from storage.records import Attachment, Extent, Status
from tests.contract.conftest import OpenStore
from tests.contract.makers import NOW, begin, begun, exchange, hear, said, seen

ME, HERE = 42, Extent(channel_id=1)


async def test_a_persons_words_are_told_where_they_stand_now(store: Store) -> None:
    await exchange(store, 100, "before", "reply")
    await store.reset(1, now=NOW)
    await hear(store, 200, "after")
    await hear(store, 201, "not mine", author=43)
    told = await store.said_by(ME, HERE)
    assert [(kept.message.content, kept.put_away) for kept in told] == [("before", True), ("after", False)]
    assert await store.count_by(ME, HERE) == 2
    [booked] = await store.booked_for(ME, HERE)
    assert (booked.channel_id, booked.usage.calls) == (1, 1)
    assert await store.booked_for(ME, Extent(guild_id=8)) == []


async def test_files_are_told_with_the_message_and_go_with_it(store: Store) -> None:
    file = Attachment(
        100, 5, "reef.txt", "text/plain", 12, "https://cdn.discordapp.com/reef.txt", "[file: reef.txt]", 5
    )
    await store.accept(replace(said(100, "look"), attachments=(file,)), addressed=True, now=NOW)
    await hear(store, 101, "without one")
    assert [kept.attachments for kept in await store.said_by(ME, HERE)] == [(file,), ()]
    await store.forget_author(ME, HERE, most=10, now=NOW)
    assert await store.said_by(ME, HERE) == []


async def test_forgetting_takes_the_replies_along_and_stays(store: Store) -> None:
    await exchange(store, 100, "mine", "reply to mine")
    await hear(store, 110, "another's", author=43)
    forgotten = await store.forget_author(ME, HERE, most=10, now=NOW)
    assert (forgotten.messages, forgotten.channels) == (1, {1})
    assert [turn.status for turn in forgotten.interrupted] == [Status.ANSWERED]
    assert await seen(store, await begun(store)) == ["another's"]
    assert not await hear(store, 100, "mine"), "a late event does not bring it back"


async def test_it_goes_step_by_step_and_takes_what_was_brought_in(store: Store) -> None:
    brought = [("user", said(0, f"old {number}")) for number in range(5)]
    assert await store.bring_in(brought, now=NOW) == 5  # type: ignore[arg-type]  # of literals
    steps = [(await store.forget_author(ME, HERE, most=2, now=NOW)).messages for _ in range(4)]
    assert steps == [2, 2, 1, 0]
    assert await store.export(1) == []


async def test_an_unfinished_turn_loses_its_trigger(store: Store) -> None:
    await hear(store, 100, "mine")
    await hear(store, 101, "another's", author=43)
    turn = await begun(store)
    [interrupted] = (await store.forget_author(ME, HERE, most=10, now=NOW)).interrupted
    assert interrupted.was_running
    again = await begin(store)
    assert again is not None
    assert (again.id, again.attempt) == (turn.id, turn.attempt + 1)
    assert [trigger.content for trigger in again.triggers] == ["another's"]


async def test_what_a_message_is_in_memory(store: Store) -> None:
    await exchange(store, 100, "mine", "reply")
    await hear(store, 110, "and now?")
    turn = await begun(store)
    await store.record_chunk(turn, 0, "so far")
    await store.chunk_sent(turn, 0, 111)
    assert await store.bring_in([("assistant", said(90, "brought"))], now=NOW) == 1
    ids = (100, 101, 110, 111, 90, 999)
    expected = ["words", "reply", "words", "unfinished reply", "reply", None]
    assert [await store.remembered_as(one) for one in ids] == expected
    await store.forget([100, 90], now=NOW)
    assert [await store.remembered_as(one) for one in (100, 101, 90)] == [None, None, None]


async def test_nothing_is_taken_in_from_who_opted_out_until_they_opt_in(store: Store) -> None:
    await store.opt_out(ME, now=NOW)
    await store.opt_out(ME, now=NOW)
    assert not await hear(store, 100, "mine")
    assert not await hear(store, 101, "mine", channel=2, addressed=False)
    assert await hear(store, 102, "another's", author=43)
    brought = [("user", said(103, "mine")), ("assistant", said(104, "a reply"))]
    assert await store.bring_in(brought, now=NOW) == 1  # type: ignore[arg-type]  # of literals
    assert await store.opted_out() == {ME}
    await store.opt_in(ME)
    assert await store.opted_out() == frozenset()
    assert await hear(store, 105, "mine")


async def test_who_opted_out_is_reminded_once_each_time(store: Store) -> None:
    assert not await store.remind_opted_out(ME)
    for _ in range(2):
        await store.opt_out(ME, now=NOW)
        assert [await store.remind_opted_out(ME) for _ in range(2)] == [True, False]
        await store.opt_in(ME)


async def test_an_opt_out_outlives_the_process(open_again: OpenStore) -> None:
    async with open_again() as store:
        await store.opt_out(ME, now=NOW)
        assert await store.remind_opted_out(ME)
    async with open_again() as store:
        assert await store.opted_out() == {ME}
        assert not await store.remind_opted_out(ME)
        assert not await hear(store, 100, "mine")
