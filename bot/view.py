"""What the model sees: the parts of a prompt, gathered from the store as the channel's policy says, and what each costs.

It asks no model and sends nothing. ``/memory prompt`` shows the same view that a turn would send.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from bot import prompt, seam
from bot.memory import Policies
from bot.memory.hybrid import SUMMARY_SHARE
from bot.memory.policy import PIN_SHARE, Marks, cut_tokens, pin_tokens
from bot.memory.summarizing import SummarizingPolicy
from bot.recall import Recaller
from storage import Store
from storage.records import Message, Overrides, Summary, Turn, Window

#: When a policy is new in a channel, leaves are made of at most so many of the tokens that no summary covers yet.
LOOK_BACK_TOKENS = 32_000

#: After an overflow whose limit the model did not say, this share of the prompt is kept; of a known limit, too.
OVERFLOW_KEEPS = 0.5

#: So much of what a turn's messages may have is the beginning of a reply that is gone on with, at most.
BEGINNING_SHARE = 0.5

#: So many personas are not counted again for each turn.
PERSONAS_KEPT = 256


@dataclass(frozen=True, slots=True)
class View:
    """The parts of one prompt. The last of *messages* is the newest; *pins* stand before them, without those that are among them.

    There are none if all that is remembered was summarized and nobody has spoken since. *beginning* is what of the reply is
    written, if the model is to go on with it.
    """

    persona: str
    summaries: tuple[str, ...]
    messages: tuple[Message, ...]
    recalled: str | None
    images: prompt.Images = field(default_factory=dict)
    beginning: str = ""
    pins: tuple[Message, ...] = ()

    @property
    def newest(self) -> Message:
        """The message that the reply is about."""
        return self.messages[-1]


class Viewer:
    """Makes views. *count* counts the tokens of a text."""

    def __init__(
        self,
        store: Store,
        policies: Policies,
        recaller: Recaller,
        shape: prompt.Shape,
        *,
        persona: str,
        count: Callable[[str], int],
    ) -> None:
        self._store = store
        self._policies = policies
        self._recaller = recaller
        self._persona = persona
        self._shape = shape
        self.count = count
        self._fixed = lru_cache(PERSONAS_KEPT)(lambda persona: prompt.fixed_tokens(persona, count))

    def fixed_tokens(self, overrides: Overrides, pins: Sequence[Message] = ()) -> int:
        """Return the tokens of a prompt without messages, those of *pins* apart that have room, where *overrides* hold."""
        fixed = self._fixed(overrides.persona or self._persona)
        return fixed + self.pin_cost(self.fitting_pins(overrides, pins)) if pins else fixed

    def trigger_budget(self, overrides: Overrides) -> int:
        """Return how many tokens the triggers of one turn may have together, with what is attached, beside all pins."""
        fixed = self.fixed_tokens(overrides)
        return self._policies.for_channel(overrides).trigger_budget(fixed + self.pin_budget(overrides))

    def pin_budget(self, overrides: Overrides) -> int:
        """Return how many tokens pinned messages may have together where *overrides* hold."""
        return pin_tokens(self._policies.for_channel(overrides), self.fixed_tokens(overrides))

    def pin_cost(self, pins: Sequence[Message]) -> int:
        """Return what *pins* cost in a prompt that shows all of them."""
        return self.message_tokens(prompt.pinned_block(())) + sum(map(self._pin_tokens, pins)) if pins else 0

    def _pin_tokens(self, pin: Message) -> int:
        return self.count(f"\n  {prompt.indented(prompt.pinned_line(pin))}")

    def fitting_pins(self, overrides: Overrides, pins: Sequence[Message]) -> tuple[Message, ...]:
        """Return those of *pins* that have room, the last ones first: the budget may be smaller than when they were pinned."""
        return self._fitting_pins(pins, self.pin_budget(overrides))

    def _fitting_pins(self, pins: Sequence[Message], budget: int) -> tuple[Message, ...]:
        left = budget - self.message_tokens(prompt.pinned_block(()))
        fitting: list[Message] = []
        for pin in reversed(pins):
            if (size := self._pin_tokens(pin)) <= left:
                left -= size
                fitting.insert(0, pin)
        return tuple(fitting)

    async def for_turn(self, turn: Turn, images: prompt.Images) -> View | None:
        """Return what the model is to see for *turn* and its *images*, having moved the window's start if the policy cut.

        Images and the beginning of a reply pass: what has no room beside them is left out once, and the window stays.
        None if what is to be answered is not in memory any more.
        """
        policy = self._policies.for_channel(turn.overrides)
        reach = policy.reach(self.fixed_tokens(turn.overrides))
        window = await self._store.load_window(turn, policy=policy.key, reach=reach)
        if not window.messages or window.messages[-1].position != turn.newest.position:
            return None
        fixed = self._fixed_of(turn.overrides, window)
        kept = window.messages[policy.first_kept(window.messages, fixed) :]
        if kept[0] != window.messages[0] or window.policy != policy.key:
            start = kept[0].position
            await self._store.move_window(turn, start=start, policy=policy.key, look_back=LOOK_BACK_TOKENS)
        beginning = "" if turn.beginning is None else seam.kept(turn.beginning).rstrip()
        return await self._assemble(turn.channel_id, turn.overrides, window, kept, images, beginning)

    async def now(self, channel_id: int) -> View | None:
        """Return what the model would see if the newest remembered message were to be answered; None if nothing is remembered."""
        overrides = await self._store.overrides(channel_id)
        policy = self._policies.for_channel(overrides)
        reach = policy.reach(self.fixed_tokens(overrides))
        window = await self._store.peek_window(channel_id, policy=policy.key, reach=reach)
        if window is None or not (window.messages or window.summaries or window.pins):
            return None
        fixed = self._fixed_of(overrides, window)
        kept = window.messages[policy.first_kept(window.messages, fixed) :]
        return await self._assemble(channel_id, overrides, window, kept)

    def _fixed_of(self, overrides: Overrides, window: Window) -> int:
        """Return the tokens of a prompt beside what was said, recalled, and is summarized by the policy."""
        origin = self._origin(overrides, window)
        return self.fixed_tokens(overrides, window.pins) + (self._summary_tokens(origin) if origin else 0)

    def _origin(self, overrides: Overrides, window: Window) -> tuple[str, ...]:
        """Return what a thread was opened with, as a policy without summaries shows it: in a share of its own."""
        policy = self._policies.for_channel(overrides)
        if isinstance(policy, SummarizingPolicy) or not window.origin:
            return ()
        room = policy.trigger_budget(self.fixed_tokens(overrides, window.pins)) - _newest_turn_tokens(window.messages)
        return self._summaries(window.origin, max(min(int(policy.high * SUMMARY_SHARE), room), 0))

    async def trimmed(self, turn: Turn, view: View, limit: int | None) -> View:
        """Return less than *view*, after the model refused it; the next turn starts there too. *limit*: the model's tokens."""
        total = self.total(view)
        low = int(min(limit or total, total) * OVERFLOW_KEEPS)
        pins = self._fitting_pins(view.pins, int(low * PIN_SHARE))
        fixed = self.fixed_tokens(turn.overrides) + self.pin_cost(pins)
        kept = view.messages[cut_tokens(view.messages, fixed, Marks.of(low, 1)) :]
        policy = self._policies.for_channel(turn.overrides)
        await self._store.move_window(turn, start=kept[0].position, policy=policy.key, look_back=LOOK_BACK_TOKENS)
        beginning = self._newest_of(view.beginning, int(low * BEGINNING_SHARE))
        room = max(low - fixed - _image_tokens(view.images) - self._beginning_tokens(beginning), 1)
        return replace(
            view, summaries=(), recalled=None, messages=self._fitting(kept, room), beginning=beginning, pins=pins
        )

    async def _assemble(
        self,
        channel_id: int,
        overrides: Overrides,
        window: Window,
        kept: Sequence[Message],
        images: prompt.Images | None = None,
        beginning: str = "",
    ) -> View:
        images, policy = images or {}, self._policies.for_channel(overrides)
        pins = self.fitting_pins(overrides, window.pins)
        budget = policy.trigger_budget(self._fixed_of(overrides, window))
        beginning = self._newest_of(beginning, int(budget * BEGINNING_SHARE))
        passing = _image_tokens(images) + self._beginning_tokens(beginning)
        room = max(budget - passing, min(_newest_turn_tokens(kept), budget))
        messages = self._fitting(tuple(kept), room) if kept else ()
        in_sight = {message.position for message in messages}
        pins = tuple(pin for pin in pins if pin.position not in in_sight)
        origin = self._origin(overrides, window)
        view = View(overrides.persona or self._persona, origin, messages, None, images, beginning, pins)
        if isinstance(policy, SummarizingPolicy):
            view = replace(view, summaries=self._summaries(window.summaries, policy.summary_tokens))
            room = policy.total.high - self.total(view)
            if policy.recall_tokens and messages:
                share = policy.recall_tokens
                shown = {pin.position for pin in pins}
                found = await self._recaller.recall(channel_id, window.epoch, messages, min(room, share), share, shown)
                view = replace(view, recalled=found)
        return view

    def _summaries(self, shown: Sequence[Summary], tokens: int) -> tuple[str, ...]:
        """Return those of the *shown* summaries that fit, an admin's words first, then the newest: not all are folded yet.

        The first that is taken may be shortened, so that there is always one.
        """
        taken: dict[int, str] = {}
        for summary in sorted(shown, key=lambda summary: (summary.corrected, summary.last), reverse=True):
            room = tokens - self._summary_tokens(tuple(taken.values()))
            text = summary.text if taken else prompt.shortened(summary.text, room, self._line_tokens)
            if self._line_tokens(text) > room:
                break
            taken[summary.first] = text
        return tuple(text for _, text in sorted(taken.items()))

    def _fitting(self, messages: tuple[Message, ...], room: int) -> tuple[Message, ...]:
        """Return the newest of *messages* that fit *room*; the newest itself is shortened, visibly, if it is too long alone.

        Only triggers that were fixed under a larger budget, or edited since, can be more than fit.
        """
        *before, newest = messages
        if newest.tokens > room:
            content = prompt.shortened(newest.content, room, lambda text: self._cost(replace(newest, content=text)))
            newest = replace(newest, content=content)
            newest = replace(newest, tokens=self._cost(newest))
        fitting = [newest]
        left = room - newest.tokens
        for message in reversed(before):
            left -= message.tokens
            if left < 0:
                break
            fitting.insert(0, message)
        return tuple(fitting)

    def _newest_of(self, beginning: str, tokens: int) -> str:
        """Return the newest part of a reply's *beginning* that fits: to go on with it, its last words are needed most."""
        while self.count(beginning) > tokens:
            beginning = beginning[len(beginning) // 4 + 1 :]
        return beginning

    def _beginning_tokens(self, beginning: str) -> int:
        return self.message_tokens(beginning) + self.message_tokens(prompt.GO_ON) if beginning else 0

    def _cost(self, message: Message) -> int:
        return self.message_tokens(prompt.block(message))

    def _line_tokens(self, summary: str) -> int:
        return self.count(f"\n- {prompt.indented(summary)}")

    def _summary_tokens(self, summaries: tuple[str, ...]) -> int:
        """Return what the summaries add to the system text, the heading included even if there are none."""
        return self.count(f"\n\n{prompt.SUMMARY_HEADING}") + sum(map(self._line_tokens, summaries))

    def build(self, view: View) -> prompt.Prompt:
        """Return the prompt for *view*, in the shape that the model takes."""
        return self._shape.build(
            view.persona, view.summaries, view.messages, view.recalled, view.images, view.beginning, view.pins
        )

    def costs(self, view: View) -> dict[str, int]:
        """Return what each part of *view* costs in tokens, as we count, in the order in which they stand."""
        before, newest = view.messages[:-1], view.messages[-1:]
        return {
            "persona": self._fixed(view.persona),
            "summary": self._summary_tokens(view.summaries) if view.summaries else 0,
            "pinned": self.pin_cost(view.pins),
            "window": sum(message.tokens for message in before),
            "recalled": self.count(view.recalled) + prompt.MESSAGE_OVERHEAD if view.recalled else 0,
            "newest": sum(map(self._cost, newest))
            + _image_tokens(view.images)
            + self._beginning_tokens(view.beginning),
        }

    def total(self, view: View) -> int:
        """Return what *view* costs in tokens, as we count."""
        return sum(self.costs(view).values())

    def message_tokens(self, block: str) -> int:
        """Return what *block* costs as one message of a prompt."""
        return self.count(block) + prompt.MESSAGE_OVERHEAD


def _newest_turn_tokens(messages: Sequence[Message]) -> int:
    """What no image may push out: the messages that are to be answered."""
    ids = {message.turn_id for message in messages[-1:]} - {None}
    return sum(message.tokens for message in messages if message.turn_id in ids)


def _image_tokens(images: prompt.Images) -> int:
    return sum(image.tokens for shown in images.values() for image in shown)
