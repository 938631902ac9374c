"""What every store promises of turns: nothing is lost, nothing is answered twice, and order is what people saw."""

from __future__ import annotations

import asyncio

from storage import Store
from storage.records import Reach, Status
from tests.contract.conftest import OpenStore
from tests.contract.makers import NOW, OUTCOME, answer, begin, begun, exchange, hear, seen, window


async def test_the_same_event_twice_is_one_message(store: Store) -> None:
    assert await hear(store, 100)
    assert not await hear(store, 100)

    turn = await begun(store)
    assert [trigger.discord_id for trigger in turn.triggers] == [100]


async def test_what_is_not_addressed_is_remembered_and_makes_no_turn(store: Store) -> None:
    await hear(store, 100, "by the way", addressed=False)
    assert await begin(store) is None

    await hear(store, 101, "and you?")
    assert await seen(store, await begun(store)) == ["by the way", "and you?"]


async def test_who_speaks_before_the_turn_begins_is_answered_together(store: Store) -> None:
    await hear(store, 100, "one")
    await hear(store, 101, "two")

    turn = await begun(store)

    assert [trigger.content for trigger in turn.triggers] == ["one", "two"]
    assert turn.newest.discord_id == 101
    assert turn.status is Status.GENERATING


async def test_who_speaks_while_the_bot_answers_is_in_the_next_turn_after_the_reply(store: Store) -> None:
    await hear(store, 100, "one")
    first = await begun(store)
    await hear(store, 101, "two")
    await hear(store, 102, "aside", addressed=False)
    await answer(store, first, "reply one")

    second = await begun(store)

    assert [trigger.content for trigger in second.triggers] == ["two"]
    assert await seen(store, second) == ["one", "reply one", "aside", "two"]


async def test_triggers_beyond_the_budget_wait_for_the_next_turn(store: Store) -> None:
    for discord_id in (100, 101, 102):
        await hear(store, discord_id, tokens=40)

    first = await begun(store, budget=90)
    assert [trigger.discord_id for trigger in first.triggers] == [100, 101]
    await answer(store, first, "reply")

    second = await begun(store, budget=90)
    assert [trigger.discord_id for trigger in second.triggers] == [102]
    assert second.triggers[0].position > first.position


async def test_one_trigger_alone_above_the_budget_is_answered(store: Store) -> None:
    await hear(store, 100, tokens=5000)
    assert len((await begun(store, budget=90)).triggers) == 1


async def test_a_turn_that_was_left_comes_back_with_what_was_sent(open_again: OpenStore) -> None:
    async with open_again() as store:
        await hear(store, 100, "one")
        turn = await begun(store)
        await store.record_chunk(turn, 0, "the beginn")
        await store.chunk_sent(turn, 0, 555)
        await store.record_chunk(turn, 1, "and more")

    async with open_again() as store:
        assert await store.unfinished_channels() == [1]
        left = await begin(store, owner="somebody new")
        assert left is not None
        assert (left.id, left.status, left.attempt) == (turn.id, Status.GENERATING, turn.attempt)
        assert [(chunk.number, chunk.text, chunk.discord_id) for chunk in left.chunks] == [
            (0, "the beginn", 555),
            (1, "and more", None),
        ]


async def test_a_whole_text_survives_until_it_is_sent(open_again: OpenStore) -> None:
    async with open_again() as store:
        await hear(store, 100)
        await store.complete(await begun(store), "the whole reply", OUTCOME, now=NOW)

    async with open_again() as store:
        turn = await begun(store)
        assert (turn.status, turn.reply, turn.finish_reason) == (Status.SENDING, "the whole reply", "stop")
        assert await store.finish(turn, author_id=99, author_name="Mnemo", tokens=5, now=NOW)
        assert await begin(store) is None
        assert await store.unfinished_channels() == []


async def test_a_first_chunk_is_recorded_with_the_whole_text(open_again: OpenStore) -> None:
    async with open_again() as store:
        await hear(store, 100)
        assert await store.complete(await begun(store), "the whole reply", OUTCOME, first_chunk="the whole", now=NOW)

    async with open_again() as store:
        turn = await begun(store)
        assert [(chunk.number, chunk.text, chunk.discord_id) for chunk in turn.chunks] == [(0, "the whole", None)]
        assert not await store.complete(turn, "another", OUTCOME, first_chunk="another", now=NOW)
        assert [chunk.text for chunk in (await begun(store)).chunks] == ["the whole"]


async def test_after_a_reset_no_more_of_a_reply_is_sent(store: Store) -> None:
    await hear(store, 100)
    turn = await begun(store)
    assert await store.record_chunk(turn, 0, "the beginn")
    await store.reset(1, now=NOW)
    assert not await store.record_chunk(turn, 1, "and more")


async def test_a_turn_that_somebody_else_works_on_is_not_taken_until_the_lease_is_over(store: Store) -> None:
    await hear(store, 100)
    turn = await begin(store, owner="one")
    assert turn is not None

    assert await begin(store, owner="two") is None
    taken = await begin(store, owner="two", now=NOW + 61)
    assert taken is not None
    assert taken.id == turn.id


async def test_a_failed_turn_is_over_and_what_was_said_is_remembered(store: Store) -> None:
    await hear(store, 100, "one")
    turn = await begun(store)
    assert await store.close_turn(turn, Status.FAILED)
    assert not await store.close_turn(turn, Status.FAILED)

    await hear(store, 101, "two")
    assert await seen(store, await begun(store)) == ["one", "two"]


async def test_channels_do_not_see_each_other(store: Store) -> None:
    await exchange(store, 100, "in one", "reply in one", channel=1)
    await exchange(store, 200, "in two", "reply in two", channel=2)

    await hear(store, 300, "again", channel=2)
    assert await seen(store, await begun(store, 2)) == ["in two", "reply in two", "again"]


async def test_a_window_starts_where_it_was_moved_to_for_the_policy_that_moved_it(store: Store) -> None:
    await exchange(store, 100, "one", "reply one")
    await hear(store, 102, "two")
    turn = await begun(store)
    await store.move_window(turn, start=turn.triggers[0].position, policy="p", look_back=10**6)

    assert [message.content for message in (await window(store, turn, policy="p")).messages] == ["two"]
    assert [message.content for message in (await window(store, turn, policy="other")).messages] == [
        "one",
        "reply one",
        "two",
    ]


async def test_a_read_ends_once_its_reach_is_passed(store: Store) -> None:
    for discord_id in range(100, 120):
        await hear(store, discord_id, addressed=False, tokens=10)
    await hear(store, 120, tokens=10)
    turn = await begun(store)

    assert len((await window(store, turn, reach=Reach(messages=4, tokens=None))).messages) == 5
    assert len((await window(store, turn, reach=Reach(messages=None, tokens=65))).messages) == 7


async def test_many_writers_at_once_all_commit(store: Store) -> None:
    accepted = await asyncio.gather(*(hear(store, 1000 + n, channel=n % 7) for n in range(200)))
    assert all(accepted)
    turns = [await begun(store, channel, budget=10**6) for channel in range(7)]
    assert sum(len(turn.triggers) for turn in turns) == 200


async def test_a_cancelled_caller_harms_nobody_else(store: Store) -> None:
    tasks = [asyncio.create_task(hear(store, 1000 + n)) for n in range(50)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert await hear(store, 5000)
    kept = {trigger.discord_id for trigger in (await begun(store, budget=10**6)).triggers}
    assert {1000 + n for n in range(1, 50, 2)} <= kept
