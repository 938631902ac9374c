"""Threads that are opened with what was said in their channel: copies of its summaries, and what voids them."""

from __future__ import annotations

import pytest

from storage import Store
from storage.records import Extent, Outline, Place, SummaryKind
from tests.contract.makers import EVERYTHING, NOW, begin, exchange, hear, said

PARENT, THREAD = 1, Place(50, 7, 1)


async def outlined(store: Store, text: str = "of all that", *, look_back: int = 10_000) -> list[Outline]:
    """What is not covered, summarized."""
    state = await store.uncovered(PARENT, look_back=look_back)
    if state is None or not state.backlog:
        return []
    span = (state.backlog[0].position, state.backlog[-1].position)
    draft = await store.claim_leaf(state, span, reason="a thread", now=NOW)
    assert draft is not None
    return [Outline(draft, text, 3, "little", 10, 3)]


async def summarized(store: Store, text: str, channel: int = PARENT) -> None:
    """A leaf of a channel's own over all that has none."""
    state = await store.compaction(channel, reach=lambda _: EVERYTHING)
    assert state is not None
    span = (state.backlog[0].position, state.backlog[-1].position)
    draft = await store.claim_leaf(state, span, reason="full", now=NOW)
    assert draft is not None
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "latency": 0.1}
    assert await store.commit_summary(draft, text=text, tokens=3, model="little", **usage)


async def shown(store: Store, channel: int = THREAD.channel_id) -> list[str]:
    overview = await store.overview(channel, closed_after=0)
    return [summary.text for summary in overview.summaries] if overview else []


async def test_who_speaks_before_the_thread_has_begun_takes_its_beginning_from_nobody(store: Store) -> None:
    await exchange(store, 100, "old", "I see.")
    await summarized(store, "the old")
    thread = THREAD.channel_id
    await hear(store, 150, "first!", addressed=False, channel=thread)
    await store.open_thread(PARENT, THREAD, [], now=NOW)
    await exchange(store, 200, "new", "Well.", channel=thread)
    await summarized(store, "the new", thread)
    assert sorted(await shown(store)) == ["the new", "the old"]


async def test_a_thread_begins_with_copies_and_what_is_not_covered_yet(store: Store) -> None:
    await exchange(store, 100, "old", "I see.")
    await summarized(store, "the old")
    await exchange(store, 200, "new", "Well.")
    window = await store.overview(PARENT, closed_after=0)
    covered = await store.open_thread(PARENT, THREAD, await outlined(store, "the new"), now=NOW)
    assert covered is not None
    assert covered.messages == 4
    assert await shown(store) == ["the old", "the new"]
    assert await shown(store, PARENT) == ["the old"]
    assert await store.overview(PARENT, closed_after=0) == window, "the channel's own memory is what it was"
    overview = await store.overview(THREAD.channel_id, closed_after=0)
    assert overview is not None
    assert [summary.is_origin for summary in overview.summaries] == [True, True]
    peeked = await store.peek_window(THREAD.channel_id, policy="p", reach=EVERYTHING)
    assert peeked is not None
    assert [one.text for one in peeked.origin] == ["the old", "the new"]
    assert peeked.messages == ()


async def test_what_is_not_known_or_not_finished_is_not_covered(store: Store) -> None:
    assert await store.uncovered(PARENT, look_back=100) is None
    assert await store.open_thread(PARENT, THREAD, [], now=NOW) is None
    await exchange(store, 100, "done", "I see.")
    await hear(store, 200, "being answered")
    await begin(store)
    state = await store.uncovered(PARENT, look_back=100)
    assert state is not None
    assert [one.content for one in state.backlog] == ["done", "I see."]


async def test_only_the_newest_whole_turns_are_looked_back_at(store: Store) -> None:
    for first in (100, 200, 300):
        await exchange(store, first, f"{first}", "reply")
    state = await store.uncovered(PARENT, look_back=20)
    assert state is not None
    assert [one.content for one in state.backlog] == ["200", "reply", "300", "reply"]


