"""Never lossy: whatever people, admins and models do, what was said and not deleted can be found, and what was deleted cannot.

A machine plays at random against the real store, conversations, views and compactions; only the model and Discord are scripted,
through the ports that are there for it.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, closing, nullcontext, suppress
from itertools import count

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.brain import Myself
from bot.calibration import Calibration
from bot.client import Services
from bot.compactor import Compactor
from bot.conversation import Said
from bot.errors import ModelUnavailable, NothingToRestore, UserFacingError
from bot.memory import POLICIES, Policies
from bot.ports import Button, ReplyEnd, Usage
from bot.prompt import MESSAGE_OVERHEAD, REPLY_OVERHEAD, ChatPrompt, Prompt
from bot.runtime import compose
from bot.settings import Settings
from bot.summary_prompt import INSTRUCTIONS
from bot.tokens import TokenCounter
from storage import open_store
from storage.records import Overrides, Place
from tests.contract.makers import correct

CHANNEL = 1
NOW = 1_800_000_000.0
CONTEXT = 1000
BUDGET = 600

WORD = re.compile(r"\bw\d+x\b")


def count_tokens(text: str) -> int:
    return -(-len(text) // 4)


class Model:
    """Writes short replies; as a summarizer it does what *summarizes* says, and repeats the words that it has read."""

    def __init__(self) -> None:
        self.summarizes = "well"
        self.let_go = asyncio.Event()
        self.prompts: list[ChatPrompt] = []
        self._replies = count(1)

    async def stream(self, prompt: Prompt, *, model: str, deadline: float) -> AsyncGenerator[str | ReplyEnd, None]:
        assert isinstance(prompt, ChatPrompt)
        if prompt.messages[0].content == INSTRUCTIONS:
            async for item in self._summary(prompt):
                yield item
            return
        self.prompts.append(prompt)
        number = next(self._replies)
        yield f"r{number}r" + " and so on" * (number % 7)
        yield ReplyEnd("stop", Usage(), model)

    async def _summary(self, prompt: ChatPrompt) -> AsyncGenerator[str | ReplyEnd, None]:
        if self.summarizes == "slowly":
            await self.let_go.wait()
        if self.summarizes == "not at all":
            raise ModelUnavailable("No.", detail="it is scripted to fail")
        text = " ".join(word for part in prompt.messages for word in WORD.findall(part.content))
        allowed = re.search(r"at most (\d+) words", prompt.messages[-1].content)
        assert allowed
        if self.summarizes == "with nothing":
            text = "  "
        elif self.summarizes == "at length":
            text = "a" * 30_000
        else:
            text = f"{text} {'and more ' * 100}"[
                : 8 * int(allowed[1])
            ]  # at some length, so that summaries outgrow their share
        yield text
        yield ReplyEnd("content_filter" if self.summarizes == "unwillingly" else "stop", Usage(10, 0, 5), "scripted")


class Channel:
    """Where replies appear: every message gets an id, and nothing goes wrong."""

    def __init__(self, ids: Iterator[int]) -> None:
        self._ids = ids
        self.there: list[int] = []

    def typing(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    async def send(
        self,
        text: str,
        *,
        nonce: str,
        reply_to: int | None,
        ping: int | None,
        buttons: Sequence[Button] = (),
        file: str | None = None,
    ) -> int:
        self.there.append(next(self._ids))
        return self.there[-1]

    async def edit(
        self, message_id: int, text: str, *, ping: int | None, buttons: Sequence[Button] = (), file: str | None = None
    ) -> None:
        pass

    async def remove_buttons(self, message_id: int) -> None:
        pass

    async def delete(self, message_id: int) -> None:
        self.there.remove(message_id)

    async def react(self, message_id: int, emoji: str) -> bool:
        return True

    async def take_reaction_back(self, message_id: int, emoji: str) -> None:
        pass

    async def find(self, *, after: int, reply_to: int | None, text: str) -> int | None:
        return None


class NeverLossy(RuleBasedStateMachine):
    """*said* is what stands in the open epoch, *closed* in those before, by number and the last closed at the end; *gone* are
    words that must not be anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.ids = count(CHANNEL + 1)
        self.model = Model()
        self.speaker = Channel(self.ids)
        self.overrides = Overrides()
        self.said: dict[int, str] = {}
        self.closed: dict[int, dict[int, str]] = {}
        self.gone: set[str] = set()
        self.seen = 0
        self.host: dict[str, object] = {}

    # The world

    @initialize(policy=st.sampled_from(POLICIES), trim_to=st.sampled_from([0.2, 0.5, 1.0]))
    def begin(self, policy: str, trim_to: float) -> None:
        self.host = {"memory_policy": policy, "memory_trim_to": trim_to}
        self.run(self._open())

    async def _open(self) -> None:
        values: dict[str, object] = {
            "chat_model": "scripted",
            "openai_base_url": "http://127.0.0.1:1/v1",
            "memory_max_tokens": BUDGET,
            "memory_max_messages": 8,
            "model_context_tokens": CONTEXT,
        }
        settings = Settings(_env_file=None, **(values | self.host))
        async with AsyncExitStack() as stack:
            store = await stack.enter_async_context(open_store(f"sqlite:///{self.folder.name}/memory.db"))
            calibration = await Calibration.load(store, "scripted")
            counter = TokenCounter("scripted", count_tokens)
            services = compose(settings, store, self.model, counter, calibration, "You are a test.")
            stack.push_async_callback(services.compactor.close)
            stack.push_async_callback(services.conversations.close, 0)
            services.conversations.attach(lambda _: self.speaker, Myself(99, "Mnemo"))
            await services.conversations.resume()
            self.open = stack.pop_all()
        self.services: Services = services
        self.store = store
        self.policies = Policies(
            settings.memory_policy, settings.memory_max_messages, BUDGET, CONTEXT, settings.memory_trim_to
        )

    def run(self, work: Awaitable[object]) -> None:
        async def then_settle() -> None:
            if hasattr(self, "services"):
                self._let_pauses_pass(self.services.compactor)
            await work
            await self._settle()

        self.runner.run(then_settle())

    def _let_pauses_pass(self, compactor: Compactor) -> None:
        for channel_id, retry in list(compactor._retries.items()):
            retry.cancel()
            compactor._try_again(channel_id)

    async def _settle(self) -> None:
        """Wait for all replies, and for the summaries unless the summarizer was told to wait."""
        while tasks := [task for task in asyncio.all_tasks() if self._is_awaited(task)]:
            await asyncio.wait(tasks)

    def _is_awaited(self, task: asyncio.Task[object]) -> bool:
        name = task.get_name()
        is_summary = name.startswith("compaction-") and (
            self.model.summarizes != "slowly" or self.model.let_go.is_set()
        )
        return name.startswith("channel-") or is_summary

    def teardown(self) -> None:
        if hasattr(self, "open"):
            self.model.let_go.set()
            self.run(self.open.aclose())
        self.runner.close()
        self.folder.cleanup()

    # What people do

    def _text(self, message_id: int, length: int) -> str:
        text = f"w{message_id}x " + "blah " * length
        self.said[message_id] = text.strip()
        return self.said[message_id]

    async def _hear(self, length: int, addressed: bool) -> None:
        message_id = next(self.ids)
        said = Said(message_id, CHANNEL, 7, 42, "Nemo", self._text(message_id, length), NOW + message_id)
        await self.services.conversations.hear(said, addressed=addressed)

    @rule(length=st.integers(0, 60), addressed=st.booleans())
    def say(self, length: int, addressed: bool) -> None:
        self.run(self._hear(length, addressed))

    @rule(number=st.integers(3, 12), length=st.integers(5, 40))
    def talk(self, number: int, length: int) -> None:
        for _ in range(number):
            self.run(self._hear(length, True))

    @rule(lengths=st.lists(st.integers(0, 40), min_size=2, max_size=6))
    def say_several_at_once(self, lengths: list[int]) -> None:
        self.run(asyncio_gather([self._hear(length, True) for length in lengths]))

    @rule(length=st.sampled_from([400, 900]))
    def say_more_than_fits(self, length: int) -> None:
        self.run(self._hear(length, True))

    @precondition(lambda self: self.said)
    @rule(data=st.data(), length=st.integers(0, 80))
    def edit(self, data: st.DataObject, length: int) -> None:
        message_id = data.draw(st.sampled_from(sorted(self.said)))
        before = self.said[message_id]
        text = f"w{next(self.ids)}x" + " edited" * length
        self.said[message_id] = text
        self.gone |= set(WORD.findall(before))
        self.run(self.services.conversations.correct(CHANNEL, message_id, 42, "Nemo", text))

    @precondition(lambda self: self.said)
    @rule(data=st.data(), number=st.integers(1, 4))
    def delete(self, data: st.DataObject, number: int) -> None:
        ids = data.draw(st.lists(st.sampled_from(sorted(self.said)), min_size=1, max_size=number, unique=True))
        for message_id in ids:
            self.gone |= set(WORD.findall(self.said.pop(message_id)))
        self.run(self.services.conversations.forget(CHANNEL, ids))

    @precondition(lambda self: self.speaker.there)
    @rule(data=st.data())
    def delete_a_reply(self, data: st.DataObject) -> None:
        message_id = data.draw(st.sampled_from(self.speaker.there))
        self.speaker.there.remove(message_id)
        self.run(self.services.conversations.forget(CHANNEL, [message_id]))

    # What admins do

    def _epoch(self) -> int | None:
        overview = self.runner.run(self.store.overview(CHANNEL, closed_after=0))
        return None if overview is None else overview.epoch

    @precondition(lambda self: len(self.said) > 10)  # else there is hardly ever much to lose
    @rule()
    def reset(self) -> None:
        closed = self._epoch()
        assert closed is not None
        self.run(self.services.memories.reset(CHANNEL))
        self.closed[closed], self.said = self.said, {}

    @precondition(lambda self: self.closed)
    @rule()
    def restore(self) -> None:
        """What was closed last comes back, but nothing is put away for an epoch that holds nothing any more."""
        before = self._epoch()
        assert before is not None
        try:
            self.run(self.services.memories.restore(CHANNEL))
        except NothingToRestore:
            assert not any(self.closed.values())
            return
        restored = self._epoch()
        assert restored is not None
        passed_over = list(self.closed)[list(self.closed).index(restored) + 1 :]
        assert not any(self.closed[number] for number in passed_over)
        self.said, self.closed[before] = self.closed.pop(restored), self.said

    @rule(
        name=st.none() | st.sampled_from(POLICIES),
        messages=st.none() | st.integers(2, 20),
        tokens=st.none() | st.integers(500, CONTEXT),
    )
    def choose_policy(self, name: str | None, messages: int | None, tokens: int | None) -> None:
        self.overrides = Overrides(name, messages, tokens)
        self.run(self._set_overrides())

    async def _set_overrides(self) -> None:
        await self.store.set_overrides(Place(CHANNEL, 7), self.overrides, now=NOW)
        self.services.compactor.consider(CHANNEL)

    @rule(focus=st.none() | st.just("figures"))
    def summarize_now(self, focus: str | None) -> None:
        if self.model.summarizes != "slowly":
            self.run(refused(self.services.memories.summarize(CHANNEL, focus)))

    @rule()
    def correct_the_summary(self) -> None:
        self.run(correct(self.store, "an admin's words", channel=CHANNEL))

    # What goes wrong

    @rule(how=st.sampled_from(["well", "well", "well", "not at all", "with nothing", "at length", "unwillingly"]))
    def summarizes(self, how: str) -> None:
        self.model.summarizes = how
        self.model.let_go.set()
        self.run(asyncio.sleep(0))

    @rule()
    def takes_its_time(self) -> None:
        self.model.let_go.clear()
        self.model.summarizes = "slowly"

    @precondition(lambda self: not self.model.let_go.is_set())
    @rule()
    def is_done(self) -> None:
        self.model.let_go.set()
        self.run(asyncio.sleep(0))

    @rule()
    def restart(self) -> None:
        self.run(self.open.aclose())
        self.run(self._open())

    # What must hold

    @invariant()
    def everything_is_there_once_and_is_found(self) -> None:
        if not hasattr(self, "store"):
            return
        remembered = self.runner.run(self.store.export(CHANNEL))
        assert {one.discord_id: one.content for one in remembered if one.role == "user"} == self.said
        for one in remembered:
            (word, *_) = one.content.split()
            found = self.runner.run(self.store.search(CHANNEL, [word], limit=10))
            assert one in found

    @invariant()
    def what_is_gone_is_nowhere(self) -> None:
        if not self.gone:
            return
        with closing(sqlite3.connect(f"{self.folder.name}/memory.db")) as db:
            kept = [
                *db.execute("SELECT content FROM messages"),
                *db.execute("SELECT text FROM summaries"),
                *db.execute("SELECT text FROM chunks"),
                *db.execute("SELECT ifnull(reply, '') FROM turns"),
            ]
            words = {word for (text,) in kept for word in WORD.findall(text)}
            assert not words & self.gone
            query = " OR ".join(f'"{word}"' for word in sorted(self.gone))
            assert not db.execute("SELECT rowid FROM messages_fts WHERE messages_fts MATCH ?", (query,)).fetchall()

    @invariant()
    def no_turn_is_cut(self) -> None:
        if not hasattr(self, "store"):
            return
        with closing(sqlite3.connect(f"{self.folder.name}/memory.db")) as db:
            cut_before = db.execute(
                "SELECT channel_id, epoch, first_position FROM summaries UNION"
                " SELECT channel_id, epoch, last_position + 1 FROM summaries UNION"
                " SELECT channel_id, number, window_start FROM epochs UNION"
                " SELECT channel_id, number, summarized FROM epochs"
            ).fetchall()
            for cut in cut_before:
                split = db.execute(
                    "SELECT turn_id FROM messages WHERE channel_id = ? AND epoch = ? AND turn_id IS NOT NULL"
                    " GROUP BY turn_id HAVING min(position) < ?3 AND max(position) >= ?3",
                    cut,
                ).fetchall()
                assert not split, cut

    @invariant()
    def prompts_keep_their_budget_and_show_the_newest_message(self) -> None:
        prompts, self.seen = self.model.prompts[self.seen :], len(self.model.prompts)
        for prompt in prompts:
            system, *blocks = prompt.messages
            assert all(part.role == "user" or index for index, part in enumerate(blocks)), "a reply without its trigger"
            size = sum(count_tokens(part.content) + MESSAGE_OVERHEAD for part in prompt.messages) + REPLY_OVERHEAD
            assert size <= self._budget(), (size, self._budget())
            newest = blocks[-1].content
            if "[cut" in newest:
                assert len(blocks) == 1
            else:
                assert "w" in newest
            assert not set(WORD.findall(system.content)) & self.gone

    def _budget(self) -> int:
        return self.policies.for_channel(self.overrides).high


async def asyncio_gather(work: list[Awaitable[object]]) -> None:
    await asyncio.gather(*work)


async def refused(work: Awaitable[object]) -> None:
    """Do it, or hear in a sentence why not."""
    with suppress(UserFacingError):
        await work


TestNeverLossy = NeverLossy.TestCase
TestNeverLossy.settings = hypothesis_settings(max_examples=15, stateful_step_count=30, deadline=None)
