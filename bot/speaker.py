"""A Discord channel as the place where replies appear: the one implementation of :class:`bot.ports.Speaker`.

What fails is asked for again (``bot/rest.py``). A message is sent with a nonce, so a second attempt finds the first one's message
instead of doubling it; an edit and a deletion may be made twice anyway.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, TypeVar

import discord

from bot.closed import ClosedChannels
from bot.errors import ChannelClosed, DeliveryError, MessageGone
from bot.rest import FAILURES, UNAUTHORIZED, cancellable, insist, may_pass

T = TypeVar("T")

log = logging.getLogger(__name__)

#: Discord shows for ten seconds that somebody is typing; it is told again a little earlier.
TYPING_SECONDS = 8.0

#: A reply that comes sooner is not announced: nobody would see it, and it would count among the bot's 50 requests a second.
TYPING_PATIENCE_SECONDS = 0.1

#: How many messages after the trigger are looked through for one of ours whose id is not known: what is said in a busy channel
#: while a reply waits for its turn.
LOOK_THROUGH = 1000

# Error codes: https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
_UNKNOWN_MESSAGE = 10008
_THREAD_IS_ARCHIVED = 50083
_MAY_NOT_READ_HISTORY = 160002


class DiscordSpeaker:
    """The channel *channel_id*; nothing needs to be cached of it. *closed* is what all speakers know of closed channels."""

    def __init__(self, client: discord.Client, channel_id: int, closed: ClosedChannels) -> None:
        self._client = client
        self._id = channel_id
        self._closed = closed
        self._channel = client.get_partial_messageable(channel_id)

    @contextlib.asynccontextmanager
    async def typing(self) -> AsyncIterator[None]:
        """Show that we are typing, as long as the context is open, without waiting for Discord."""
        self._closed.check(self._id)
        showing = asyncio.create_task(self._keep_typing(), name=f"typing-{self._id}")
        try:
            yield
        finally:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)

    async def _keep_typing(self) -> None:
        await asyncio.sleep(TYPING_PATIENCE_SECONDS)
        while True:
            try:
                with cancellable(self._client):
                    await self._channel.typing()
            except FAILURES as error:
                log.debug("typing could not be shown: %s", type(error).__name__, extra={"channel": self._id})
                if not may_pass(error):
                    return
            await asyncio.sleep(TYPING_SECONDS)

    async def send(self, text: str, *, nonce: str, reply_to: int | None, ping: int | None) -> int:
        """Send a message, once, and return its id."""
        how: dict[str, Any] = {"nonce": nonce, "allowed_mentions": _pinging(ping), "suppress_embeds": True}
        if reply_to is not None:
            how["reference"] = discord.MessageReference(
                message_id=reply_to, channel_id=self._id, fail_if_not_exists=False
            )
        message = await self._request(lambda: self._send(text, how))
        self._closed.remove(self._id)
        if message.content != text.strip():  # an earlier attempt's message came back: Discord knew the nonce
            await self.edit(message.id, text, ping=ping)
        return message.id

    async def _send(self, text: str, how: dict[str, Any]) -> discord.Message:
        try:
            return await self._channel.send(text, **how)
        except discord.HTTPException as error:
            if error.code != _MAY_NOT_READ_HISTORY:
                raise
        # Who may not read what was said before may not refer to it either, but may answer.
        del how["reference"]
        return await self._channel.send(text, **how)

    async def edit(self, message_id: int, text: str, *, ping: int | None) -> None:
        """Replace the text of one of our messages. An edit notifies nobody, but without *ping* the mention is taken back."""
        message = self._channel.get_partial_message(message_id)
        await self._request(lambda: message.edit(content=text, allowed_mentions=_pinging(ping)))

    async def delete(self, message_id: int) -> None:
        """Delete one of our messages; one that is gone already is no error."""
        message = self._channel.get_partial_message(message_id)
        with contextlib.suppress(MessageGone):
            await self._request(message.delete)

    async def find(self, *, after: int, reply_to: int | None, text: str) -> int | None:
        """Look for a message of ours among those after *after*."""
        return await self._request(lambda: self._find(after, reply_to, text))

    async def _find(self, after: int, reply_to: int | None, text: str) -> int | None:
        own = self._client.user
        history = self._channel.history(after=discord.Object(after), limit=LOOK_THROUGH, oldest_first=True)
        ours = [message async for message in history if own is not None and message.author.id == own.id]
        # A word that the reply has to wait may stand before it, if that was too long ago for their nonce to make them one.
        referring = [one.id for one in ours if one.reference is not None and one.reference.message_id == reply_to]
        if reply_to is not None and referring:
            return referring[-1]
        # One without a reference is a later chunk, or answered what was deleted just before Discord took it.
        return next((one.id for one in ours if one.reference is None and one.content == text.strip()), None)

    async def _request(self, request: Callable[[], Awaitable[T]]) -> T:
        self._closed.check(self._id)
        try:
            with _translated(self._id):
                return await insist(self._client, request)
        except ChannelClosed as closed:
            self._closed.add(self._id, str(closed))
            raise


def _pinging(user_id: int | None) -> discord.AllowedMentions:
    users = [] if user_id is None else [discord.Object(user_id)]
    return discord.AllowedMentions(everyone=False, roles=False, users=users, replied_user=user_id is not None)


@contextlib.contextmanager
def _translated(channel_id: int) -> Iterator[None]:
    """Turn what Discord or the network says into a :class:`DeliveryError`; errors in what we sent pass through."""
    try:
        yield
    except FAILURES as error:
        if may_pass(error):
            raise DeliveryError(f"Discord could not be reached ({type(error).__name__}).") from error
        if isinstance(error, discord.HTTPException) and (meaning := _meaning(error, channel_id)):
            raise meaning from error
        raise


def _meaning(error: discord.HTTPException, channel_id: int) -> DeliveryError | None:
    """Return what Discord's refusal means; None if it is an error in what we sent."""
    if error.status == UNAUTHORIZED:
        return DeliveryError("Discord refuses the token.")
    if error.code == _THREAD_IS_ARCHIVED:
        return ChannelClosed(f"Thread {channel_id} is archived: replies there are dropped until it is not.")
    if error.code == _UNKNOWN_MESSAGE:
        return MessageGone(f"A message in channel {channel_id} is gone.")
    if isinstance(error, discord.NotFound):
        return ChannelClosed(f"Channel {channel_id} is gone: replies there are dropped.")
    if isinstance(error, discord.Forbidden):
        return ChannelClosed(
            f"I may not speak in channel {channel_id} ({error.text}): replies there are dropped until that changes."
        )
    return None
