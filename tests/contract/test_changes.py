"""What every store promises of edits, deletions, resets and restores: forgetting is real, and a reset can be undone."""

from __future__ import annotations

from storage import Store
from storage.records import Status
from tests.contract.makers import NOW, OUTCOME, answer, begin, begun, exchange, hear, seen
from tests.contract.test_summaries import leaf


async def test_an_edit_changes_what_is_seen(store: Store) -> None:
    await exchange(store, 100, "my name is Nmeo", "hello")
    assert await store.edit(100, "my name is Nemo", tokens=9, now=NOW)
    assert not await store.edit(100, "my name is Nemo", tokens=9, now=NOW)
    assert not await store.edit(999, "never seen", tokens=9, now=NOW)

    await hear(store, 102, "?")
    assert await seen(store, await begun(store)) == ["my name is Nemo", "hello", "?"]


async def test_deleting_a_message_takes_the_reply_of_its_turn_with_it(store: Store) -> None:
    await exchange(store, 100, "secret", "your secret is safe")
    (turn,) = await store.forget([100], now=NOW)
    assert (turn.status, turn.was_running) == (Status.ANSWERED, False)

    await hear(store, 102, "what did I say?")
    assert await seen(store, await begun(store)) == ["what did I say?"]


async def test_deleting_a_chunk_of_a_reply_takes_the_reply_out(store: Store) -> None:
    await exchange(store, 100, "one", "reply one")
    assert await store.forget([101], now=NOW)

    await hear(store, 102, "two")
    assert await seen(store, await begun(store)) == ["one", "two"]


async def test_a_late_create_cannot_bring_a_deleted_message_back(store: Store) -> None:
    await hear(store, 100)
    await store.forget([100], now=NOW)
    assert not await hear(store, 100)
    assert await begin(store) is None


async def test_forgetting_what_is_not_known_does_nothing(store: Store) -> None:
    assert await store.forget([1, 2, 3], now=NOW) == []


async def test_a_waiting_turn_without_triggers_is_cancelled(store: Store) -> None:
    await hear(store, 100)
    await hear(store, 101)
    await store.forget([100], now=NOW)
    assert await store.unfinished_channels() == [1]
    await store.forget([101], now=NOW)
    assert await store.unfinished_channels() == []


async def test_deleting_one_of_two_triggers_while_answering_starts_the_next_attempt(store: Store) -> None:
    await hear(store, 100, "one")
    await hear(store, 101, "two")
    turn = await begun(store)

    (interrupted,) = await store.forget([100], now=NOW)

    assert interrupted.was_running
    assert not await store.complete(turn, "an answer to both", OUTCOME, now=NOW)
    again = await begun(store)
    assert (again.id, again.attempt) == (turn.id, turn.attempt + 1)
    assert [trigger.content for trigger in again.triggers] == ["two"]
    assert await answer(store, again, "an answer to two")


async def test_what_stands_of_a_reply_to_a_deleted_trigger_is_not_kept(store: Store) -> None:
    await hear(store, 100, "a secret")
    await hear(store, 101, "two")
    turn = await begun(store)
    for number, text in enumerate(("your secret", "is safe")):
        await store.record_chunk(turn, number, text)
    await store.chunk_sent(turn, 0, 555)

    await store.forget([100], now=NOW)

    kept = [(chunk.discord_id, chunk.text) for chunk in (await begun(store)).chunks]
    assert kept == [(555, ""), (None, "is safe")], "one whose id is not known is found by its text"


async def test_deleting_the_only_trigger_while_sending_cancels_the_turn(store: Store) -> None:
    await hear(store, 100, "one")
    turn = await begun(store)
    await store.complete(turn, "reply", OUTCOME, now=NOW)

    await store.forget([100], now=NOW)

    assert not await store.finish(turn, author_id=99, author_name="Mnemo", tokens=5, now=NOW)
    assert await begin(store) is None


async def test_two_who_reset_at_once_reset_once(store: Store) -> None:
    await exchange(store, 100, "one", "reply")
    assert await store.reset(1, epoch=1, now=NOW) is not None
    assert await store.reset(1, epoch=1, now=NOW) is None
    restored = await store.restore(1, closed_after=NOW - 1, now=NOW + 1)
    assert restored is not None
    assert restored.messages == 2


async def test_a_reset_starts_afresh_and_a_restore_swaps(store: Store) -> None:
    await exchange(store, 100, "before", "reply before")
    closed = await store.reset(1, now=NOW)
    assert closed is not None
    assert closed.messages == 2
    await exchange(store, 200, "after", "reply after")

    restored = await store.restore(1, closed_after=NOW - 1, now=NOW + 1)
    assert restored is not None
    assert restored.messages == 2
    await hear(store, 300, "again")
    turn = await begun(store)
    assert await seen(store, turn) == ["before", "reply before", "again"]
    await answer(store, turn, "welcome back")

    swapped = await store.restore(1, closed_after=NOW - 1, now=NOW + 2)
    assert swapped is not None
    await hear(store, 400, "and again")
    assert await seen(store, await begun(store)) == ["after", "reply after", "and again"]


