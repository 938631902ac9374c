"""Memory policies: how much they leave, where they cut, and that a prompt only grows between cuts.

The properties run on conversations that live in a database as the store keeps them, so that what is read for a decision
(``reach``) is tested with the decision.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import count

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.memory import POLICIES, Policies, Policy
from bot.memory.policy import Marks, allowed_cuts
from bot.memory.summarizing import SummarizingPolicy
from bot.memory.trimming import TrimmingPolicy
from bot.memory.window import WindowPolicy
from storage.migrate import migrate, shipped
from storage.records import Incoming, Message, Outcome, Overrides, Overview, Reach, Summary, SummaryKind
from storage.sql import intake, turns, window

EVERYTHING = Reach(messages=None, tokens=None)
OUTCOME = Outcome("little", "stop", None, None, None, 0.1)

sizes = st.integers(1, 60)


@dataclass(frozen=True)
class Aside:
    """Something that is said to nobody in particular."""

    tokens: int


@dataclass(frozen=True)
class Question:
    """Messages to the bot that are answered together, and the size of the reply."""

    tokens: tuple[int, ...]
    reply: int


@dataclass(frozen=True)
class Setting:
    """A policy, and the tokens of a prompt that are no messages."""

    policy: Policy
    fixed: int

    def sizes(self, messages: Sequence[Message]) -> list[tuple[int, Marks]]:
        """How much *messages* are by each measure that the policy minds, and its marks."""
        tokens = sum(message.tokens for message in messages) + self.fixed
        match self.policy:
            case WindowPolicy(marks, context):
                return [(len(messages), marks), (tokens, context)]
            case TrimmingPolicy(total=marks):
                return [(tokens, marks)]
            case SummarizingPolicy():
                return [(tokens - self.fixed, self.policy.window_marks(self.fixed))]
        raise AssertionError(self.policy)

    def is_full(self, messages: Sequence[Message]) -> bool:
        return any(size > marks.high for size, marks in self.sizes(messages))


def a_policy(name: str, high: int, context: int, trim_to: float) -> Policy:
    host = Policies(name, max_messages=high, max_tokens=8 * high, context_tokens=context, trim_to=trim_to)
    return host.for_channel(Overrides())


def settings_that_trim_to(*shares: float, names: Sequence[str] = POLICIES) -> st.SearchStrategy[Setting]:
    policies = st.builds(
        a_policy, st.sampled_from(names), st.integers(2, 20), st.integers(30, 400), st.sampled_from(shares)
    )
    return st.builds(Setting, policies, st.integers(0, 40))


settings = settings_that_trim_to(0.1, 0.5, 0.75, 1.0)
said = st.builds(Aside, sizes) | st.builds(Question, st.lists(sizes, min_size=1, max_size=5).map(tuple), sizes)
conversations = st.lists(said, max_size=25)


@dataclass
class Prompt:
    """One prompt as a policy made it: all that was there to choose from, and what it kept."""

    everything: tuple[Message, ...]
    kept: tuple[Message, ...]
    start: int
    turn_id: int

    @property
    def was_cut(self) -> bool:
        return len(self.kept) < len(self.everything)

    @property
    def is_the_last_turn_alone(self) -> bool:
        return all(message.turn_id == self.turn_id for message in self.kept)


@dataclass
class Channel:
    """A conversation in a database, whose questions are answered as ``bot/turn.py`` does it."""

    db: sqlite3.Connection
    ids: Iterator[int] = field(default_factory=lambda: count(1))

    def hear(self, tokens: int, *, addressed: bool) -> None:
        message = Incoming(next(self.ids), 1, None, 42, "Nemo", "words", tokens, 0.0)
        assert intake.accept(self.db, message, addressed, 0.0)

    def live(self, setting: Setting, happenings: Sequence[Aside | Question]) -> Iterator[Prompt]:
        for happening in happenings:
            if isinstance(happening, Aside):
                self.hear(happening.tokens, addressed=False)
                continue
            for tokens in happening.tokens:
                self.hear(tokens, addressed=True)
            while (prompt := self.answer(setting, happening.reply)) is not None:
                yield prompt

    def answer(self, setting: Setting, reply_tokens: int) -> Prompt | None:
        policy, fixed = setting.policy, setting.fixed
        turn = turns.begin(self.db, 1, "me", 60, lambda _: policy.trigger_budget(fixed), 0.0)
        if turn is None:
            return None
        found = window.load(self.db, turn, policy.key, policy.reach(fixed))
        first = policy.first_kept(found.messages, fixed)
        everything = window.load(self.db, turn, policy.key, EVERYTHING).messages
        prompt = Prompt(everything, found.messages[first:], found.start, turn.id)
        window.move(self.db, 1, 1, prompt.kept[0].position, policy.key, look_back=100)
        assert turns.complete(self.db, turn, "words", OUTCOME, None, 0.0)
        assert turns.finish(self.db, turn, 99, "Mnemo", reply_tokens, 0.0)
        return prompt


def prompts(*parts: tuple[Setting, Sequence[Aside | Question]]) -> Iterator[tuple[Setting, Prompt]]:
    """The prompts of one channel's life, whose host may change the setting from part to part."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.row_factory = sqlite3.Row
        migrate(db, shipped())
        channel = Channel(db)
        for setting, happenings in parts:
            for prompt in channel.live(setting, happenings):
                yield setting, prompt


