"""Retention: what is too old goes with all that was made of it, whole turns at once, and nothing else goes."""

from __future__ import annotations

from storage import Store
from storage.records import Draft
from tests.contract.makers import EVERYTHING, NOW, OUTCOME, answer, begun, correct, exchange, hear, said

#: In these tests a message is said as many seconds after NOW as its id says.
BORDER = NOW + 150


async def texts(store: Store, channel: int = 1) -> list[str]:
    return [message.content for message in await store.export(channel)]


async def summarize(store: Store, first: int, last: int) -> None:
    """Store a leaf over these positions that repeats what was said there."""
    state = await store.compaction(1, reach=lambda _: EVERYTHING)
    assert state is not None
    draft = await store.claim_leaf(state, (first, last), reason="asked for", now=NOW)
    assert draft is not None
    await commit(store, draft, ", ".join(message.content for message in draft.messages))


async def commit(store: Store, draft: Draft, text: str) -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "latency": 0.1}
    assert await store.commit_summary(draft, text=text, tokens=2, model="little", **usage)


async def fold(store: Store, text: str) -> None:
    state = await store.compaction(1, reach=lambda _: EVERYTHING)
    assert state is not None
    draft = await store.claim_digest(state, state.summaries, reason="many", now=NOW)
    assert draft is not None
    await commit(store, draft, text)


async def shown(store: Store) -> list[str]:
    overview = await store.overview(1, closed_after=0)
    assert overview is not None
    return [summary.text for summary in overview.summaries]


async def gaps(store: Store) -> tuple[tuple[int, int], ...]:
    state = await store.compaction(1, reach=lambda _: EVERYTHING)
    assert state is not None
    return state.gaps


async def test_what_is_old_goes_from_every_channel_and_epoch_and_from_the_index(store: Store) -> None:
    for channel in (1, 2):
        await hear(store, 100 + channel, f"old lighthouse {channel}", addressed=False, channel=channel)
        await hear(store, 200 + channel, f"new lighthouse {channel}", addressed=False, channel=channel)
    await store.reset(1, now=NOW)
    assert await store.expire(before=BORDER, most=100) == 2
    assert await store.expire(before=BORDER, most=100) == 0
    assert await texts(store, 2) == ["new lighthouse 2"]
    assert [one.content for one in await store.search(2, ["lighthouse"], limit=10)] == ["new lighthouse 2"]
    await store.restore(1, closed_after=0, now=NOW)
    assert await texts(store) == ["new lighthouse 1"]


async def test_a_turn_goes_whole_with_its_first_message(store: Store) -> None:
    await hear(store, 149, "a question")
    await hear(store, 151, "and another")
    assert await answer(store, await begun(store), "a late reply", chunk_id=152, now=NOW + 400)
    await hear(store, 160, "said later", addressed=False)
    assert await store.expire(before=BORDER, most=1) == 3
    assert await texts(store) == ["said later"]
    assert await store.newest_ids(1, limit=10) == [160]
    assert await store.forget([152], now=NOW) == []  # nothing is known of the reply's chunks either


async def test_a_turn_that_is_not_finished_waits(store: Store) -> None:
    await hear(store, 100, "a question")
    assert await store.expire(before=BORDER, most=100) == 0
    turn = await begun(store)
    assert await store.expire(before=BORDER, most=100) == 0
    assert await store.complete(turn, "a reply", OUTCOME, now=NOW)
    assert await store.expire(before=BORDER, most=100) == 0
    await store.finish(turn, author_id=99, author_name="Mnemo", tokens=5, now=NOW + 500)
    assert await store.expire(before=BORDER, most=100) == 2


async def test_it_goes_in_steps_the_oldest_first(store: Store) -> None:
    for number in range(5):
        await hear(store, 100 + number, addressed=False)
    assert await store.expire(before=BORDER, most=2) == 2
    assert await texts(store) == ["message 102", "message 103", "message 104"]
    assert [await store.expire(before=BORDER, most=2) for _ in range(3)] == [2, 1, 0]


async def test_what_was_brought_in_is_as_old_as_it_says(store: Store) -> None:
    old = [said(0, "brought in, old"), said(300, "brought in, new")]
    await store.bring_in([("user", old[0]), ("assistant", old[0]), ("user", old[1])], now=NOW + 1000)
    assert await store.expire(before=BORDER, most=100) == 2
    assert await texts(store) == ["brought in, new"]


async def test_summaries_of_what_went_go_and_one_on_the_border_is_to_be_made_again(store: Store) -> None:
    for number in (100, 120, 140, 160, 180):
        await exchange(store, number, f"fact {number}", "I see.", now=NOW + number)
    await summarize(store, 1, 2)
    await summarize(store, 3, 6)  # 120 and 140
    await fold(store, "what became of 100 to 140")
    await summarize(store, 7, 8)
    assert await shown(store) == ["what became of 100 to 140", "fact 160, I see."]

    assert await store.expire(before=NOW + 130, most=100) == 4
    assert await gaps(store) == ((3, 6),)  # only this one, over what is left of its span
    assert await shown(store) == ["fact 160, I see."]
    await summarize(store, 3, 6)
    assert await shown(store) == ["fact 140, I see.", "fact 160, I see."]

    assert await store.expire(before=NOW + 170, most=100) == 4
    assert (await gaps(store), await shown(store)) == ((), [])
    assert await texts(store) == ["fact 180", "I see."]


async def test_an_admins_words_go_when_something_beneath_them_does(store: Store) -> None:
    for number in (100, 160):
        await exchange(store, number, f"fact {number}", "I see.", now=NOW + number)
    await summarize(store, 1, 4)
    assert await correct(store, "an admin's words")
    await store.expire(before=BORDER, most=100)
    overview = await store.overview(1, closed_after=0)
    assert overview is not None
    assert (overview.summaries, overview.lost_correction) == ((), True)
    await store.expire(before=NOW + 200, most=100)
    overview = await store.overview(1, closed_after=0)
    assert overview is not None
    assert not overview.lost_correction  # nothing is left that they could have been about


async def test_a_summary_that_is_being_written_of_it_is_void(store: Store) -> None:
    await exchange(store, 100, "a fact", "I see.")
    state = await store.compaction(1, reach=lambda _: EVERYTHING)
    assert state is not None
    draft = await store.claim_leaf(state, (1, 2), reason="asked for", now=NOW)
    assert draft is not None
    await store.expire(before=BORDER, most=100)
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "latency": 0.1}
    assert await store.commit_summary(draft, text="a fact", tokens=2, model="little", **usage) is None
