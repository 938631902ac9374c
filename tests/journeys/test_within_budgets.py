"""Whatever people, models and processes do: no budget is passed by more than one reply, and nothing stays reserved.

A machine plays at random against the real store, conversations and compactions; only the model and Discord are scripted, through
the ports that are there for it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncGenerator, Awaitable
from contextlib import AsyncExitStack, closing
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from bot.brain import Myself
from bot.calibration import Calibration
from bot.client import Services
from bot.conversation import Said
from bot.errors import ModelUnavailable
from bot.ports import ReplyEnd, Usage
from bot.prompt import Prompt
from bot.retention import DAY_SECONDS
from bot.runtime import compose
from bot.settings import Settings
from bot.tokens import TokenCounter
from storage import open_store
from storage.records import Budget
from tests.quiet import Shown, quarter

NOW = 1_800_000_000.0

#: Where files cost no time, where there is such a place: processes die here, the power does not.
IN_MEMORY = "/dev/shm"

#: Where people talk: a channel, and its server (None: in private).
PLACES = ((1, 7), (2, 7), (3, 8), (4, None))
PEOPLE = (41, 42, 43)

#: How long, in seconds, is waited for what must come.
PATIENCE = 30.0

#: What a reply may have at most, and what a whole call then has, in tokens.
MOST_REPLY = 200
LARGEST = 2_000 + MOST_REPLY

LIMITS: dict[str, Budget] = {
    "daily_tokens_per_user": "user",
    "daily_tokens_per_channel": "channel",
    "daily_tokens_per_server": "server",
    "daily_tokens": "host",
}


class Model:
    """Writes when it is told to: so many calls at once are under way, each waits in *open* for how it is to end.

    *billed* is what it charged since the last kill, by nothing but its own count.
    """

    def __init__(self) -> None:
        self.open: list[asyncio.Future[int | None]] = []
        self.calls = 0

    async def stream(self, prompt: Prompt, *, model: str, deadline: float) -> AsyncGenerator[str | ReplyEnd, None]:
        self.calls += 1
        told: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self.open.append(told)
        try:
            written = await told
        finally:
            self.open.remove(told)
        if written is None:
            raise ModelUnavailable("No.", detail="it is scripted to fail")
        yield "word. " * (written // 2)
        yield ReplyEnd("stop", Usage(300, 0, written), model)

    async def ready(self, *, model: str) -> None:
        return


class WithinBudgets(RuleBasedStateMachine):
    """*now* is the time, *asked* how many messages were addressed to the bot in each channel."""

    #: The largest sum that ever stood where there was a limit, over all runs.
    most_used = 0

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(dir=IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else None))
        self.ids = count(1_000)
        self.lives = count(1)
        self.model = Model()
        self.limits: dict[str, int] = {}
        self.now = NOW
        self.shown = {channel: Shown(self.ids) for channel, _ in PLACES}
        self.answered: set[int] = set()

    @initialize(limits=st.fixed_dictionaries({}, optional=dict.fromkeys(LIMITS, st.integers(1, 4_000))))
    def begin(self, limits: dict[str, int]) -> None:
        self.limits = limits
        self.path = self.folder / "0.db"
        self.run(self._open())

    async def _open(self) -> None:
        values: dict[str, object] = {
            "chat_model": "scripted",
            "openai_base_url": "http://127.0.0.1:1/v1",
            "memory_max_tokens": 1_000,
            "reply_max_tokens": MOST_REPLY,
            "max_concurrent_replies": 3,
        }
        settings = Settings(_env_file=None, **(values | self.limits))
        async with AsyncExitStack() as stack:
            store = await stack.enter_async_context(open_store(f"sqlite:///{self.path}"))
            calibration = await Calibration.load(store, "scripted")
            counter = TokenCounter("scripted", quarter)
            services = compose(settings, store, self.model, counter, calibration, "A test.", now=lambda: self.now)
            stack.push_async_callback(services.budgets.close)
            stack.push_async_callback(services.compactor.close)
            stack.push_async_callback(services.conversations.close, 0)
            services.conversations.attach(self.shown.__getitem__, Myself(99, "Mnemo"))
            await services.conversations.resume()
            self.opened = stack.pop_all()
        self.services: Services = services
        self.store = store

    def run(self, work: Awaitable[object]) -> None:
        async def then_settle() -> None:
            await work
            await self._settle()

        self.runner.run(then_settle())

    async def _settle(self) -> None:
        """Wait until everybody waits for the model, for the line, or for each other: only what is under way is reserved."""
        async with asyncio.timeout(PATIENCE):
            while True:
                await asyncio.sleep(0.005)
                if not self.limits or len(self.model.open) == self._look("SELECT count(*) FROM reservations"):
                    return

    def _look(self, query: str) -> int:
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as db:
            return int(db.execute(query).fetchone()[0])

    @rule(
        place=st.sampled_from(PLACES),
        people=st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=3),
        words=st.integers(1, 60),
    )
    def ask(self, place: tuple[int, int | None], people: list[int], words: int) -> None:
        channel, guild = place
        said = [
            Said(next(self.ids), channel, guild, person, f"Fish {person}", "word " * words, self.now)
            for person in people
        ]
        self.run(self._all_heard([self._hear(one) for one in said]))

    async def _all_heard(self, hearing: list[asyncio.Task[bool]]) -> None:
        assert all(await asyncio.gather(*hearing))

    def _hear(self, said: Said) -> asyncio.Task[bool]:
        loop = self.runner.get_loop()
        return loop.create_task(self.services.conversations.hear(said, addressed=True))

    @rule(which=st.integers(0, 5), written=st.none() | st.integers(0, MOST_REPLY))
    def answer(self, which: int, written: int | None) -> None:
        if self.model.open:
            self.run(self._tell(self.model.open[which % len(self.model.open)], written))

    async def _tell(self, told: asyncio.Future[int | None], written: int | None) -> None:
        told.set_result(written)

    @rule(place=st.sampled_from(PLACES))
    def reset(self, place: tuple[int, int | None]) -> None:
        self.run(self.services.memories.reset(place[0]))

    @rule(place=st.sampled_from(PLACES))
    def delete(self, place: tuple[int, int | None]) -> None:
        self.run(self._delete(place[0]))

    async def _delete(self, channel: int) -> None:
        newest = await self.store.newest_ids(channel, limit=1)
        await self.services.conversations.forget(channel, newest)

    @rule()
    def stop_and_start(self) -> None:
        self.run(self._again())

    async def _again(self) -> None:
        await self.opened.aclose()
        await self._open()

    @rule()
    def die(self) -> None:
        """The next process has what was on the disk; what this one does from now on nobody ever sees."""
        self.run(self._die())

    async def _die(self) -> None:
        left = self.path
        self.path = self.folder / f"{next(self.lives)}.db"
        for suffix in ("", "-wal"):
            if (source := Path(f"{left}{suffix}")).exists():
                shutil.copy(source, f"{self.path}{suffix}")
        await self.opened.aclose()
        await self._open()

    @rule()
    def sleep(self) -> None:
        self.now += DAY_SECONDS
        self.run(asyncio.sleep(0))

    @invariant()
    def no_sum_passes_its_bound_by_more_than_a_reply(self) -> None:
        if not hasattr(self, "opened") or not self.limits:
            return
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as db:
            for setting, limit in self.limits.items():
                by, where = {
                    "user": ("user_id", "user_id <> 0"),
                    "channel": ("channel_id", "TRUE"),
                    "server": ("guild_id", "guild_id <> 0"),
                    "host": ("0", "TRUE"),
                }[LIMITS[setting]]
                sums = db.execute(
                    f"SELECT day, {by}, sum(prompt_tokens + completion_tokens) FROM usage WHERE {where} GROUP BY 1, 2"
                )
                for day, whose, used in sums:
                    type(self).most_used = max(self.most_used, used)
                    assert used < limit + LARGEST, (setting, day, whose, used)

    def teardown(self) -> None:
        if hasattr(self, "opened"):
            self.runner.run(self._let_all_end())
            self.runner.run(self.opened.aclose())
        self.runner.close()
        shutil.rmtree(self.folder)

    async def _let_all_end(self) -> None:
        """Once the model writes everybody is answered, or told why not, and nothing is reserved any more."""
        waiting = "SELECT count(*) FROM turns WHERE status IN ('claimed', 'generating', 'sending')"
        async with asyncio.timeout(PATIENCE):
            while self.model.open or self._look(waiting) or self._look("SELECT count(*) FROM reservations"):
                for told in self.model.open:
                    if not told.done():
                        told.set_result(1)
                await asyncio.sleep(0.005)


@pytest.mark.timeout(1_200)  # with --torture: some minutes
def test_no_budget_is_passed_by_more_than_a_reply(torture: bool) -> None:
    settings = hypothesis_settings(
        max_examples=400 if torture else 20,
        stateful_step_count=30,
        # Who is first is a matter of time: a shorter way to the same end is not to be found.
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    WithinBudgets.most_used = 0
    run_state_machine_as_test(WithinBudgets, settings=settings)
    assert WithinBudgets.most_used > MOST_REPLY, "the budgets were hardly touched"