async def test_a_reset_cancels_the_turn_that_is_being_answered_and_those_that_wait(store: Store) -> None:
    await hear(store, 100, "one")
    turn = await begun(store)
    await hear(store, 101, "two")

    await store.reset(1, now=NOW)

    assert not await store.complete(turn, "a reply that must not leak", OUTCOME, now=NOW)
    assert await begin(store) is None
    restored = await store.restore(1, closed_after=NOW - 1, now=NOW + 1)
    assert restored is not None
    await hear(store, 200, "three")
    assert await seen(store, await begun(store)) == ["one", "two", "three"]


async def test_an_empty_epoch_is_not_brought_back_and_goes_with_its_grace(store: Store) -> None:
    await exchange(store, 100, "before", "reply before")
    await store.reset(1, now=NOW)
    assert await store.restore(1, closed_after=NOW - 1, now=NOW + 1) is not None
    assert await store.restore(1, closed_after=NOW - 1, now=NOW + 2) is None
    overview = await store.overview(1, closed_after=NOW - 1)
    assert overview is not None
    assert (overview.messages, overview.restorable_messages, overview.restorable_since) == (2, 0, None)
    assert await store.purge(closed_before=NOW + 1) == 1
    await hear(store, 200, "again")
    assert await seen(store, await begun(store)) == ["before", "reply before", "again"]


async def test_behind_an_empty_epoch_the_one_before_is_brought_back(store: Store) -> None:
    await exchange(store, 100, "before", "reply before")
    await store.reset(1, now=NOW)
    await hear(store, 200, "since", addressed=False)
    await store.reset(1, now=NOW + 1)
    await store.forget([200], now=NOW + 2)
    restored = await store.restore(1, closed_after=NOW - 1, now=NOW + 3)
    assert restored is not None
    assert restored.messages == 2


async def test_an_unknown_channel_has_nothing_to_reset_or_restore(store: Store) -> None:
    assert await store.reset(1, now=NOW) is None
    assert await store.restore(1, closed_after=0, now=NOW) is None
    assert await store.overview(1, closed_after=0) is None


async def test_a_reset_past_its_grace_cannot_be_restored_and_is_purged(store: Store) -> None:
    await exchange(store, 100, "before", "reply before")
    await store.reset(1, now=NOW)

    assert await store.restore(1, closed_after=NOW + 1, now=NOW + 2) is None
    assert await store.purge(closed_before=NOW + 1) == 1
    assert await store.restore(1, closed_after=0, now=NOW + 2) is None


async def test_of_a_purged_epoch_with_a_reply_that_stands_half_written_no_summary_stays(store: Store) -> None:
    await exchange(store, 100, "before", "reply before")
    await leaf(store, 1, 2)
    await hear(store, 102, "and now?")
    turn = await begun(store)
    assert await store.record_chunk(turn, 0, "the beginn")
    await store.reset(1, now=NOW)

    assert await store.purge(closed_before=NOW) == 1
    assert await store.restore(1, closed_after=NOW - 1, now=NOW) is None, "there is nothing in it"


async def test_a_purge_leaves_what_is_open_or_in_its_grace(store: Store) -> None:
    await exchange(store, 100, "open", "reply", channel=1)
    await exchange(store, 200, "just reset", "reply", channel=2)
    await store.reset(2, now=NOW)

    assert await store.purge(closed_before=NOW - 1) == 0
    assert await store.restore(2, closed_after=NOW - 1, now=NOW) is not None


async def test_an_epoch_number_is_never_used_twice(store: Store) -> None:
    await hear(store, 100)
    first = await store.reset(1, now=NOW)
    await store.restore(1, closed_after=NOW - 1, now=NOW)
    second = await store.reset(1, now=NOW + 1)
    overview = await store.overview(1, closed_after=0)
    assert first is not None
    assert second is not None
    assert overview is not None
    assert overview.epoch == 3


async def test_an_overview_counts_messages_tokens_and_the_window(store: Store) -> None:
    await exchange(store, 100, "one", "reply one")
    await hear(store, 102, "two")
    turn = await begun(store)
    await store.move_window(turn, start=turn.triggers[0].position, policy="p", look_back=10**6)

    overview = await store.overview(1, closed_after=0)

    assert overview is not None
    assert (overview.messages, overview.tokens) == (3, 25)
    assert overview.since == NOW  # the reply's time in this test; its trigger says it was later
    assert (overview.window_messages, overview.window_tokens) == (1, 10)
    assert overview.restorable_since is None