MANY_AT_ONCE = [Question((1,) * 8, 1), Question((1,) * 8, 1)]
FEW_MESSAGES = Setting(a_policy("window", 2, 400, 0.5), 0)
ONE_TOO_LONG = [Question((5,), 5), Question((60,), 5), Question((5,), 5)]
LITTLE_ROOM = Setting(a_policy("tokens", 5, 400, 0.5), 10)


@given(settings, conversations)
@example(FEW_MESSAGES, MANY_AT_ONCE)
@example(LITTLE_ROOM, ONE_TOO_LONG)
def test_what_is_kept_is_within_the_high_mark_or_is_the_last_turn(
    setting: Setting, happenings: list[Aside | Question]
) -> None:
    for _, prompt in prompts((setting, happenings)):
        assert prompt.is_the_last_turn_alone or not setting.is_full(prompt.kept)


@given(settings, conversations)
@example(FEW_MESSAGES, MANY_AT_ONCE)
def test_only_a_full_window_is_cut_and_then_to_the_low_mark(
    setting: Setting, happenings: list[Aside | Question]
) -> None:
    for _, prompt in prompts((setting, happenings)):
        if not prompt.was_cut:
            continue
        assert setting.is_full(prompt.everything)
        measured = zip(setting.sizes(prompt.everything), setting.sizes(prompt.kept), strict=True)
        to_the_low_mark = any(before > marks.high and after <= marks.low for (before, marks), (after, _) in measured)
        assert to_the_low_mark or prompt.is_the_last_turn_alone


@given(settings, conversations)
@example(FEW_MESSAGES, MANY_AT_ONCE)
@example(LITTLE_ROOM, ONE_TOO_LONG)
def test_no_turn_is_ever_split(setting: Setting, happenings: list[Aside | Question]) -> None:
    for _, prompt in prompts((setting, happenings)):
        left_out = prompt.everything[: len(prompt.everything) - len(prompt.kept)]
        assert (*left_out, *prompt.kept) == prompt.everything
        assert {message.turn_id for message in left_out} & {message.turn_id for message in prompt.kept} <= {None}


def test_a_cut_may_fall_between_turns_and_anywhere_in_what_belongs_to_none() -> None:
    belongs = [None, None, 1, 1, None, 2, 2, 3]
    messages = [Message(n, "user", 42, "Nemo", "words", 10, 0.0, turn) for n, turn in enumerate(belongs)]
    assert list(allowed_cuts(messages)) == [0, 1, 2, 4, 5, 7]


