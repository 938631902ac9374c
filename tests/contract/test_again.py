"""What every store promises of a reply that is written anew, goes on, or is withdrawn, and of what that costs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from storage import Store
from storage.records import Refusal, Status, Usage
from tests.contract.makers import EVERYTHING, NOW, OUTCOME, answer, begin, begun, exchange, hear, seen


async def reopen(store: Store, message_id: int, *, askers: set[int] | None = None) -> int | Refusal:
    """Reopen the turn, for somebody who may if it was asked by *askers* (None: by anybody)."""

    def may(asked: Collection[int]) -> bool:
        return askers is None or set(asked) == askers

    return await store.reopen(message_id, may=may, now=NOW)


async def test_a_turn_is_answered_again_in_its_place(store: Store) -> None:
    first = await exchange(store, 100, "one", "a crab")
    await hear(store, 102, "aside", addressed=False)
    assert await reopen(store, 101, askers={42}) == 1
    again = await begun(store)
    assert (again.id, again.attempt, again.status) == (first.id, first.attempt + 1, Status.GENERATING)
    assert [(chunk.discord_id, chunk.attempt) for chunk in again.chunks] == [(101, again.attempt)]
    assert await seen(store, again) == ["one"]
    assert await answer(store, again, "a fish")
    await hear(store, 104, "two")
    assert await seen(store, await begun(store)) == ["one", "a fish", "aside", "two"]


async def test_it_survives_the_process(store: Store) -> None:
    await exchange(store, 100, "one", "a crab")
    await reopen(store, 101)
    assert await store.unfinished_channels() == [1]
    assert await store.search(1, ["crab"], limit=5) == []


async def test_why_not(store: Store) -> None:
    await exchange(store, 100, "one", "a crab")
    assert await reopen(store, 999) is Refusal.GONE
    assert await reopen(store, 101, askers={7}) is Refusal.NOT_PERMITTED
    assert await reopen(store, 101) == 1
    assert await reopen(store, 101) is Refusal.UNFINISHED
    assert await answer(store, await begun(store), "a fish")
    await hear(store, 102, "two")
    assert await reopen(store, 101) is Refusal.OLDER
    await store.forget([102], now=NOW)
    await store.forget([100], now=NOW)
    assert await reopen(store, 101) in (Refusal.GONE, Refusal.OLDER)
    await exchange(store, 104, "three", "a whale")
    await store.reset(1, now=NOW)
    assert await reopen(store, 105) is Refusal.RESET


async def test_what_is_gone_is_gone_for_everybody(store: Store) -> None:
    for message_id, author in ((100, 42), (101, 43)):
        await hear(store, message_id, author=author)
    assert await answer(store, await begun(store), "a crab", chunk_id=102)
    await store.forget([100], now=NOW)
    for askers in ({42}, {43}):
        assert await reopen(store, 102, askers=askers) is Refusal.GONE, "the reply went with the first question"
    await store.forget([101], now=NOW)
    for askers in ({42}, {7}):
        assert await reopen(store, 102, askers=askers) is Refusal.GONE, "nobody's question is left"


async def test_what_is_behind_the_window_is_not_answered_again(store: Store) -> None:
    turn = await exchange(store, 100, "one", "a crab")
    await hear(store, 102, "aside", addressed=False)
    await store.move_window(turn, start=turn.position + 1, policy="p", look_back=10)
    assert await reopen(store, 101) is Refusal.OLDER


async def test_a_failed_turn_can_be_answered_again(store: Store) -> None:
    await hear(store, 100, "one")
    turn = await begun(store)
    await store.record_chunk(turn, 0, "sorry")
    await store.chunk_sent(turn, 0, 101)
    await store.close_turn(turn, Status.FAILED)
    assert await reopen(store, 101) == 1
    assert await answer(store, await begun(store), "a fish")


async def test_who_begins_is_told_of_the_message_before_once(store: Store) -> None:
    await exchange(store, 100, "one", "a crab")
    await hear(store, 102, "two")
    assert (await begun(store)).outdated == 101
    assert (await begun(store)).outdated is None


async def test_a_chunk_that_is_deleted_while_it_is_written_withdraws_the_turn(store: Store) -> None:
    await hear(store, 100, "one")
    turn = await begun(store)
    for number in range(2):
        await store.record_chunk(turn, number, "text")
        await store.chunk_sent(turn, number, 101 + number)
    [interrupted] = await store.forget([101], now=NOW)
    assert interrupted.was_running
    withdrawn = await begun(store)
    assert withdrawn.is_withdrawn
    assert [chunk.attempt == withdrawn.attempt for chunk in withdrawn.chunks] == [False]
    await store.drop_chunks(withdrawn, first=0)
    await store.close_turn(withdrawn, Status.CANCELLED)
    assert await begin(store) is None


async def test_an_attempt_without_a_reply_is_booked(store: Store) -> None:
    await hear(store, 100, "one")
    turn = await begun(store)
    await store.book_reply(turn, OUTCOME, now=NOW)
    [booked] = await store.booked(["2027-01-15"], guild_id=7, by=["user_id"])
    assert (booked.kind, booked.model, booked.user_id, booked.usage) == (
        "reply",
        OUTCOME.model,
        42,
        Usage(1, 100, 10, 5),
    )
    await store.forget_channel(1)
    await store.book_reply(turn, OUTCOME, now=NOW)
    assert len(await store.booked(["2027-01-15"], guild_id=7)) == 1


async def go_on(store: Store, message_id: int, *, after: Collection[str] = ("length",)) -> int | Refusal:
    return await store.go_on(message_id, may=lambda _: True, after=after, now=NOW)


async def cut_short(store: Store, text: str = "a crab and") -> None:
    """A turn whose reply ended by the model's limit, in the chunk 101."""
    await hear(store, 100, "one")
    turn = await begun(store)
    await store.record_chunk(turn, 0, text)
    await store.chunk_sent(turn, 0, 101)
    await store.complete(turn, text, replace(OUTCOME, finish_reason="length"), now=NOW)
    assert await store.finish(turn, author_id=99, author_name="Mnemo", tokens=5, now=NOW)


