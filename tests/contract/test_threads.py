"""Threads that are opened with what was said in their channel: copies of its summaries, and what voids them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from storage import Store
from storage.records import Covered, Extent, Opened, Outline, Place, Summary, SummaryKind
from tests.contract.makers import EVERYTHING, NOW, begin, exchange, hear, said

PARENT, THREAD = 1, Place(50, 7, 1)


async def outlined(
    store: Store, text: str = "of all that", *, look_back: int = 10_000, spans: Sequence[tuple[int, int]] = ()
) -> list[Outline]:
    """What is not covered, summarized: as one, or by *spans*."""
    state = await store.uncovered(PARENT, look_back=look_back)
    if state is None or not state.backlog:
        return []
    made = []
    for span in spans or [(state.backlog[0].position, state.backlog[-1].position)]:
        draft = await store.claim_leaf(state, span, reason="a thread", now=NOW)
        assert draft is not None
        made.append(Outline(draft, text, 3, "little", 10, 3))
    return made


async def summarized(store: Store, text: str, channel: int = PARENT, span: tuple[int, int] | None = None) -> None:
    """A leaf of a channel's own, over all that has none or over a *span*."""
    state = await store.compaction(channel, reach=lambda _: EVERYTHING)
    assert state is not None
    span = span or (state.backlog[0].position, state.backlog[-1].position)
    draft = await store.claim_leaf(state, span, reason="full", now=NOW)
    assert draft is not None
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "latency": 0.1}
    assert await store.commit_summary(draft, text=text, tokens=3, model="little", **usage)


async def folded(store: Store, text: str, channel: int) -> Summary:
    """A digest of all summaries of a channel."""
    state = await store.compaction(channel, reach=lambda _: EVERYTHING)
    assert state is not None
    digest = await store.claim_digest(state, state.summaries, reason="folded", now=NOW)
    assert digest is not None
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "latency": 0.1}
    made = await store.commit_summary(digest, text=text, tokens=3, model="little", **usage)
    assert made is not None
    return made


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
    opened = await store.open_thread(PARENT, THREAD, await outlined(store, "the new"), now=NOW)
    assert opened == Opened(Covered(4, NOW, NOW + 200), is_whole=True)
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
    assert await store.open_thread(PARENT, THREAD, [], now=NOW) == Opened(None, is_whole=True)
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
    made = await folded(store, "old and inside", THREAD.channel_id)
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
    opened = await store.open_thread(PARENT, THREAD, outlines, now=NOW)
    assert await shown(store) == (["the channel's own"] if change == "leaf" else [])
    assert opened.is_whole == (change != "edit"), (
        "the channel's own has it, and of a reset nothing is left that could be told"
    )
    assert (opened.covered is not None) == (change == "leaf")


async def test_what_stands_in_no_summary_is_not_counted(store: Store) -> None:
    for first in (100, 200, 300, 400):
        await exchange(store, first, f"{first}", "reply")
        if first == 100:
            await summarized(store, "the old")
    opened = await store.open_thread(PARENT, THREAD, await outlined(store, "the new", look_back=10), now=NOW)
    assert await shown(store) == ["the old", "the new"]
    assert opened.covered is not None
    assert opened.covered.messages == 4, "nobody looked back at the others"


async def test_what_lies_between_the_leaves_of_a_digest_is_not_counted(store: Store) -> None:
    for first in (100, 200, 300):
        await exchange(store, first, f"{first}", "reply")
    await summarized(store, "the old", span=(1, 2))
    await summarized(store, "the new", span=(5, 6))
    made = await folded(store, "old and new", PARENT)
    covered = await store.covered(PARENT, [(made.first, made.last)])
    assert covered is not None
    assert covered.messages == 4
    opened = await store.open_thread(PARENT, THREAD, [], now=NOW)
    assert opened == Opened(covered, is_whole=True)


@pytest.mark.parametrize("edited", [100, 200])
async def test_of_outlines_those_that_are_left_are_told(store: Store, edited: int) -> None:
    await exchange(store, 100, "old", "I see.")
    await exchange(store, 200, "new", "Well.")
    outlines = await outlined(store, spans=[(1, 2), (3, 4)])
    await store.edit(edited, "other", tokens=1, now=NOW)
    opened = await store.open_thread(PARENT, THREAD, outlines, now=NOW)
    assert not opened.is_whole
    assert opened.covered is not None
    assert opened.covered.messages == 2
    assert len(await shown(store)) == 1


async def test_an_outline_of_which_the_channel_summarized_only_a_part_is_missed(store: Store) -> None:
    await exchange(store, 100, "old", "I see.")
    await exchange(store, 200, "new", "Well.")
    outlines = await outlined(store)
    await summarized(store, "the old", span=(1, 2))
    opened = await store.open_thread(PARENT, THREAD, outlines, now=NOW)
    assert await shown(store) == ["the old"]
    assert not opened.is_whole


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
