"""What every store promises of summaries: a leaf moves the window with it, and none outlives what it was made of."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from storage import Store
from storage.records import Compaction, Draft, Overrides, Place, Reach, Summary
from tests.contract.conftest import OpenStore
from tests.contract.makers import EVERYTHING, NOW, answer, begun, correct, exchange, hear, seen


async def state_of(store: Store, channel: int = 1, reach: Reach = EVERYTHING) -> Compaction:
    state = await store.compaction(channel, reach=lambda _: reach)
    assert state is not None
    return state


async def claim(store: Store, first: int, last: int) -> Draft:
    draft = await store.claim_leaf(await state_of(store), (first, last), reason="full", now=NOW)
    assert draft is not None
    return draft


async def commit(store: Store, draft: Draft, text: str = "a summary", tokens: int = 5) -> Summary | None:
    return await store.commit_summary(
        draft, text=text, tokens=tokens, model="little", prompt_tokens=100, completion_tokens=5, latency=0.1
    )


async def leaf(store: Store, first: int, last: int) -> Summary:
    made = await commit(store, await claim(store, first, last), f"leaf {first}-{last}")
    assert made is not None
    return made


async def fold(store: Store, parts: Sequence[Summary]) -> Draft:
    draft = await store.claim_digest(await state_of(store), parts, reason="many", now=NOW)
    assert draft is not None
    return draft


async def digest(store: Store, *parts: Summary) -> Summary:
    made = await commit(store, await fold(store, parts), "digest")
    assert made is not None
    return made


async def shown(store: Store) -> list[str]:
    return [summary.text for summary in (await state_of(store)).summaries]


@pytest.fixture
async def talked(store: Store) -> Store:
    """A store whose channel 1 has four exchanges: positions 1 to 8, Discord ids 100 to 107."""
    for number in range(4):
        await exchange(store, 100 + 2 * number, f"question {number}", f"reply {number}")
    return store


# Making one


async def test_the_backlog_is_what_no_leaf_covers_up_to_an_unfinished_turn(talked: Store) -> None:
    await leaf(talked, 1, 2)
    await hear(talked, 200, "being answered")
    await begun(talked)
    await hear(talked, 201, "said meanwhile", addressed=False)

    state = await state_of(talked)
    assert [message.content for message in state.backlog] == [
        *("question 1", "reply 1", "question 2", "reply 2", "question 3", "reply 3")
    ]
    assert state.is_whole


async def test_of_the_backlog_whole_turns_are_read_whatever_their_size(talked: Store) -> None:
    state = await state_of(talked, reach=Reach(messages=None, tokens=1))
    assert [message.content for message in state.backlog] == ["question 0", "reply 0", "question 1"]
    assert not state.is_whole


async def test_a_channel_that_is_not_known_has_nothing_to_compact(store: Store) -> None:
    assert await store.compaction(1, reach=lambda _: EVERYTHING) is None


async def test_a_draft_holds_the_messages_as_they_are_now(talked: Store) -> None:
    state = await state_of(talked)
    await talked.edit(100, "edited", tokens=7, now=NOW)
    draft = await talked.claim_leaf(state, (1, 2), reason="full", now=NOW)
    assert draft is not None
    assert [message.content for message in draft.messages] == ["edited", "reply 0"]


async def test_a_leaf_and_the_window_move_together(talked: Store) -> None:
    draft = await claim(talked, 1, 4)
    assert await shown(talked) == []
    made = await commit(talked, draft, "what was said")
    assert made is not None
    assert (made.first, made.last, made.tokens, made.prompt_tokens, made.reason) == (1, 4, 5, 100, "full")

    await hear(talked, 200, "next")
    turn = await begun(talked)
    window = await talked.load_window(turn, policy="", reach=EVERYTHING)
    assert [message.content for message in window.messages] == [
        "question 2",
        "reply 2",
        "question 3",
        "reply 3",
        "next",
    ]
    assert [summary.text for summary in window.summaries] == ["what was said"]


async def test_a_window_that_a_leaf_moved_is_not_moved_back_by_a_turn_that_read_before(talked: Store) -> None:
    await hear(talked, 200, "next")
    turn = await begun(talked)
    await talked.move_window(turn, start=1, policy="p", look_back=1000)
    await leaf(talked, 1, 4)
    await talked.move_window(turn, start=3, policy="p", look_back=1000)
    window = await talked.load_window(turn, policy="p", reach=EVERYTHING)
    assert window.start == 5


async def test_a_new_policy_lets_leaves_be_made_of_whole_turns_as_far_as_it_looks_back(talked: Store) -> None:
    await hear(talked, 200, "next")
    turn = await begun(talked)
    await talked.move_window(turn, start=turn.newest.position, policy="new", look_back=12)
    await answer(talked, turn, "reply")
    assert [message.content for message in (await state_of(talked)).backlog] == [
        *("question 2", "reply 2", "question 3", "reply 3", "next", "reply")
    ]


async def test_a_draft_that_was_left_by_a_crash_is_thrown_away(open_again: OpenStore) -> None:
    async with open_again() as store:
        await exchange(store, 100, "question", "reply")
        draft = await claim(store, 1, 2)
    async with open_again() as store:
        assert await commit(store, draft) is None
        assert [message.position for message in (await state_of(store)).backlog] == [1, 2]
        assert await leaf(store, 1, 2)


async def test_a_discarded_draft_leaves_everything_as_it_was(talked: Store) -> None:
    before = await state_of(talked)
    await talked.discard_summary(await claim(talked, 1, 4))
    assert await state_of(talked) == before


async def test_a_failure_is_told_until_a_summary_can_be_made(talked: Store) -> None:
    await talked.fail_summary(await claim(talked, 1, 4), 1, 1, "it is busy", now=NOW + 5)
    overview = await talked.overview(1, closed_after=0)
    assert overview is not None
    assert (overview.compaction_error, overview.compaction_failed_at) == ("it is busy", NOW + 5)
    assert len((await state_of(talked)).backlog) == 8

    await leaf(talked, 1, 4)
    overview = await talked.overview(1, closed_after=0)
    assert overview is not None
    assert overview.compaction_error is None


# What makes a draft void

CHANGES = {
    "edit": lambda store: store.edit(102, "changed", tokens=5, now=NOW),
    "deletion": lambda store: store.forget([102], now=NOW),
    "deletion of a reply": lambda store: store.forget([103], now=NOW),
    "reset": lambda store: store.reset(1, now=NOW),
    "policy": lambda store: store.set_overrides(Place(1, 7), Overrides(policy="window"), now=NOW),
    "channel": lambda store: store.forget_channel(1),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_draft_is_void_after_a_change_beneath_it(talked: Store, change: str) -> None:
    draft = await claim(talked, 1, 4)
    await CHANGES[change](talked)
    assert await commit(talked, draft) is None
    if change != "channel":
        assert await shown(talked) == []


@pytest.mark.parametrize("change", CHANGES)
async def test_a_digest_is_void_after_a_change_beneath_it(talked: Store, change: str) -> None:
    draft = await fold(talked, [await leaf(talked, 1, 2), await leaf(talked, 3, 4)])
    await CHANGES[change](talked)
    assert await commit(talked, draft, "digest") is None


@pytest.mark.parametrize("change", ["reset", "policy", "channel"])
async def test_nothing_is_claimed_for_a_state_that_is_over(talked: Store, change: str) -> None:
    parts = [await leaf(talked, 1, 2), await leaf(talked, 3, 4)]
    state = await state_of(talked)
    await CHANGES[change](talked)
    assert await talked.claim_leaf(state, (5, 6), reason="full", now=NOW) is None
    assert await talked.claim_digest(state, parts, reason="many", now=NOW) is None


async def test_a_reset_that_was_undone_leaves_a_draft_void(talked: Store) -> None:
    draft = await claim(talked, 1, 4)
    await talked.reset(1, now=NOW)
    assert await talked.restore(1, closed_after=0, now=NOW)
    assert await commit(talked, draft) is None


@pytest.mark.parametrize("change", ["edit", "deletion"])
async def test_no_digest_is_claimed_of_a_part_that_is_void_by_now(talked: Store, change: str) -> None:
    parts = [await leaf(talked, 1, 2), await leaf(talked, 3, 4)]
    state = await state_of(talked)
    await CHANGES[change](talked)
    assert await talked.claim_digest(state, parts, reason="many", now=NOW) is None


async def test_no_digest_is_claimed_over_a_correction_that_came_first(talked: Store) -> None:
    parts = [await leaf(talked, 1, 2), await leaf(talked, 3, 4)]
    state = await state_of(talked)
    assert await correct(talked, "an admin's words")
    assert await talked.claim_digest(state, parts, reason="many", now=NOW) is None


async def test_a_change_elsewhere_leaves_a_draft_alone(talked: Store) -> None:
    draft = await claim(talked, 1, 2)
    await talked.edit(106, "changed", tokens=5, now=NOW)
    await hear(talked, 300, channel=2)
    await talked.reset(2, now=NOW)
    await exchange(talked, 400, "said while it ran", "reply")
    assert await commit(talked, draft) is not None


# Edits and deletions beneath what is stored


async def test_a_void_leaf_is_a_gap_until_it_is_made_again(talked: Store) -> None:
    await leaf(talked, 1, 2)
    await leaf(talked, 3, 4)
    await talked.edit(100, "changed", tokens=5, now=NOW)

    state = await state_of(talked)
    assert state.gaps == ((1, 2),)
    assert [summary.text for summary in state.summaries] == ["leaf 3-4"]

    draft = await claim(talked, 1, 2)
    assert [message.content for message in draft.messages] == ["changed", "reply 0"]
    await commit(talked, draft, "made again")
    assert (await state_of(talked)).gaps == ()
    assert await shown(talked) == ["made again", "leaf 3-4"]
    assert (await state_of(talked)).backlog[0].position == 5


async def test_a_span_of_which_nothing_is_left_is_no_gap(talked: Store) -> None:
    await leaf(talked, 1, 2)
    state = await state_of(talked)
    await talked.forget([100], now=NOW)
    assert (await state_of(talked)).gaps == ()
    assert await talked.claim_leaf(state, (1, 2), reason="again", now=NOW) is None


async def test_the_digests_above_go_and_the_leaves_beneath_show_again(talked: Store) -> None:
    lower = await digest(talked, await leaf(talked, 1, 2), await leaf(talked, 3, 4))
    await digest(talked, lower, await leaf(talked, 5, 6))
    assert await shown(talked) == ["digest"]

    await talked.edit(104, "changed", tokens=5, now=NOW)
    assert await shown(talked) == ["digest"]  # the lower one
    assert (await state_of(talked)).gaps == ((5, 6),)

    await talked.edit(100, "changed", tokens=5, now=NOW)
    assert await shown(talked) == ["leaf 3-4"]
    assert (await state_of(talked)).gaps == ((1, 2), (5, 6))


async def test_an_edit_of_a_reset_memory_voids_its_summaries_too(talked: Store) -> None:
    await leaf(talked, 1, 2)
    await talked.reset(1, now=NOW)
    await talked.edit(100, "changed", tokens=5, now=NOW)
    await talked.restore(1, closed_after=0, now=NOW)
    assert await shown(talked) == []


# Corrections


async def test_a_correction_stands_for_all_that_is_shown_and_survives_folds(talked: Store) -> None:
    await leaf(talked, 1, 2)
    await leaf(talked, 3, 4)
    assert await correct(talked, "an admin's words")
    assert await shown(talked) == ["an admin's words"]

    await digest(talked, await leaf(talked, 5, 6), await leaf(talked, 7, 8))
    state = await state_of(talked)
    assert [(summary.text, summary.corrected) for summary in state.summaries] == [
        ("an admin's words", True),
        ("digest", False),
    ]


async def test_a_fold_that_was_running_does_not_hide_a_correction(talked: Store) -> None:
    draft = await fold(talked, [await leaf(talked, 1, 2), await leaf(talked, 3, 4)])
    await correct(talked, "an admin's words")
    await commit(talked, draft, "a fold that came late")
    assert await shown(talked) == ["an admin's words"]


async def test_a_correction_is_lost_when_a_message_beneath_it_changes_and_that_is_told(talked: Store) -> None:
    await leaf(talked, 1, 2)
    await leaf(talked, 3, 4)
    await correct(talked, "an admin's words")
    await talked.edit(106, "beneath no summary", tokens=5, now=NOW)
    assert await shown(talked) == ["an admin's words"]

    await talked.edit(100, "changed", tokens=5, now=NOW)
    assert await shown(talked) == ["leaf 3-4"]
    overview = await talked.overview(1, closed_after=0)
    assert overview is not None
    assert overview.lost_correction

    await correct(talked, "once more")
    overview = await talked.overview(1, closed_after=0)
    assert overview is not None
    assert not overview.lost_correction


async def test_who_saw_an_earlier_correction_does_not_write_over_a_later_one(talked: Store) -> None:
    await leaf(talked, 1, 2)
    await leaf(talked, 3, 4)
    await correct(talked, "the first words")
    seen_ids = [summary.id for summary in (await state_of(talked)).summaries]
    await talked.edit(100, "changed", tokens=5, now=NOW)
    await correct(talked, "the second words")
    assert not await talked.correct_summary(1, "the third", tokens=2, instead_of=seen_ids, now=NOW)
    assert await shown(talked) == ["the second words"]


async def test_without_a_summary_there_is_nothing_to_correct(talked: Store) -> None:
    assert not await correct(talked, "words")
    assert not await correct(talked, "words", channel=2)


# Resets, and other channels


async def test_summaries_belong_to_their_epoch(talked: Store) -> None:
    await leaf(talked, 1, 4)
    await talked.reset(1, now=NOW)
    await exchange(talked, 200, "after", "reply")
    assert await shown(talked) == []
    assert len((await state_of(talked)).backlog) == 2

    await talked.restore(1, closed_after=0, now=NOW)
    assert await shown(talked) == ["leaf 1-4"]
    assert [message.position for message in (await state_of(talked)).backlog] == [5, 6, 7, 8]
    await hear(talked, 300, "again")
    assert await talked.load_window(await begun(talked), policy="", reach=EVERYTHING)
    await talked.purge(closed_before=NOW)
    assert await shown(talked) == ["leaf 1-4"]


async def test_what_a_channel_sets_is_known_to_the_turn_and_to_the_compaction(talked: Store) -> None:
    overrides = Overrides(policy="summary", max_messages=20, max_tokens=900)
    await talked.set_overrides(Place(1, 7), overrides, now=NOW)
    await talked.set_overrides(Place(5, 7), Overrides(policy="buffer"), now=NOW)
    assert await talked.overrides(1) == overrides
    assert await talked.overrides(5) == Overrides(policy="buffer")
    assert await talked.overrides(6) == Overrides()

    asked: list[Overrides] = []

    def budget(told: Overrides) -> int:
        asked.append(told)
        return 1000

    await hear(talked, 200)
    turn = await talked.begin(1, owner="me", lease=60, budget=budget, now=NOW)
    assert turn is not None
    assert (turn.overrides, asked) == (overrides, [overrides])
    assert (await state_of(talked)).overrides == overrides
    assert await seen(talked, turn)
