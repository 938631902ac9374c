"""The bot without Discord: the real conversations, memory and model client, and channels that only keep what is shown.

For what takes many turns or happens at once: there SimCord is slow, or lets nobody act before everybody is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import count

from bot.brain import Myself
from bot.calibration import Calibration
from bot.client import Services
from bot.conversation import Said
from bot.model import open_model
from bot.ports import Button
from bot.resilient import ResilientModel
from bot.runtime import compose
from bot.settings import Settings
from bot.tokens import TokenCounter
from storage import Store, open_store

NOW = 1_800_000_000.0
NEMO = 42


def quarter(text: str) -> int:
    """A token is four bytes of UTF-8: what the little model counts."""
    return -(-len(text.encode()) // 4)


@dataclass
class Shown:
    """A channel as the place where replies appear; nothing goes wrong there."""

    ids: Iterator[int]
    texts: dict[int, str] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

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
        message_id = next(self.ids)
        self.texts[message_id] = text
        self.changed.set()
        return message_id

    async def edit(
        self, message_id: int, text: str, *, ping: int | None, buttons: Sequence[Button] = (), file: str | None = None
    ) -> None:
        self.texts[message_id] = text
        self.changed.set()

    async def remove_buttons(self, message_id: int) -> None:
        pass

    async def delete(self, message_id: int) -> None:
        self.texts.pop(message_id, None)

    async def react(self, message_id: int, emoji: str) -> bool:
        return True

    async def take_reaction_back(self, message_id: int, emoji: str) -> None:
        pass

    async def find(self, *, after: int, reply_to: int | None, text: str) -> int | None:
        return None


class Quiet:
    """Services with somebody who talks to them."""

    def __init__(self, services: Services, store: Store, calibration: Calibration, ids: Iterator[int]) -> None:
        self.services = services
        self.store = store
        self.calibration = calibration
        self.ids = ids
        self.channels: dict[int, Shown] = {}

    def channel(self, channel_id: int) -> Shown:
        return self.channels.setdefault(channel_id, Shown(self.ids))

    async def say(self, text: str, *, channel: int = 1, addressed: bool = True) -> int:
        """Say *text* and return its id, without waiting for an answer."""
        said = Said(next(self.ids), channel, 7, NEMO, "Nemo", text, NOW)
        await self.services.conversations.hear(said, addressed=addressed)
        return said.message_id

    async def ask(self, text: str, *, channel: int = 1) -> str:
        """Say *text* and return the answer, once the turn is over."""
        await self.say(text, channel=channel)
        await self.idle(f"channel-{channel}")
        return list(self.channel(channel).texts.values())[-1]

    async def idle(self, *names: str) -> None:
        """Wait for the tasks with *names*: "channel-1" for replies, "compaction-1" for summaries."""
        while tasks := [task for task in asyncio.all_tasks() if task.get_name() in names]:
            await asyncio.wait(tasks)


@asynccontextmanager
async def quiet(
    settings: Settings, counting: Callable[[str], int] = quarter, *, first_id: int = 100
) -> AsyncIterator[Quiet]:
    """Run it with *settings*. Ids are counted up from *first_id*."""
    async with (
        open_store(settings.database_url) as store,
        open_model(
            api_key=None,
            base_url=settings.openai_base_url,
            patience=settings.reply_timeout_seconds,
            max_reply_tokens=None,
        ) as model,
    ):
        calibration = await Calibration.load(store, settings.chat_model)
        counter = TokenCounter("test", counting)
        services = compose(settings, store, ResilientModel(model), counter, calibration, settings.persona())
        running = Quiet(services, store, calibration, count(first_id))
        services.conversations.attach(running.channel, Myself(99, "Mnemo"))
        await services.conversations.resume()
        try:
            yield running
        finally:
            await services.conversations.close(1)
            await services.compactor.close()