@given(settings, conversations)
def test_what_is_answered_together_fits_the_prompt(setting: Setting, happenings: list[Aside | Question]) -> None:
    for _, prompt in prompts((setting, happenings)):
        triggers = [message for message in prompt.kept if message.turn_id == prompt.turn_id]
        tokens = sum(message.tokens for message in triggers)
        assert len(triggers) == 1 or tokens <= setting.policy.trigger_budget(setting.fixed)


@given(settings, conversations)
def test_between_cuts_a_prompt_only_grows_at_its_end(setting: Setting, happenings: list[Aside | Question]) -> None:
    before: tuple[Message, ...] = ()
    for _, prompt in prompts((setting, happenings)):
        assert prompt.kept[0].position >= prompt.start
        assert prompt.was_cut or prompt.kept[: len(before)] == before
        before = prompt.kept


@given(settings, settings, conversations, conversations)
@example(LITTLE_ROOM, FEW_MESSAGES, [], MANY_AT_ONCE)
def test_what_is_read_is_enough_to_decide_even_after_a_change_of_policy(
    one: Setting, other: Setting, before: list[Aside | Question], after: list[Aside | Question]
) -> None:
    for setting, prompt in prompts((one, before), (other, after)):
        *_, (tokens, context) = setting.sizes(prompt.everything)
        if isinstance(setting.policy, WindowPolicy) and tokens > context.high:
            continue  # what is read ends at the first of its two marks; both hold, but another cut may be chosen
        decided = setting.policy.first_kept(prompt.everything, setting.fixed)
        assert prompt.kept == prompt.everything[decided:]


@given(settings_that_trim_to(1.0, names=["buffer", "window", "tokens", "summary"]), conversations)
def test_trimming_to_all_of_the_high_mark_is_the_sliding_window(
    setting: Setting, happenings: list[Aside | Question]
) -> None:
    for _, prompt in prompts((setting, happenings)):
        cuts = list(allowed_cuts(prompt.everything))
        longest = next((cut for cut in cuts if not setting.is_full(prompt.everything[cut:])), cuts[-1])
        assert prompt.kept == prompt.everything[longest:]


def chat(turns: int) -> list[Question]:
    """Questions and answers of ten tokens each."""
    return [Question((10,), 10)] * turns


@pytest.mark.parametrize(
    ("policy", "shown"),
    [
        # Six messages at most, then three: a turn is not split, so one question alone, and on.
        (a_policy("window", 6, 400, 0.5), [1, 3, 5, 3, 5, 3, 5, 3]),
        (a_policy("window", 6, 400, 1.0), [1, 3, 5, 5, 5, 5, 5, 5]),
        # Of 80 tokens ten are the persona's, 24 the summary's: 46 are left, and nothing is summarized here.
        (a_policy("summary", 10, 400, 0.5), [1, 3, 1, 3, 1, 3, 1, 3]),
        # 80 tokens at most, of which ten are the persona's.
        (a_policy("tokens", 10, 400, 0.5), [1, 3, 5, 7, 3, 5, 7, 3]),
        (a_policy("tokens", 10, 400, 1.0), [1, 3, 5, 7, 7, 7, 7, 7]),
        (a_policy("buffer", 2, 400, 0.5), [1, 3, 5, 7, 9, 11, 13, 15]),
        (a_policy("window", 20, 60, 0.5), [1, 3, 5, 1, 3, 5, 1, 3]),
    ],
)
def test_how_many_messages_each_policy_shows_as_a_conversation_grows(policy: Policy, shown: list[int]) -> None:
    lived = prompts((Setting(policy, 10), chat(8)))
    assert [len(prompt.kept) for _, prompt in lived] == shown


def overview(messages: int, tokens: int) -> Overview:
    return Overview(
        epoch=1,
        messages=messages,
        tokens=tokens,
        since=None,
        window_messages=messages,
        window_tokens=tokens,
        summaries=(),
        lost_correction=False,
        compaction_error=None,
        compaction_failed_at=None,
        overrides=Overrides(),
        restorable_messages=0,
        restorable_since=None,
    )


