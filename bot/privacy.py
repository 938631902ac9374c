"""What people decide about their own words: seeing them, forgetting them, opting out; and what the host's settings promise.

It decides; ``cogs/privacy.py`` translates. What becomes of a turn that loses a message is ``bot/conversation.py``'s business.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import urlsplit

from bot.conversation import Conversations
from bot.settings import LOOPBACK, Endpoint, Settings
from storage import Store
from storage.records import QUOTE, BookedDay, Extent, Kept, Overrides, ReplyMode

EVERYWHERE = Extent()


@dataclass(frozen=True, slots=True)
class Reader:
    """A model that reads what people say, and the name of the machine that it is on."""

    model: str
    machine: str

    @property
    def is_at_home(self) -> bool:
        """Whether that is the machine that the bot runs on."""
        return self.machine in LOOPBACK


@dataclass(frozen=True, slots=True)
class Promise:
    """What holds for everybody's words, by the host's settings. *fallback* reads them while *model* fails, None: nobody does.

    *summarizer* is the name of the model that writes the summaries, at the same place as *model*. Without *takes_images* none is
    shown to any model.
    """

    reply_mode: ReplyMode
    model: Reader
    summarizer: str
    fallback: Reader | None
    grace_hours: float
    retention_days: int | None
    takes_images: bool

    def for_channel(self, holds: Overrides, model: str) -> Self:
        """Return what is promised where this holds and *model* writes."""
        reader = replace(self.model, model=model)
        return replace(self, reply_mode=holds.reply_mode or self.reply_mode, model=reader)


def promise(settings: Settings, openai_url: str) -> Promise:
    """Return what *settings* promise; *openai_url* is where the model is if they do not say."""

    def reader(endpoint: Endpoint) -> Reader:
        return Reader(endpoint.model, urlsplit(endpoint.base_url or openai_url).hostname or "")

    return Promise(
        reply_mode=settings.reply_mode,
        model=reader(settings.endpoint),
        summarizer=settings.summarizer,
        fallback=reader(settings.fallback) if settings.fallback else None,
        grace_hours=settings.reset_grace_hours,
        retention_days=settings.retention_days,
        takes_images=settings.takes_images,
    )


class Privacy:
    """The wishes of all people. :meth:`load` comes first."""

    def __init__(self, store: Store, conversations: Conversations, promised: Promise) -> None:
        self._store = store
        self._conversations = conversations
        self._opted_out: set[int] = set()
        self.promise = promised

    async def load(self) -> None:
        """Read who opted out. Raises :class:`storage.errors.StorageError`, as every method here that waits.

        Of those all is forgotten that is still there: the process may have died while it was at that.
        """
        self._opted_out = set(await self._store.opted_out())
        for user_id in self._opted_out:
            await self.forget(user_id, EVERYWHERE)

    def has_opted_out(self, user_id: int) -> bool:
        """Whether nothing of a person is to be remembered or shown to a model."""
        return user_id in self._opted_out

    async def is_to_be_reminded(self, user_id: int) -> bool:
        """Whether a person who opted out, and speaks to us, is to be told why there is no answer: True once."""
        return await self._store.remind_opted_out(user_id)

    async def opt_out(self, user_id: int) -> int:
        """Remember nothing of a person any more, anywhere, and forget what there is; returns how many messages that was."""
        await self._store.opt_out(user_id, now=time.time())
        self._opted_out.add(user_id)
        return await self.forget(user_id, EVERYWHERE)

    async def opt_in(self, user_id: int) -> None:
        """Remember again what a person says from now on."""
        await self._store.opt_in(user_id)
        self._opted_out.discard(user_id)

    async def forget(self, user_id: int, place: Extent) -> int:
        """Forget what a person said in *place*, with the summaries and replies made of it; returns how many messages."""
        return await self._conversations.forget_person(user_id, place)

    async def count(self, user_id: int, place: Extent) -> int:
        """Return how many messages of a person are remembered in *place*."""
        return await self._store.count_by(user_id, place)

    async def about(self, user_id: int, place: Extent, lists: Sequence[str] = ()) -> str | None:
        """Return all that is kept of a person in *place*, as JSON; None if that is nothing.

        *lists* say in which of its lists a server's managers named them.
        """
        messages = await self._store.said_by(user_id, place)
        quotes = await self._store.quoted(user_id, place)
        booked = await self._store.booked_for(user_id, place)
        opted_out = self.has_opted_out(user_id)
        if not (messages or quotes or booked or opted_out or lists):
            return None
        # In a thread: the words of years take a second, in which other channels want answers.
        return await asyncio.to_thread(_written, user_id, opted_out, lists, messages, quotes, booked)


def _written(
    user_id: int,
    opted_out: bool,
    lists: Sequence[str],
    messages: Sequence[Kept],
    quotes: Sequence[tuple[int, int | None, str]],
    booked: Sequence[BookedDay],
) -> str:
    """Return it for people and programs alike; ids as text, because JavaScript would round them."""
    told = {
        "user_id": str(user_id),
        "taken_at": _moment(time.time()),
        "opted_out": opted_out,
        "lists_of_this_server": list(lists),
        "messages": [_message(kept) for kept in messages],
        "quoted_in_questions_of_others": [
            {"channel_id": str(channel_id), "message_id": _id(message_id), "text": text}
            for channel_id, message_id, text in quotes
        ],
        "tokens_of_replies_to_you": [_day(day, "replies") for day in booked if day.kind == "reply"],
        "tokens_of_threads_of_yours": [_day(day, "summaries") for day in booked if day.kind == "summary"],
    }
    return json.dumps(told, ensure_ascii=False, indent=1)


def _message(kept: Kept) -> dict[str, Any]:
    message = kept.message
    return {
        "channel_id": str(kept.channel_id),
        "message_id": _id(message.discord_id),
        "said_at": _moment(message.created_at),
        "name": message.author_name,
        "text": message.content,
        "files": [
            {"name": one.name, "type": one.type, "bytes": one.size, "address": one.url}
            for one in kept.attachments
            if one.id != QUOTE
        ],
        "pinned": message.pinned_at is not None,
        "put_away_by_a_reset": kept.put_away,
    }


def _id(any_id: int | None) -> str | None:
    return None if any_id is None else str(any_id)


def _day(booked: BookedDay, calls: str) -> dict[str, Any]:
    return {
        "day": booked.day,
        "channel_id": str(booked.channel_id),
        "model": booked.model,
        calls: booked.usage.calls,
        "prompt_tokens": booked.usage.prompt_tokens,
        "completion_tokens": booked.usage.completion_tokens,
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
