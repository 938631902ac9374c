"""What one channel's work does reaches no other channel, not even when what it worked on was taken away meanwhile."""

from __future__ import annotations

from storage import Store
from storage.records import Draft, Extent
from tests.contract.makers import EVERYTHING, NOW, OUTCOME, answer, begun, exchange, hear, said, seen


async def drafted(store: Store, channel: int) -> Draft:
    """A leaf over all that was said in *channel*, claimed."""
    state = await store.compaction(channel, reach=lambda _: EVERYTHING)
    assert state is not None
    span = (state.backlog[0].position, state.backlog[-1].position)
    draft = await store.claim_leaf(state, span, reason="asked for", now=NOW)
    assert draft is not None
    return draft


async def commit(store: Store, draft: Draft, text: str) -> bool:
    how = {"prompt_tokens": 1, "completion_tokens": 1, "latency": 0.1}
    return await store.commit_summary(draft, text=text, tokens=3, model="little", **how) is not None


async def test_a_summary_whose_draft_was_taken_away_is_not_stored_in_another_channel(store: Store) -> None:
    for channel, first in ((1, 100), (2, 200)):
        await exchange(store, first, f"the secret of {channel}", "I see.", channel=channel)
    here = await drafted(store, 1)
    await store.edit(100, "nothing", tokens=1, now=NOW)  # takes the draft away
    there = await drafted(store, 2)
    assert not await commit(store, here, "the secret of 1")
    assert await commit(store, there, "the secret of 2")
    for channel, texts in ((1, []), (2, ["the secret of 2"])):
        overview = await store.overview(channel, closed_after=0)
        assert overview is not None
        assert [summary.text for summary in overview.summaries] == texts


async def test_a_draft_that_was_taken_away_cannot_be_thrown_away_for_another_channel(store: Store) -> None:
    for channel, first in ((1, 100), (2, 200)):
        await exchange(store, first, "a fact", "I see.", channel=channel)
    here = await drafted(store, 1)
    await store.reset(1, now=NOW)
    there = await drafted(store, 2)
    await store.discard_summary(here)
    assert await commit(store, there, "the secret of 2")


async def test_a_reply_whose_turn_was_deleted_is_not_said_in_another_channel(store: Store) -> None:
    await hear(store, 100, "the secret of 1", channel=1)
    here = await begun(store, 1)
    await store.record_chunk(here, 0, "the secret")
    await store.forget_channel(1)
    await hear(store, 200, "what is it?", channel=2)
    there = await begun(store, 2)
    await store.record_chunk(here, 0, "the secret")
    await store.chunk_sent(here, 0, 101)
    assert not await store.complete(here, "the secret of 1", OUTCOME, now=NOW)
    await store.record_chunk(there, 0, "Of what?")
    await store.drop_chunks(here, first=0)
    assert await answer(store, there, "Of what?", chunk_id=201)
    await hear(store, 202, "hm", channel=2)
    assert await seen(store, await begun(store, 2)) == ["what is it?", "Of what?", "hm"]
    assert await store.newest_ids(2, limit=10) == [202, 201, 200]


async def test_a_purge_gives_no_id_again_either(store: Store) -> None:
    await hear(store, 100, channel=1)
    here = await begun(store, 1)
    await store.reset(1, now=NOW)
    await store.purge(closed_before=NOW)
    await hear(store, 200, channel=2)
    there = await begun(store, 2)
    assert there.id != here.id
    assert not await store.complete(here, "the secret of 1", OUTCOME, now=NOW)


async def test_a_correction_reaches_only_the_summaries_that_were_seen(store: Store) -> None:
    for first in (100, 200):
        await exchange(store, first, "a fact", "I see.")
        assert await commit(store, await drafted(store, 1), f"the summary of {first}")
        await store.reset(1, now=NOW + first)
    await store.restore(1, closed_after=0, now=NOW + 300)
    overview = await store.overview(1, closed_after=0)
    assert overview is not None
    seen_ids = [summary.id for summary in overview.summaries]
    await store.restore(1, closed_after=0, now=NOW + 301)
    await store.restore(1, closed_after=0, now=NOW + 302)
    await store.reset(1, now=NOW + 303)
    assert not await store.correct_summary(1, "words", tokens=1, instead_of=seen_ids, now=NOW)


async def test_nothing_of_a_turn_that_is_over_is_recorded(store: Store) -> None:
    await hear(store, 100, "a question")
    turn = await begun(store)
    await store.forget([100], now=NOW)
    await store.record_chunk(turn, 0, "half an answer")
    await store.chunk_sent(turn, 0, 101)
    assert await store.newest_ids(1, limit=10) == []
    again = await store.overview(1, closed_after=0)
    assert again is not None
    assert again.messages == 0


async def test_forgetting_a_person_reaches_nobody_else_and_no_other_place(store: Store) -> None:
    for first, channel, guild, author in (
        (100, 1, 7, 42),
        (200, 1, 7, 43),
        (300, 2, 7, 42),
        (400, 3, 8, 42),
        (500, 4, None, 42),
    ):
        message = said(first, f"words {first}", channel=channel, author=author, guild=guild)
        await store.accept(message, addressed=False, now=NOW)

    async def left() -> list[int | None]:
        return [one.discord_id for channel in (1, 2, 3, 4) for one in await store.export(channel)]

    await store.forget_author(42, Extent(channel_id=1), most=10, now=NOW)
    assert await left() == [200, 300, 400, 500]
    assert [kept.message.discord_id for kept in await store.said_by(42, Extent(guild_id=7))] == [300]
    await store.forget_author(42, Extent(guild_id=7), most=10, now=NOW)
    assert await left() == [200, 400, 500]
    await store.forget_author(42, Extent(), most=10, now=NOW)
    assert await left() == [200]


async def test_search_and_recall_read_one_channel_and_epoch(store: Store) -> None:
    for channel in (1, 11, 2):
        await store.accept(said(channel * 100, "the lighthouse", channel=channel), addressed=False, now=NOW)
    await store.reset(11, now=NOW)
    await store.accept(said(1101, "another lighthouse", channel=11), addressed=False, now=NOW)
    assert [one.discord_id for one in await store.search(1, ["lighthouse"], limit=10)] == [100]
    assert [one.discord_id for one in await store.search(11, ["lighthouse"], limit=10)] == [1101]
    assert await store.term_positions(1, 1, ["lighthouse"], newest=10) == ([(1,)], 1)
    # What looks like another channel's scope is only a word.
    assert await store.search(1, ["c2e1"], limit=10) == []
    assert (await store.term_positions(1, 1, ["c2e1", 'x" OR scope : "c2e1'], newest=10))[0] == [(), ()]