@pytest.mark.parametrize(
    ("policy", "full"),
    [
        (a_policy("buffer", 10, 400, 0.5), overview(1, 390)),
        (a_policy("tokens", 10, 400, 0.5), overview(1, 70)),
        (a_policy("window", 10, 400, 0.5), overview(10, 0)),
        (a_policy("window", 10, 400, 0.5), overview(0, 390)),
        (a_policy("summary", 10, 400, 0.5), overview(1, 70)),
    ],
)
def test_a_budget_is_full_at_its_high_mark(policy: Policy, full: Overview) -> None:
    assert policy.fullness(full, fixed=10) == 1.0


def test_summaries_are_a_part_of_the_budget_up_to_their_share() -> None:
    policy = a_policy("summary", 10, 400, 0.5)
    for tokens, counted in ((5, 5), (500, policy.summary_tokens)):  # type: ignore[attr-defined]  # it is a SummarizingPolicy
        one = Summary(1, SummaryKind.LEAF, 1, 2, "text", tokens, False, "r", "m", 0, 0, 0.0)
        assert policy.fullness(replace(overview(1, 20), summaries=(one,)), fixed=10) == (30 + counted) / policy.high


def test_a_windows_start_holds_only_for_the_very_policy_that_computed_it() -> None:
    changes = [("buffer", 3, 400, 0.5), ("tokens", 3, 400, 0.5), ("window", 3, 400, 0.5)]
    changes += [("window", 4, 400, 0.5), ("window", 3, 401, 0.5), ("window", 3, 400, 0.6), ("tokens", 3, 400, 0.6)]
    keys = [a_policy(*change).key for change in changes]
    assert len(set(keys)) == len(keys)


def test_a_low_mark_is_never_nothing() -> None:
    assert Marks.of(2, 0.1) == Marks(high=2, low=1, asked=2, trim_to=0.1)


def test_marks_are_in_our_tokens_and_known_by_what_was_asked() -> None:
    for scale, high in ((0.5, 2000), (1.0, 1000), (2.0, 500)):
        marks = Marks.of(1000, 0.5, scale)
        assert (marks.high, marks.low) == (high, high // 2)
        assert marks.key == "1000/0.5"


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(ValueError, match="elephant"):
        a_policy("elephant", 2, 400, 0.5)


def test_a_channel_may_set_each_thing_for_itself() -> None:
    scale = 1.0
    host = Policies("hybrid", 40, 4000, 8000, 0.5, scale=lambda _: scale)
    assert host.for_channel(Overrides()).key == "hybrid:4000/0.5"
    assert host.for_channel(Overrides(policy="summary")).key == "summary:4000/0.5"
    assert host.for_channel(Overrides(max_tokens=900)).key == "hybrid:900/0.5"
    assert host.for_channel(Overrides(policy="window", max_messages=6)).key == "window:6/0.5:8000/0.5"
    assert host.for_channel(Overrides(max_tokens=100_000)).key == "hybrid:8000/0.5"  # never above the model's context
    assert host.for_channel(Overrides(policy="tokens")).trigger_budget(100) == 3900
    scale = 2.0  # learned meanwhile: the provider counts two where we count one
    assert host.for_channel(Overrides(policy="tokens")).trigger_budget(100) == 1900
    assert host.for_channel(Overrides()).key == "hybrid:4000/0.5"


@given(st.integers(100, 5000), st.integers(0, 6000), st.sampled_from(["summary", "hybrid"]), st.floats(0.1, 1))
def test_fixed_part_summary_and_window_fit_the_budget_together(
    high: int, fixed: int, name: str, trim_to: float
) -> None:
    policy = Policies(name, 40, high, 10_000, trim_to).for_channel(Overrides())
    assert isinstance(policy, SummarizingPolicy)
    marks = policy.window_marks(fixed)
    assert 1 <= marks.low <= marks.high
    assert policy.soft_mark(fixed) <= marks.high <= policy.trigger_budget(fixed)
    assert fixed + policy.summary_tokens + policy.trigger_budget(fixed) <= high or policy.trigger_budget(fixed) == 1
