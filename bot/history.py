"""One look at a channel's history: what was said, edited and deleted there since, taken over into memory.

When and where to look is decided in ``bot/catch_up.py``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime

import discord

from bot.conversation import Conversations
from bot.errors import ChannelClosed, ChannelDeleted, DeliveryError
from bot.listening import Listener
from bot.rest import FAILURES, cancellable

log = logging.getLogger(__name__)

#: Discord's largest page, and the most members that it tells of at once.
PAGE = 100

#: A page that is not there by then counts as failed, and so do the names of members, which can be done without.
PAGE_SECONDS = 30.0
NAMES_SECONDS = 5.0

# https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
_UNKNOWN_CHANNEL = 10003
_UNKNOWN_MESSAGE = 10008


class History:
    """Looks at the newest *limit* messages of channels, and at the *limit* newest that are remembered of each."""

    def __init__(self, client: discord.Client, conversations: Conversations, listener: Listener, limit: int) -> None:
        self._client = client
        self._conversations = conversations
        self._listener = listener
        self._limit = limit

    async def look(self, channel_id: int, guild_id: int | None, *, changed_since: int, said_since: int) -> None:
        """Hear what was said after the Discord id *said_since*, and let memory follow what changed after *changed_since*.

        An absent or empty history is never taken for deletions: a permission may be missing, or Discord in trouble. Only an id
        that is missing between two messages that were fetched counts, or a message of which Discord says that it is not there.

        Raises :class:`bot.errors.ChannelClosed` if there is nothing to read for us; another :class:`bot.errors.DeliveryError` or
        :class:`storage.errors.StorageError` if it is to be tried again: what was taken over then stays so.
        """
        remembered = await self._conversations.newest_ids(channel_id, self._limit)
        channel = self._client.get_partial_messageable(channel_id, guild_id=guild_id)
        async with _translated(channel_id):
            newest = await self._newest(channel, said_since)
            older, gone = await self._compare(channel, newest, remembered)
        if gone:
            log.info("%d messages were deleted while I was away", len(gone), extra={"channel": channel_id})
            await self._conversations.forget(channel_id, gone)
        edited_after = discord.utils.snowflake_time(changed_since)
        edited = [one for one in (*newest, *older) if one.id in remembered and _is_edited(one, edited_after)]
        said = [one for one in newest[: self._limit] if one.id > said_since and self._listener.listens_to(one)]
        await self._take_over(edited, said[::-1], {_answers(one) for one in newest if self._is_ours(one)})

    async def _newest(self, channel: discord.PartialMessageable, said_since: int) -> list[discord.Message]:
        """Fetch what was said since, at most *limit* messages, and as much before as comes with them, newest first."""
        page = await self._page(channel)
        newest = page
        while len(page) == PAGE and page[-1].id > said_since and len(newest) < self._limit:
            page = await self._page(channel, before=page[-1].id)
            newest = newest + page
        return newest

    async def _page(self, channel: discord.PartialMessageable, before: int | None = None) -> list[discord.Message]:
        """Fetch a page of messages, newest first."""
        until = discord.Object(before) if before else None
        async with asyncio.timeout(PAGE_SECONDS):
            with cancellable(self._client):
                return [message async for message in channel.history(limit=PAGE, before=until)]

    async def _compare(
        self, channel: discord.PartialMessageable, page: list[discord.Message], remembered: list[int]
    ) -> tuple[list[discord.Message], list[int]]:
        """Return what has to be fetched before *page* to compare it with what is *remembered*, and the ids of what is deleted."""
        newest = page[0].id if page else 0
        gone = [one for one in remembered if one > newest and await self._is_gone(channel, one)]
        below = [one for one in remembered if one <= newest]
        older: list[discord.Message] = []
        while page and below:
            there = {message.id for message in page}
            gone += [one for one in below if one > page[-1].id and one not in there]
            below = [one for one in below if one < page[-1].id]
            if below:
                page = await self._page(channel, before=below[0] + 1)
                older += page
        return older, gone + [one for one in below if await self._is_gone(channel, one)]

    async def _is_gone(self, channel: discord.PartialMessageable, message_id: int) -> bool:
        try:
            async with asyncio.timeout(PAGE_SECONDS):
                with cancellable(self._client):
                    await channel.get_partial_message(message_id).fetch()
        except discord.NotFound as error:
            if error.code != _UNKNOWN_MESSAGE:
                raise
            return True
        return False

    async def _take_over(
        self, edited: list[discord.Message], said: list[discord.Message], answered: set[int | None]
    ) -> None:
        members = await _members([*edited, *said])
        for message in edited:
            await self._listener.correct(message, members=members)
        # All at once: they are one transaction, in this order, and those who speak to us are answered together.
        hearing = (self._listener.hear(one, members=members, is_answered=one.id in answered) for one in said)
        for outcome in await asyncio.gather(*hearing, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    def _is_ours(self, message: discord.Message) -> bool:
        return self._client.user is not None and message.author.id == self._client.user.id


async def _members(messages: Iterable[discord.Message]) -> dict[int, discord.Member]:
    """Ask for those who wrote *messages* or are mentioned there as members of their server.

    A history tells only what they call themselves, and no roles. Who cannot be had is left out.
    """
    guild = next((message.guild for message in messages), None)
    ids = list({user.id for message in messages for user in (message.author, *message.mentions)})
    found: dict[int, discord.Member] = {}
    for start in range(0, len(ids) if guild else 0, PAGE):
        assert guild is not None, "without one nobody is looked for"
        try:
            async with asyncio.timeout(NAMES_SECONDS):
                members = await guild.query_members(user_ids=ids[start : start + PAGE], limit=PAGE, cache=False)
        except FAILURES as error:
            log.debug("members of a server could not be had (%s)", type(error).__name__, extra={"guild": guild.id})
            break
        found |= {member.id: member for member in members}
    return found


def _is_edited(message: discord.Message, after: datetime) -> bool:
    return message.edited_at is not None and message.edited_at >= after


def _answers(message: discord.Message) -> int | None:
    return message.reference.message_id if message.reference else None


@asynccontextmanager
async def _translated(channel_id: int) -> AsyncIterator[None]:
    """Turn what Discord or the network says into what :meth:`History.look` raises."""
    try:
        yield
    except discord.NotFound as error:
        if error.code == _UNKNOWN_CHANNEL:
            raise ChannelDeleted(f"Channel {channel_id} is gone.") from error
        raise DeliveryError(f"Discord does not find what is in channel {channel_id}.") from error
    except discord.Forbidden as error:
        raise ChannelClosed(f"I may not read channel {channel_id}.") from error
    except FAILURES as error:
        raise DeliveryError(f"Discord could not be reached ({type(error).__name__}).") from error
