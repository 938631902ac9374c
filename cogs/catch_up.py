"""What was deleted while the bot was away: found once at start, by what Discord still has of the newest remembered messages.

An absent or empty history is never taken for deletions: a permission may be missing, or Discord in trouble. Only an id that is
missing between two messages that were fetched counts, or a message of which Discord says that it is not there.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import aiohttp
import discord
from discord.ext import commands

from bot.conversation import Conversations
from storage import StorageError

if TYPE_CHECKING:
    from bot.client import MnemoBot

log = logging.getLogger(__name__)

#: So many of a channel's remembered messages are compared, the newest. Each request settles one of them at least.
CATCH_UP_MESSAGES = 200

#: Discord's largest page.
PAGE = 100

# https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
_UNKNOWN_MESSAGE = 10008


class CatchUpCog(commands.Cog):
    """Owns the one task."""

    def __init__(self, bot: discord.Client, conversations: Conversations) -> None:
        self._bot = bot
        self._conversations = conversations
        self._task: asyncio.Task[None] | None = None

    async def cog_load(self) -> None:
        """Start in the background: nobody waits for it."""
        self._task = asyncio.create_task(self.reconcile(), name="catch-up")

    async def cog_unload(self) -> None:
        """Stop; the next start looks again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def reconcile(self) -> None:
        """Forget what was deleted, channel by channel."""
        try:
            for channel_id in await self._conversations.known_channels():
                await self._reconcile(channel_id)
        except StorageError as error:
            log.error("what was deleted while I was away could not be looked for: %s", error)

    async def _reconcile(self, channel_id: int) -> None:
        where = {"channel": channel_id}
        remembered = await self._conversations.newest_ids(channel_id, CATCH_UP_MESSAGES)
        try:
            gone = await self._gone(self._bot.get_partial_messageable(channel_id), remembered)
        except (discord.Forbidden, discord.NotFound):
            log.debug("the channel cannot be read; nothing there is taken for deleted", extra=where)
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            log.warning("could not look for what was deleted while I was away (%s)", type(error).__name__, extra=where)
        else:
            if gone:
                log.info("%d messages were deleted while I was away", len(gone), extra=where)
                await self._conversations.forget(channel_id, gone)

    async def _gone(self, channel: discord.PartialMessageable, remembered: list[int]) -> list[int]:
        """Return those of the *remembered* ids, newest first, that are deleted."""
        page = [message.id async for message in channel.history(limit=PAGE)]
        newest = page[0] if page else 0
        gone = [one for one in remembered if one > newest and await _is_gone(channel, one)]
        below = [one for one in remembered if one <= newest]
        while page and below:
            gone += [one for one in below if one > page[-1] and one not in page]
            below = [one for one in below if one < page[-1]]
            if below:
                page = [
                    message.id async for message in channel.history(limit=PAGE, before=discord.Object(below[0] + 1))
                ]
        return gone + [one for one in below if await _is_gone(channel, one)]


async def _is_gone(channel: discord.PartialMessageable, message_id: int) -> bool:
    try:
        await channel.get_partial_message(message_id).fetch()
    except discord.NotFound as error:
        if error.code != _UNKNOWN_MESSAGE:
            raise
        return True
    return False


async def setup(bot: MnemoBot) -> None:
    """Add the cog."""
    await bot.add_cog(CatchUpCog(bot, bot.services.conversations))