@pytest.mark.parametrize("change", ["edit", "delete", "chunk", "author", "expire", "purge", "channel"])
async def test_whatever_voids_it_in_the_channel_voids_the_copy(store: Store, change: str) -> None:
    await exchange(store, 100, "old", "I see.")
    await summarized(store, "the old")
    await exchange(store, 200, "new", "Well.")
    await store.open_thread(PARENT, THREAD, await outlined(store, "the new"), now=NOW)
    match change:
        case "edit":
            await store.edit(100, "other", tokens=1, now=NOW)
        case "delete":
            await store.forget([100], now=NOW)
        case "chunk":
            await store.forget([101], now=NOW)
        case "author":
            await store.forget_author(42, Extent(channel_id=PARENT), most=10, now=NOW)
        case "expire":
            await store.expire(before=NOW + 150, most=10)
        case "purge":
            await store.reset(PARENT, now=NOW)
            assert await shown(store) == ["the old", "the new"], "a reset can be taken back"
            await store.purge(closed_before=NOW)
        case _:
            await store.forget_channel(PARENT)
    assert await shown(store) == (["the new"] if change in ("edit", "delete", "chunk") else [])


async def test_digests_and_corrections_above_a_copy_go_with_it(store: Store) -> None:
    await exchange(store, 100, "old", "I see.")
    await store.open_thread(PARENT, THREAD, await outlined(store, "the old"), now=NOW)
    await exchange(store, 500, "inside", "Yes.", channel=THREAD.channel_id)
    await summarized(store, "the inside", THREAD.channel_id)
    state = await store.compaction(THREAD.channel_id, reach=lambda _: EVERYTHING)
    assert state is not None
    digest = await store.claim_digest(state, state.summaries, reason="folded", now=NOW)
    assert digest is not None
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "latency": 0.1}
    made = await store.commit_summary(digest, text="old and inside", tokens=3, model="little", **usage)
    assert made is not None
    assert made.kind is SummaryKind.DIGEST
    assert await store.correct_summary(THREAD.channel_id, "an admin's", tokens=2, instead_of=[made.id], now=NOW)
    assert await shown(store) == ["an admin's"]
    await store.forget([100], now=NOW)
    assert await shown(store) == ["the inside"]
    overview = await store.overview(THREAD.channel_id, closed_after=0)
    assert overview is not None
    assert overview.lost_correction


async def test_a_digest_that_is_being_written_goes_with_the_copy(store: Store) -> None:
    await exchange(store, 100, "old", "I see.")
    await summarized(store, "the old")
    await exchange(store, 200, "new", "Well.")
    await store.open_thread(PARENT, THREAD, await outlined(store, "the new"), now=NOW)
    state = await store.compaction(THREAD.channel_id, reach=lambda _: EVERYTHING)
    assert state is not None
    digest = await store.claim_digest(state, state.summaries, reason="folded", now=NOW)
    assert digest is not None
    await store.edit(100, "other", tokens=1, now=NOW)
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "latency": 0.1}
    assert await store.commit_summary(digest, text="the old", tokens=3, model="little", **usage) is None


@pytest.mark.parametrize("change", ["edit", "reset", "leaf"])
async def test_an_outline_of_what_changed_meanwhile_is_left_out(store: Store, change: str) -> None:
    await exchange(store, 100, "old", "I see.")
    outlines = await outlined(store, "made for the thread")
    match change:
        case "edit":
            await store.edit(100, "other", tokens=1, now=NOW)
        case "reset":
            await store.reset(PARENT, now=NOW)
        case _:
            await summarized(store, "the channel's own")
    await store.open_thread(PARENT, THREAD, outlines, now=NOW)
    assert await shown(store) == (["the channel's own"] if change == "leaf" else [])


async def test_the_thread_goes_its_own_way(store: Store) -> None:
    await exchange(store, 100, "old", "I see.")
    await store.open_thread(PARENT, THREAD, await outlined(store, "the old"), now=NOW)
    await store.reset(THREAD.channel_id, now=NOW)
    assert await shown(store) == []
    await store.restore(THREAD.channel_id, closed_after=0, now=NOW + 1)
    assert await shown(store) == ["the old"]
    await store.accept(said(600, "more", channel=PARENT), addressed=False, now=NOW)
    await store.forget([600], now=NOW)
    assert await shown(store) == ["the old"], "what came after is not beneath it"
