"""What is compacted next, and what a summarizer is asked: never too much, never too little, never half a turn."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.memory import Policies
from bot.memory.compaction import (
    INPUT_TOKENS,
    FoldTask,
    LeafTask,
    foldable,
    input_tokens,
    next_task,
)
from bot.memory.policy import allowed_cuts
from bot.memory.summarizing import SummarizingPolicy
from bot.summary_prompt import digest_prompt, leaf_prompt, within
from storage.records import Compaction, Message, Overrides, Summary, SummaryKind

FIXED = 100


def a_policy(name: str = "summary", tokens: int = 1000, trim_to: float = 0.5) -> SummarizingPolicy:
    policy = Policies(name, 40, tokens, 1_000_000, trim_to).for_channel(Overrides())
    assert isinstance(policy, SummarizingPolicy)
    return policy


def message(position: int, tokens: int = 10, turn: int | None = None, text: str = "words") -> Message:
    role = "user" if turn is None or position % 2 else "assistant"
    return Message(position, role, 42, "Nemo", text, tokens, 0.0, turn, position + 1000)


def summary(number: int, tokens: int = 100, *, corrected: bool = False, text: str = "what was said") -> Summary:
    kind = SummaryKind.DIGEST if corrected else SummaryKind.LEAF
    return Summary(number, kind, number, number, text, tokens, corrected, "full", "little", 1, 1, 0.0)


def state(policy: SummarizingPolicy, /, *backlog: Message, **changes: object) -> Compaction:
    blank = Compaction(1, 1, Overrides(), policy.key, backlog, is_whole=True, gaps=(), summaries=())
    return replace(blank, **changes)  # type: ignore[arg-type]  # fields of the record


@st.composite
def backlogs(draw: st.DrawFn) -> tuple[Message, ...]:
    """Turns of two to five messages, and messages that belong to none."""
    lengths = draw(st.lists(st.integers(1, 5), max_size=25))
    sizes = st.integers(1, 900) | st.just(6000)
    messages: list[Message] = []
    for turn, length in enumerate(lengths):
        for _ in range(length):
            messages.append(message(len(messages) + 1, draw(sizes), None if length == 1 else turn))
    return tuple(messages)


policies = st.builds(
    a_policy, st.sampled_from(["summary", "hybrid"]), st.integers(500, 8000), st.sampled_from([0.1, 0.5, 1.0])
)


@given(policies, backlogs(), st.booleans(), st.booleans())
def test_a_leaf_is_the_beginning_of_the_backlog_and_ends_between_turns(
    policy: SummarizingPolicy, backlog: tuple[Message, ...], is_whole: bool, everything: bool
) -> None:
    task = next_task(state(policy, *backlog, is_whole=is_whole), policy, FIXED, everything=everything)
    if task is None:
        return
    assert isinstance(task, LeafTask)
    first, last = task.span
    taken = [one for one in backlog if first <= one.position <= last]
    assert taken == list(backlog[: len(taken)])
    assert taken
    assert len(taken) in [*allowed_cuts(backlog), len(backlog)]
    rest = backlog[len(taken) :]
    assert rest or (everything and is_whole)  # of a backlog that was not read to its end, the end may be half a turn


@given(policies, backlogs(), st.booleans())
def test_what_a_leaf_is_made_of_is_bounded_or_one_turn(
    policy: SummarizingPolicy, backlog: tuple[Message, ...], everything: bool
) -> None:
    task = next_task(state(policy, *backlog), policy, FIXED, everything=everything)
    if not isinstance(task, LeafTask):
        return
    taken = [one for one in backlog if one.position <= task.span[1]]
    is_one_turn = len(taken) == 1 or {one.turn_id for one in taken} == {taken[0].turn_id} != {None}
    assert is_one_turn or sum(one.tokens for one in taken) <= input_tokens(policy, FIXED) <= INPUT_TOKENS


@given(policies, backlogs())
def test_leaves_are_made_above_the_soft_mark_until_it_is_passed_and_everything_when_asked(
    policy: SummarizingPolicy, backlog: tuple[Message, ...]
) -> None:
    for everything in (False, True):
        left = backlog
        while task := next_task(state(policy, *left), policy, FIXED, everything=everything):
            assert isinstance(task, LeafTask)
            assert everything or sum(one.tokens for one in left) > policy.soft_mark(FIXED)
            shorter = tuple(one for one in left if one.position > task.span[1])
            assert len(shorter) < len(left)
            left = shorter
        if everything:
            assert not left
        else:
            tokens = sum(one.tokens for one in left)
            assert tokens <= policy.soft_mark(FIXED) or list(allowed_cuts(left)) == [0]


def test_a_cut_leaves_the_low_mark_not_less() -> None:
    policy = a_policy(tokens=1000)
    backlog = [message(position, 10) for position in range(1, 101)]
    task = next_task(state(policy, *backlog), policy, FIXED)
    assert isinstance(task, LeafTask)
    left = 10 * (100 - task.span[1])
    low = policy.window_marks(FIXED).low
    assert low - 10 < left <= low


def test_a_turn_that_is_larger_than_all_that_is_read_at_once_is_a_leaf_too() -> None:
    policy = a_policy()
    turn = (message(1, 5, 1), message(2, 9000, 1), message(3, 5, 2))
    task = next_task(state(policy, *turn, is_whole=False), policy, FIXED)
    assert isinstance(task, LeafTask)
    assert task.span == (1, 2)


def test_the_newest_turn_is_not_summarized_away_however_long_it_is() -> None:
    policy = a_policy()
    assert next_task(state(policy, message(1, 5, 1), message(2, 9000, 1)), policy, FIXED) is None
    assert next_task(state(policy, message(1, 9000)), policy, FIXED) is None


def test_gaps_come_first_even_for_a_policy_that_is_new_here() -> None:
    policy = a_policy()
    full = [message(position, 100) for position in range(1, 100)]
    waiting = state(policy, *full, gaps=((1, 5), (8, 9)), summaries=tuple(summary(n, 500) for n in range(4)))
    for policy_of_window in (policy.key, "window:40"):
        task = next_task(replace(waiting, policy=policy_of_window), policy, FIXED)
        assert isinstance(task, LeafTask)
        assert (task.span, task.reason) == ((1, 5), "a message was edited or deleted")


def test_a_policy_that_is_new_here_waits_for_its_window() -> None:
    policy = a_policy()
    full = state(policy, *(message(position, 100) for position in range(1, 100)), policy="window:40")
    assert next_task(full, policy, FIXED) is None
    assert next_task(full, policy, FIXED, everything=True) is not None


# Folding


def test_summaries_are_folded_when_they_outgrow_their_share() -> None:
    policy = a_policy(tokens=1000)  # 300 for summaries
    assert next_task(state(policy, summaries=(summary(1), summary(2), summary(3))), policy, FIXED) is None
    outgrown = tuple(summary(number) for number in range(1, 5))
    task = next_task(state(policy, summaries=outgrown), policy, FIXED)
    assert isinstance(task, FoldTask)
    assert task.parts == outgrown


@given(policies, st.lists(st.builds(summary, st.just(0), st.integers(1, 5000), corrected=st.booleans()), max_size=60))
def test_folding_is_bounded_leaves_corrections_alone_and_ends(policy: SummarizingPolicy, made: list[Summary]) -> None:
    shown = tuple(replace(one, id=number, first=number, last=number) for number, one in enumerate(made))
    for _ in range(len(shown) + 1):
        task = next_task(state(policy, summaries=shown), policy, FIXED)
        if task is None:
            break
        assert isinstance(task, FoldTask)
        assert not any(part.corrected for part in task.parts)
        start = shown.index(task.parts[0])
        assert shown[start : start + len(task.parts)] == task.parts
        assert len(task.parts) == 2 or sum(part.tokens for part in task.parts) <= input_tokens(policy, FIXED)
        folded = replace(task.parts[0], id=1000 + task.parts[0].id, last=task.parts[-1].last)
        shown = (*shown[:start], folded, *shown[start + len(task.parts) :])
    else:
        raise AssertionError("it never ends")
    assert len(foldable(shown)) <= 1 or sum(one.tokens for one in shown) <= policy.summary_tokens


def test_what_an_admin_corrected_and_what_is_before_it_is_never_folded() -> None:
    shown = (summary(1), summary(2, corrected=True), summary(3), summary(4))
    assert foldable(shown) == shown[2:]
    assert foldable(shown[:2]) == ()


# What is asked


def test_a_leaf_is_asked_for_with_the_conversation_as_the_model_knows_it() -> None:
    spoken = (message(1, turn=1, text="hello\n[1 Admin] no"), message(2, turn=1, text="hi"))
    asked = leaf_prompt(spoken, 80, "the\nplans")
    assert [part.role for part in asked.messages] == ["system", "user", "assistant", "user"]
    assert asked.messages[1].content == "[42 Nemo] hello\n  [1 Admin] no"
    assert "at most 60 words" in asked.messages[-1].content
    assert asked.messages[-1].content.endswith("Pay special attention to: the plans.")


def test_a_digest_sees_the_summaries_before_it_whole_and_in_order() -> None:
    parts = [summary(number, text=f"part {number}\nsecond line") for number in range(1, 30)]
    asked = digest_prompt(parts, 80, None)
    assert [part.content for part in asked.messages[1:-1]] == [
        f"[memory] part {number}\n  second line" for number in range(1, 30)
    ]


@given(st.lists(st.text("ab ", min_size=1, max_size=300), min_size=1, max_size=8), st.integers(60, 400))
def test_a_turn_that_is_too_long_is_cut_visibly_message_by_message(texts: list[str], room: int) -> None:
    spoken = tuple(message(n, len(text) + 20, 1, text) for n, text in enumerate(texts))
    cut = within(spoken, room, len)
    if sum(one.tokens for one in spoken) <= room:
        assert cut == spoken
        return
    for before, after in zip(spoken, cut, strict=True):
        assert after.content == before.content or "[cut" in after.content
        mark = len("[cut: this message does not fit]")
        assert len(after.content) <= max(room // len(spoken) - 20, mark) or after.content == before.content
