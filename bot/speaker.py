"""A Discord channel as the place where replies appear: the one implementation of :class:`bot.ports.Speaker`.

What fails is asked for again (``bot/rest.py``). A message is sent with a nonce, so a second attempt finds the first one's message
instead of doubling it; an edit and a deletion may be made twice anyway.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeVar

import discord

from bot.closed import ClosedChannels
from bot.controls import view_of
from bot.errors import ChannelClosed, DeliveryError, FileRefused, MessageGone
from bot.layout import FILE_NAME
from bot.ports import Button
from bot.rest import FAILURES, REQUEST_SECONDS, UNAUTHORIZED, cancellable, insist, may_pass

T = TypeVar("T")

log = logging.getLogger(__name__)

#: Discord shows for ten seconds that somebody is typing; it is told again a little earlier.
TYPING_SECONDS = 8.0

#: A reply that comes sooner is not announced: nobody would see it, and it would count among the bot's 50 requests a second.
TYPING_PATIENCE_SECONDS = 0.2

#: How many messages after the trigger are looked through for one of ours whose id is not known: what is said in a busy channel
#: while a reply waits for its turn.
LOOK_THROUGH = 1000

# Error codes: https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
_UNKNOWN_MESSAGE = 10008
_THREAD_IS_ARCHIVED = 50083
_MAY_NOT_READ_HISTORY = 160002
_MISSING_PERMISSIONS = 50013
_TOO_LARGE = 413


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
        """Send a message, once, and return its id."""
        how: dict[str, Any] = {"nonce": nonce, "allowed_mentions": _pinging(ping), "suppress_embeds": True}
        if reply_to is not None:
            how["reference"] = discord.MessageReference(
                message_id=reply_to, channel_id=self._id, fail_if_not_exists=False
            )
        if buttons:
            how["view"] = view_of(tuple(buttons))
        message = await self._request(lambda: self._send(text, how, file), has_file=file is not None)
        self._closed.remove(self._id)
        # An earlier attempt's message may have come back: Discord knew the nonce.
        if message.content != text.strip() or bool(message.attachments) != (file is not None):
            await self.edit(message.id, text, ping=ping, buttons=buttons, file=file)
        return message.id

    async def _send(self, text: str, how: dict[str, Any], file: str | None) -> discord.Message:
        try:
            return await self._channel.send(text, **_attached(file), **how)
        except discord.HTTPException as error:
            if error.code != _MAY_NOT_READ_HISTORY:
                raise
        # Who may not read what was said before may not refer to it either, but may answer.
        del how["reference"]
        return await self._channel.send(text, **_attached(file), **how)

    async def edit(
        self, message_id: int, text: str, *, ping: int | None, buttons: Sequence[Button] = (), file: str | None = None
    ) -> None:
        """Replace text, buttons and file of one of our messages.

        It notifies nobody, but without *ping* the mention is taken back.
        """
        message = self._channel.get_partial_message(message_id)
        await self._request(
            lambda: message.edit(
                content=text,
                attachments=_attached(file).get("files", []),  # in place of what is attached
                view=view_of(tuple(buttons)),
                allowed_mentions=_pinging(ping),
            ),
            has_file=file is not None,
        )

    async def remove_buttons(self, message_id: int) -> None:
        """Take the buttons from one of our messages; one that is gone is no error."""
        message = self._channel.get_partial_message(message_id)
        with contextlib.suppress(MessageGone):
            await self._request(lambda: message.edit(view=None))

    async def delete(self, message_id: int) -> None:
        """Delete one of our messages; one that is gone already is no error."""
        message = self._channel.get_partial_message(message_id)
        with contextlib.suppress(MessageGone):
            await self._request(message.delete)

    async def react(self, message_id: int, emoji: str) -> bool:
        """React to a message; tried once, for it is a courtesy."""
        return await self._once(self._channel.get_partial_message(message_id).add_reaction(emoji))

    async def take_reaction_back(self, message_id: int, emoji: str) -> None:
        """Take a reaction of ours back, in one try."""
        assert self._client.user is not None, "who reacted is logged in"
        with contextlib.suppress(MessageGone):
            await self._once(self._channel.get_partial_message(message_id).remove_reaction(emoji, self._client.user))

    async def _once(self, request: Awaitable[object]) -> bool:
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                with cancellable(self._client):
                    await request
        except FAILURES as error:
            if isinstance(error, discord.HTTPException) and error.code == _UNKNOWN_MESSAGE:
                raise MessageGone(f"A message in channel {self._id} is gone.") from error
            log.debug("a reaction could not be changed: %s", type(error).__name__, extra={"channel": self._id})
            return False
        return True

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

    async def _request(self, request: Callable[[], Awaitable[T]], *, has_file: bool = False) -> T:
        self._closed.check(self._id)
        try:
            with _translated(self._id, has_file=has_file):
                return await insist(self._client, request)
        except ChannelClosed as closed:
            self._closed.add(self._id, str(closed))
            raise


def _pinging(user_id: int | None) -> discord.AllowedMentions:
    users = [] if user_id is None else [discord.Object(user_id)]
    return discord.AllowedMentions(everyone=False, roles=False, users=users, replied_user=user_id is not None)


def _attached(file: str | None) -> dict[str, Any]:
    """Return what is attached as discord.py takes it, which reads it to its end: for one request."""
    return {} if file is None else {"files": [discord.File(io.BytesIO(file.encode()), FILE_NAME)]}


@contextlib.contextmanager
def _translated(channel_id: int, *, has_file: bool = False) -> Iterator[None]:
    """Turn what Discord or the network says into a :class:`DeliveryError`; errors in what we sent pass through."""
    try:
        yield
    except FAILURES as error:
        if may_pass(error) or isinstance(error, discord.ClientException):  # which is raised while we stop
            raise DeliveryError(f"Discord could not be reached ({type(error).__name__}).") from error
        if has_file and isinstance(error, discord.HTTPException) and _is_about_files(error):
            raise FileRefused(f"Discord takes no file in channel {channel_id} ({error.text}).") from error
        if isinstance(error, discord.HTTPException) and (meaning := _meaning(error, channel_id)):
            raise meaning from error
        raise


def _is_about_files(error: discord.HTTPException) -> bool:
    """Whether a request with a file was refused for what might be its file."""
    return error.code == _MISSING_PERMISSIONS or error.status == _TOO_LARGE


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