async def kept(store: Store) -> list[str]:
    return [message.content for message in await store.export(1)]


async def test_a_reply_that_was_cut_is_kept_until_the_whole_of_it_takes_its_place(store: Store) -> None:
    await cut_short(store)
    assert await go_on(store, 101) == 1
    turn = await begun(store)
    assert (turn.beginning, turn.finish_reason, turn.attempt) == ("a crab and", "length", 1)
    assert [(chunk.discord_id, chunk.attempt) for chunk in turn.chunks] == [(101, 1)]
    assert await kept(store) == ["one", "a crab and"]
    assert await seen(store, turn) == ["one"]
    await store.complete(turn, "a crab and a fish", OUTCOME, now=NOW)
    again = await begun(store)
    assert (again.reply, again.beginning) == ("a crab and a fish", "a crab and")
    assert await kept(store) == ["one", "a crab and"]
    assert await store.finish(again, author_id=99, author_name="Mnemo", tokens=5, now=NOW)
    assert await kept(store) == ["one", "a crab and a fish"]
    assert [message.content for message in await store.search(1, ["fish"], limit=5)] == ["a crab and a fish"]
    [booked] = await store.booked(["2027-01-15"], guild_id=7)
    assert booked.usage.calls == 2


async def test_what_could_not_go_on_ends_as_it_was(store: Store) -> None:
    await cut_short(store)
    await go_on(store, 101)
    turn = await begun(store)
    await store.complete(turn, "a crab and a fish", OUTCOME, now=NOW)
    assert await store.close_turn(turn, Status.ANSWERED)
    assert await begin(store) is None
    assert await kept(store) == ["one", "a crab and"]
    assert await go_on(store, 101) == 1


async def test_why_a_reply_does_not_go_on(store: Store) -> None:
    await exchange(store, 100, "one", "a crab")
    assert await go_on(store, 101) is Refusal.WHOLE
    assert await go_on(store, 999) is Refusal.GONE
    assert await go_on(store, 101, after=["stop"]) == 1
    assert await go_on(store, 101) is Refusal.UNFINISHED
    assert await reopen(store, 101) is Refusal.UNFINISHED


async def test_a_reply_that_is_written_anew_has_no_beginning(store: Store) -> None:
    await cut_short(store)
    assert await reopen(store, 101) == 1
    turn = await begun(store)
    assert (turn.beginning, turn.finish_reason) == (None, None)


async def test_what_is_deleted_beneath_a_reply_that_goes_on_takes_its_beginning_too(store: Store) -> None:
    await cut_short(store)
    await hear(store, 102, "aside", addressed=False)
    await go_on(store, 101)
    turn = await begun(store)
    await store.forget([100], now=NOW)
    assert not await store.complete(turn, "a crab and a fish", OUTCOME, now=NOW)
    assert await kept(store) == ["aside"]
    assert (await begun(store)).beginning is None


