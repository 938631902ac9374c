"""Which channels are caught up, from where on, and who waits for it: on a real store, with nobody's history to look at."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot import catch_up, patience
from bot.catch_up import DISORDER_SECONDS, EVERYWHERE, CatchUp, Survey, snowflake
from bot.conversation import Said
from bot.errors import ChannelDeleted, DeliveryError
from bot.runtime import open_services
from bot.settings import Settings
from storage.records import SOMEWHERE, Incoming

GUILD, OTHER_GUILD = 7, 8
HOUR = 3600.0
Began = Callable[[], AsyncIterator["Watched"]]


def ago(seconds: float) -> int:
    """A Discord id of so many seconds ago."""
    return snowflake(time.time() - seconds)


@dataclass
class Watched:
    """A program that is catching up, and what it looked at: channel, and from which id on. *answers* are raised or waited for."""

    catch_up: CatchUp
    hear: Callable[[int, int | None], object]
    looks: list[tuple[int, int]] = field(default_factory=list)
    answers: list[Exception | asyncio.Event] = field(default_factory=list)

    async def look(self, channel_id: int, guild_id: int | None, *, changed_since: int, said_since: int) -> None:
        self.looks.append((channel_id, said_since))
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, asyncio.Event):
            await answer.wait()
        elif answer is not None:
            raise answer

    async def done(self) -> None:
        """Wait until nothing is looked at any more."""
        async with asyncio.timeout(5):
            await asyncio.gather(*self.catch_up._workers)

    async def arrive(self, newest: dict[int, int], *, guild_id: int = GUILD, since: int = 0, hidden: int = 0) -> None:
        await self.catch_up.arrived(Survey(guild_id, since, newest, frozenset({hidden} if hidden else ())))
        await self.done()


@pytest.fixture
def begun(tmp_path: Path) -> Callable[..., object]:
    """Start the program, in the two servers or others; each time on the same database."""

    @asynccontextmanager
    async def begin(*guilds: int) -> AsyncIterator[Watched]:
        settings = Settings(
            _env_file=None,
            openai_base_url="http://127.0.0.1:1",
            chat_model="none",
            database_url=f"sqlite:///{tmp_path}/m.db",
        )
        async with open_services(settings.model_copy(update={"tokenizer": "estimate"})) as (services, _):

            async def hear(channel_id: int, guild_id: int | None) -> None:
                said = Said(ago(5 * HOUR) + channel_id, channel_id, guild_id, 42, "Nemo", "Hello", time.time())
                await services.conversations.hear(said, addressed=False)

            watched = Watched(services.catch_up, hear)
            await services.catch_up.attach(watched.look, 99)
            await services.catch_up.begin(guilds or (GUILD, OTHER_GUILD))
            yield watched
            await services.catch_up.close()
            await services.catch_up.save()
            await services.conversations.close(1)

    return begin


async def first_run(begun: Callable[..., object], newest: int) -> None:
    async with begun() as bot:  # type: ignore[attr-defined]
        await bot.arrive({1: newest, 2: 0})
        await bot.arrive({3: newest - 5}, guild_id=OTHER_GUILD)
        assert bot.looks == []


async def test_a_first_start_looks_at_nothing_and_the_next_at_what_is_new(begun: Callable[..., object]) -> None:
    newest = ago(2 * HOUR)
    await first_run(begun, newest)
    async with begun() as bot:  # type: ignore[attr-defined]
        await bot.arrive({1: newest, 2: ago(HOUR), 4: ago(30 * HOUR)}, hidden=5)
        assert bot.looks == [(2, newest)]
        joined = ago(60)
        await bot.arrive({3: ago(30), 6: ago(90)}, guild_id=OTHER_GUILD, since=joined)
        assert bot.looks[1:] == [(3, joined)]


async def test_known_channels_are_compared_also_those_that_are_not_listed_but_none_that_is_hidden(
    begun: Callable[..., object],
) -> None:
    newest = ago(2 * HOUR)
    async with begun() as bot:  # type: ignore[attr-defined]
        await bot.arrive({1: newest})
        for channel, guild in ((1, GUILD), (2, GUILD), (3, GUILD), (9, None)):
            await bot.hear(channel, guild)
        await bot.arrive({}, guild_id=OTHER_GUILD)
    async with begun() as bot:  # type: ignore[attr-defined]
        bot.answers = [ChannelDeleted("gone")]
        await bot.done()
        assert [channel for channel, _ in bot.looks] == [9]  # direct messages need no server
        await bot.arrive({1: newest}, hidden=3)
        assert sorted(channel for channel, _ in bot.looks) == [1, 2, 9]
    async with begun() as bot:  # type: ignore[attr-defined]
        await bot.done()
        assert bot.looks == []  # 9 was deleted, and is forgotten


async def test_a_server_that_never_came_keeps_its_mark(begun: Callable[..., object]) -> None:
    newest = ago(2 * HOUR)
    await first_run(begun, newest)
    for _ in range(2):
        async with begun() as bot:  # type: ignore[attr-defined]
            await bot.arrive({1: newest})
            bot.catch_up.saw(ago(0))
            await bot.catch_up.ready([GUILD, OTHER_GUILD])
    async with begun() as bot:  # type: ignore[attr-defined]
        await bot.arrive({1: newest})
        assert bot.looks == []
        await bot.arrive({3: ago(HOUR)}, guild_id=OTHER_GUILD)
        assert bot.looks == [(3, newest)]


async def test_an_outage_is_caught_up_and_events_wait_for_it(begun: Callable[..., object]) -> None:
    async with begun(GUILD) as bot:  # type: ignore[attr-defined]
        await bot.arrive({1: ago(HOUR)})
        last = ago(600)
        bot.catch_up.saw(last)
        bot.catch_up.vanished(GUILD)
        waiting = asyncio.create_task(bot.catch_up.settled(1, GUILD))
        await asyncio.sleep(0.01)
        bot.catch_up.saw(ago(0))
        assert not waiting.done()
        await bot.arrive({1: ago(10)})
        await asyncio.wait_for(waiting, 1)
        ((channel, since),) = bot.looks
        assert channel == 1
        assert last - int((DISORDER_SECONDS + 1) * 1000) * 2**22 < since < last


async def test_events_wait_in_order_and_not_for_ever(
    begun: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catch_up, "WAIT_SECONDS", 0.1)
    newest = ago(2 * HOUR)
    await first_run(begun, newest)
    async with begun(GUILD) as bot:  # type: ignore[attr-defined]
        endless = asyncio.Event()
        bot.answers = [endless]
        await bot.catch_up.arrived(Survey(GUILD, 0, {1: ago(60)}, frozenset()))
        order: list[int] = []

        async def event(number: int) -> None:
            await bot.catch_up.settled(1, GUILD)
            order.append(number)

        edit = asyncio.create_task(bot.catch_up.fetched(1, GUILD))
        await asyncio.gather(*(event(number) for number in range(5)))
        assert order == [0, 1, 2, 3, 4]
        await asyncio.wait_for(event(5), 0.05)  # who comes later waits no second time
        assert not edit.done()
        endless.set()
        assert await edit
        assert await bot.catch_up.fetched(1, GUILD) is False
        with pytest.raises(StopIteration):  # settled: not even a turn of the loop
            bot.catch_up.settled(1, GUILD).send(None)
        assert len(bot.looks) == 1


async def test_what_fails_is_tried_again_from_where_it_was(
    begun: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "RETRY_SECONDS", (0.01, 0.02))
    newest = ago(2 * HOUR)
    await first_run(begun, newest)
    async with begun(GUILD) as bot:  # type: ignore[attr-defined]
        bot.answers = [DeliveryError("no"), DeliveryError("no")]
        await bot.arrive({1: ago(60)})
        bot.catch_up.saw(ago(0))
        await bot.catch_up.save()
        assert (await bot.catch_up._store.seen())[1] == newest
        await asyncio.wait_for(bot.catch_up.settled(1, GUILD), 1)
        assert bot.looks == [(1, newest)] * 3

        missed = ago(0)
        bot.catch_up.missed(1, GUILD, missed)
        bot.catch_up.missed(1, GUILD, missed + 5)
        await asyncio.wait_for(bot.catch_up.settled(1, GUILD), 1)
        assert set(bot.looks[3:]) == {(1, missed - 1)}
        await bot.catch_up.save()
        assert set(await bot.catch_up._store.seen()) == {EVERYWHERE}


async def test_a_new_session_begins_where_the_old_one_was_lost(begun: Callable[..., object]) -> None:
    async with begun(GUILD) as bot:  # type: ignore[attr-defined]
        await bot.arrive({1: ago(HOUR), 2: 0})
        last = ago(600)
        bot.catch_up.saw(last)
        never = asyncio.Event()
        bot.answers = [never]
        bot.catch_up.missed(2, GUILD, ago(300))
        await bot.catch_up.begin([GUILD])
        bot.answers = []
        await bot.arrive({1: ago(60), 2: ago(300)})
        assert {channel for channel, _ in bot.looks} == {1, 2}
        assert all(since < last for channel, since in bot.looks if channel == 1)


@pytest.mark.parametrize("hidden", [False, True])
async def test_a_channel_that_was_brought_in_is_found_in_its_server_and_is_no_direct_message(
    begun: Callable[..., object], hidden: bool
) -> None:
    newest = ago(2 * HOUR)
    async with begun() as bot:  # type: ignore[attr-defined]
        await bot.arrive({1: newest})
        await bot.arrive({}, guild_id=OTHER_GUILD)
        brought = Incoming(0, 5, SOMEWHERE, 42, "Nemo", "brought in", 5, time.time())
        await bot.catch_up._store.bring_in([("user", brought)], now=time.time())
    async with begun() as bot:  # type: ignore[attr-defined]
        store = bot.catch_up._store
        await bot.done()
        assert bot.looks == [], "what is said in a server is not taken for said to us alone"
        await bot.arrive({1: newest} if hidden else {1: newest, 5: ago(HOUR)}, hidden=5 if hidden else 0)
        assert [channel for channel, _ in bot.looks] == ([] if hidden else [5])
        assert await store.known_channels(GUILD) == [5]
        await bot.catch_up.left(GUILD)
        assert await store.export(5) == []