async def test_a_reset_puts_away_what_is_kept_of_a_reply_that_goes_on(store: Store) -> None:
    await cut_short(store)
    await go_on(store, 101)
    await store.reset(1, now=NOW)
    turn = await begun(store)
    assert (turn.is_closed, turn.beginning) == (True, "a crab and")
    assert await store.close_turn(turn, Status.ANSWERED)
    await store.restore(1, closed_after=0, now=NOW)
    assert await kept(store) == ["one", "a crab and"]


async def test_no_summary_that_was_being_written_holds_the_beginning_alone(store: Store) -> None:
    await cut_short(store)
    await hear(store, 102, "aside", addressed=False)
    state = await store.compaction(1, reach=lambda _: EVERYTHING)
    assert state is not None
    draft = await store.claim_leaf(state, (1, 2), reason="full", now=NOW)
    assert draft is not None
    await go_on(store, 101)
    committed = await store.commit_summary(
        draft, text="crabs", tokens=1, model="m", prompt_tokens=1, completion_tokens=1, latency=0.1
    )
    assert committed is None


async def test_what_failed_and_is_tried_again_is_not_summarized_meanwhile(store: Store) -> None:
    await hear(store, 100, "one")
    turn = await begun(store)
    await store.record_chunk(turn, 0, "No.")
    await store.chunk_sent(turn, 0, 101)
    await store.close_turn(turn, Status.FAILED)
    await hear(store, 102, "aside", addressed=False)
    state = await store.compaction(1, reach=lambda _: EVERYTHING)
    assert state is not None
    draft = await store.claim_leaf(state, (1, 1), reason="full", now=NOW)
    assert draft is not None
    assert await reopen(store, 101) == 1
    committed = await store.commit_summary(
        draft, text="crabs", tokens=1, model="m", prompt_tokens=1, completion_tokens=1, latency=0.1
    )
    assert committed is None
    assert await seen(store, await begun(store)) == ["one"]


async def test_a_reply_that_goes_on_stays_pinned(store: Store) -> None:
    await cut_short(store)
    assert await store.pin(101, now=NOW)
    await go_on(store, 101)
    assert await answer(store, await begun(store), "a crab and a fish")
    overview = await store.overview(1, closed_after=0)
    assert overview is not None
    assert [pin.content for pin in overview.pins] == ["a crab and a fish"]


async def test_a_reply_that_is_written_anew_stays_pinned_also_after_an_attempt_that_failed(store: Store) -> None:
    await exchange(store, 100, "one", "a crab")
    assert await store.pin(101, now=NOW)
    await reopen(store, 101)
    assert await store.pinned(1) == ()
    assert await store.close_turn(await begun(store), Status.FAILED)
    await reopen(store, 101)
    assert await answer(store, await begun(store), "a fish")
    [pin] = await store.pinned(1)
    assert (pin.content, pin.pinned_at) == ("a fish", NOW)


async def test_a_reply_that_was_unpinned_comes_back_without_a_pin(store: Store) -> None:
    await exchange(store, 100, "one", "a crab")
    assert await store.pin(101, now=NOW)
    await reopen(store, 101)
    assert await answer(store, await begun(store), "a fish")
    assert await store.unpin(1, 101)
    await reopen(store, 101)
    assert await answer(store, await begun(store), "an eel")
    assert await store.pinned(1) == ()


async def test_an_attempt_that_was_booked_with_its_reply_is_not_booked_again(store: Store) -> None:
    await hear(store, 100, "one")
    turn = await begun(store)
    assert await store.complete(turn, "a crab", OUTCOME, now=NOW)
    await store.book_reply(turn, OUTCOME, now=NOW)
    [booked] = await store.booked(["2027-01-15"], guild_id=7)
    assert booked.usage.calls == 1


async def test_what_is_written_anew_is_not_summarized_meanwhile(store: Store) -> None:
    await exchange(store, 100, "one", "a crab")
    await hear(store, 102, "aside", addressed=False)
    state = await store.compaction(1, reach=lambda _: EVERYTHING)
    assert state is not None
    await reopen(store, 101)
    assert await store.claim_leaf(state, (1, 2), reason="full", now=NOW) is None
    again = await begun(store)
    assert await seen(store, again) == ["one"]
    assert await answer(store, again, "a fish")
    assert await store.claim_leaf(state, (1, 2), reason="full", now=NOW) is not None
