"""Which channels have to be caught up: after a start, a lost session, an outage, or a database that could not save.

It keeps up to where everything that was said is taken care of, and lets live events wait for what was said before them. It knows
no Discord; what a look at one channel is, is in ``bot/history.py``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from bot.conversation import HOUR_SECONDS, Conversations
from bot.errors import ChannelClosed, ChannelDeleted, DeliveryError, SettingsError
from bot.governance import Governance
from bot.patience import keep_trying, pause_after
from storage import StorageError, Store
from storage.records import SOMEWHERE

T = TypeVar("T")

log = logging.getLogger(__name__)

#: So many channels are looked at at a time.
AT_A_TIME = 4

#: A message that comes live waits for what was said before it, but not longer, in seconds: then the order suffers, nothing else.
WAIT_SECONDS = 30.0

#: The place that stands for all that have no mark of their own.
EVERYWHERE = 0

#: Messages of different servers do not come in the order of their ids. What is older than the newest by this much, in seconds, is
#: taken to have come.
DISORDER_SECONDS = 60.0

_ANOTHER_BOTS = (
    "DATABASE_URL names the memory of another bot (user id {owner}), DISCORD_TOKEN is that of {user_id}; nothing was changed. "
    'Give this bot a DATABASE_URL of its own, or see "Another bot, the same memory" in docs/self-hosting.md.'
)

# https://discord.com/developers/docs/reference#snowflakes
_DISCORD_EPOCH_SECONDS = 1_420_070_400
_IDS_PER_SECOND = 1000 << 22
_NO_ID_YET = 1 << 64


@dataclass(frozen=True, slots=True)
class Survey:
    """A server's channels and open threads, at the moment when Discord told of it.

    *newest* has the id of the newest message (0: none) by channel, for those where we may read what was said; *hidden* are
    the others. *since* is a Discord id of the moment when we joined: what was said before is none of our business.
    """

    guild_id: int
    since: int
    newest: dict[int, int]
    hidden: frozenset[int]


class Look(Protocol):
    """Takes over what happened in a channel (``bot/history.py``)."""

    async def __call__(self, channel_id: int, guild_id: int | None, *, changed_since: int, said_since: int) -> None:
        """Raise what :meth:`bot.history.History.look` raises."""
        ...


@dataclass(slots=True)
class _Pending:
    """A channel, or a server that Discord has not told of yet. Up to the id *seen* (None: all) it is caught up."""

    seen: int | None
    guild_id: int | None = None
    is_server: bool = False
    is_over: asyncio.Event = field(default_factory=asyncio.Event)
    let_pass: asyncio.Event = field(default_factory=asyncio.Event)
    patience: asyncio.TimerHandle | None = None
    failures: int = 0
    is_looked_at: bool = False
    is_missing_more: bool = False

    def end(self) -> None:
        """Let everybody go on who waits."""
        self.is_over.set()
        self.let_pass.set()
        if self.patience is not None:
            self.patience.cancel()


class CatchUp:
    """What was said, edited and deleted while nobody listened. *hours* is how old a message may be that is still heard."""

    def __init__(self, store: Store, conversations: Conversations, governance: Governance, *, hours: float) -> None:
        self._store = store
        self._conversations = conversations
        self._governance = governance
        self._hours = hours
        self._look: Look | None = None
        #: The newest message of all, and what is certain to be taken care of, wherever nothing is pending.
        self._newest = self._floor = 0
        self._first_live = _NO_ID_YET
        #: Whether we never knew where we stood: then there is nothing to catch up with.
        self._is_first = True
        self._session = 0
        #: Where we stood when the session began, and from where on what was said then is heard.
        self._began_at: int | None = None
        self._oldest = 0
        #: What an earlier session left of channels whose server was not heard of yet.
        self._marks: dict[int, int] = {}
        self._saved: dict[int, int] = {}
        self._pending: dict[int, _Pending] = {}
        self._people: set[int] = set()
        #: Channels that were brought in, whose servers Discord did not tell of yet.
        self._somewhere: set[int] = set()
        self._queue: deque[int] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._timers: set[asyncio.TimerHandle] = set()
        self._is_closed = False

    async def attach(self, look: Look, user_id: int) -> None:
        """Start as the bot *user_id*, looking at channels with *look*.

        Raises :class:`storage.errors.StorageError`, and :class:`bot.errors.SettingsError` if the memory is another bot's: who is
        in other servers would forget those that are remembered.
        """
        owner = await self._store.belong_to(user_id)
        if owner != user_id:
            raise SettingsError((_ANOTHER_BOTS.format(owner=owner, user_id=user_id),))
        self._look = look
        self._somewhere = set(await self._store.known_channels(SOMEWHERE))
        self._saved = await self._store.seen()
        self._is_first = not self._saved
        self._marks = dict(self._saved)
        self._floor = self._newest = self._marks.pop(EVERYWHERE, 0)

    # Sessions

    async def begin(self, guild_ids: Iterable[int]) -> None:
        """Begin a session that Discord did not resume, in these servers; Discord tells of each later."""
        self._put_off()
        self._session += 1
        self._began_at = None if self._is_first else self._mark()
        self._oldest = snowflake(time.time() - self._hours * HOUR_SECONDS)
        for place, pending in self._pending.items():
            pending.end()
            if pending.seen is not None:
                self._marks[place] = pending.seen
        self._people.clear()
        self._pending = {
            guild_id: _Pending(self._marks.pop(guild_id, self._began_at), is_server=True) for guild_id in guild_ids
        }
        for channel_id in await _insist(lambda: self._store.known_channels(None)):
            self._meet(channel_id)

    async def arrived(self, survey: Survey) -> None:
        """Catch up a server that Discord tells of: what it has is there now."""
        session = self._session
        if found := self._somewhere & (survey.newest.keys() | survey.hidden):
            await _insist(lambda: self._store.locate(survey.guild_id, found))
        known = await _insist(lambda: self._store.known_channels(survey.guild_id))
        if session != self._session:
            return  # Discord tells of it once more
        guild = self._pending.pop(survey.guild_id, None) or _Pending(None)
        newest = max(survey.newest.values(), default=0)
        self._newest = max(self._newest, newest)
        if self._is_first:  # what stands there was said before we came, apart from what has just come live
            self._floor = max(self._floor, min(newest, self._first_live - 1))
        for channel_id in known:
            if channel_id not in survey.hidden:
                self._await(channel_id, survey.guild_id, self._seen(channel_id, guild, survey))
        for channel_id, newest in survey.newest.items():
            seen = self._seen(channel_id, guild, survey)
            if seen is not None and newest > max(seen, self._oldest):
                self._await(channel_id, survey.guild_id, seen, soon=True)
        for channel_id in (*survey.newest, *survey.hidden):
            self._marks.pop(channel_id, None)
        guild.end()
        if not any(pending.is_server for pending in self._pending.values()):
            await self._know()

    async def _know(self) -> None:
        """From now on we know where we stand. A first start says so at once: what is said after it is for us."""
        if self._is_first:
            self._is_first = False
            await _insist(self.save)

    def _seen(self, channel_id: int, guild: _Pending, survey: Survey) -> int | None:
        seen = self._marks.get(channel_id, guild.seen)
        return None if seen is None else max(seen, survey.since)

    def vanished(self, guild_id: int) -> None:
        """Note that a server cannot be reached for a while: what is said there meanwhile is fetched when it is back."""
        self._pending.setdefault(guild_id, _Pending(self._mark(), is_server=True))

    async def ready(self, guild_ids: Iterable[int]) -> None:
        """Forget the servers that are not among *guild_ids* any more: we were removed while we were away."""
        await self._know()
        if not any(pending.is_server for pending in self._pending.values()):
            self._marks.clear()
        for guild_id in set(await _insist(self._store.known_guilds)) - set(guild_ids):
            log.info("I was removed from a server while I was away: it is forgotten", extra={"guild": guild_id})
            await self.left(guild_id)

    async def left(self, guild_id: int) -> None:
        """Forget a server that we were removed from."""
        if pending := self._pending.pop(guild_id, None):
            pending.end()
        for channel_id in await _insist(lambda: self._store.known_channels(guild_id)):
            await self._conversations.forget_channel(channel_id)
            self._governance.forget(channel_id)
        await _insist(lambda: self._governance.forget_server(guild_id))

    # Live events

    def saw(self, message_id: int) -> None:
        """Note that a message came, whoever wrote it."""
        self._newest = max(self._newest, message_id)
        self._first_live = min(self._first_live, message_id)

    async def settled(self, channel_id: int, guild_id: int | None) -> None:
        """Wait until what was said earlier in a channel is in memory, :data:`WAIT_SECONDS` at most."""
        while (pending := self._hurry(channel_id, guild_id)) and not pending.let_pass.is_set():
            if pending.patience is None:  # one timer for all who wait: they go on in the order in which they came
                pending.patience = asyncio.get_running_loop().call_later(WAIT_SECONDS, pending.let_pass.set)
            await pending.let_pass.wait()

    async def server_settled(self, guild_id: int) -> None:
        """Wait until what was said earlier in the channels of a server is in memory, :data:`WAIT_SECONDS` at most for each."""
        await self.settled(guild_id, guild_id)
        waiting = [channel_id for channel_id, pending in self._pending.items() if pending.guild_id == guild_id]
        await asyncio.gather(*(self.settled(channel_id, guild_id) for channel_id in waiting))

    async def fetched(self, channel_id: int, guild_id: int | None) -> bool:
        """Wait until nothing in a channel has to be fetched, however long; False if that is so already."""
        if not self._hurry(channel_id, guild_id):
            return False
        while pending := self._hurry(channel_id, guild_id):
            await pending.is_over.wait()
        return True

    def missed(self, channel_id: int, guild_id: int | None, message_id: int) -> None:
        """Note that a message came and could not be saved: it is fetched when it can be."""
        pending = self._pending.setdefault(channel_id, _Pending(message_id - 1, guild_id))
        pending.seen = message_id - 1 if pending.seen is None else min(pending.seen, message_id - 1)
        pending.is_missing_more = True
        if not pending.is_looked_at:
            self._try_later(channel_id, pending)

    def _hurry(self, channel_id: int, guild_id: int | None) -> _Pending | None:
        """Return what an event in a channel has to wait for, having put it first."""
        if guild_id is None:
            self._meet(channel_id)
        elif guild_id in self._pending:
            return self._pending[guild_id]
        pending = self._pending.get(channel_id)
        if pending is not None and not pending.is_looked_at and not pending.failures:
            self._queue.appendleft(channel_id)
            self._work()
        return pending

    def _meet(self, channel_id: int) -> None:
        """Catch up direct messages, once in a session: of these Discord tells nothing by itself."""
        seen = self._marks.pop(channel_id, self._began_at)
        if channel_id not in self._people and seen is not None:
            self._people.add(channel_id)
            self._await(channel_id, None, seen, soon=True)

    # Looking

    def _await(self, channel_id: int, guild_id: int | None, seen: int | None, *, soon: bool = False) -> None:
        self._pending.setdefault(channel_id, _Pending(seen, guild_id))
        if soon:
            self._queue.appendleft(channel_id)
        else:
            self._queue.append(channel_id)
        self._work()

    def _work(self) -> None:
        if self._is_closed:  # Discord goes on telling of servers until the connection is closed, too
            return
        for _ in range(min(AT_A_TIME - len(self._workers), len(self._queue))):
            worker = asyncio.create_task(self._work_off(), name="catch-up")
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    async def _work_off(self) -> None:
        while self._queue:
            channel_id = self._queue.popleft()
            pending = self._pending.get(channel_id)
            if pending is not None and not pending.is_looked_at:
                await self._catch_up(channel_id, pending)

    async def _catch_up(self, channel_id: int, pending: _Pending) -> None:
        assert self._look is not None, "no session begins before there is a way to look"
        seen = self._newest if pending.seen is None else pending.seen
        pending.is_looked_at, pending.is_missing_more = True, False
        try:
            await self._look(channel_id, pending.guild_id, changed_since=seen, said_since=max(seen, self._oldest))
        except ChannelDeleted:
            await self._conversations.forget_channel(channel_id)
            self._governance.forget(channel_id)
        except ChannelClosed as error:
            log.debug("%s", error, extra={"channel": channel_id})
        except (DeliveryError, StorageError) as error:
            self._failed(channel_id, pending, error)
            return
        except Exception:  # an error of ours in one channel must not keep the others, or what is said there, waiting
            log.exception("a channel could not be caught up", extra={"channel": channel_id})
        finally:
            pending.is_looked_at = False
        if pending.is_missing_more:
            self._try_later(channel_id, pending)
        else:
            self._is_caught_up(channel_id, pending)

    def _is_caught_up(self, channel_id: int, pending: _Pending) -> None:
        if self._pending.get(channel_id) is pending:  # else a new session began, and it is looked at once more
            del self._pending[channel_id]
        pending.end()

    def _failed(self, channel_id: int, pending: _Pending, error: Exception) -> None:
        if not pending.failures:
            sentence = "what was said earlier could not be fetched: %s It is tried again until it can."
            log.warning(sentence, error, extra={"channel": channel_id})
        self._try_later(channel_id, pending)

    def _try_later(self, channel_id: int, pending: _Pending) -> None:
        def look() -> None:
            self._timers.discard(timer)
            self._queue.appendleft(channel_id)
            self._work()

        timer = asyncio.get_running_loop().call_later(pause_after(pending.failures), look)
        self._timers.add(timer)
        pending.failures += 1

    @property
    def outstanding(self) -> int:
        """How many channels, and servers that were not heard of yet, are still to be caught up."""
        return len(self._pending)

    # What is kept

    def _mark(self) -> int:
        """Return up to where everything is taken care of in the places where nothing is pending."""
        return max(self._floor, self._newest - int(DISORDER_SECONDS * _IDS_PER_SECOND))

    async def save(self) -> None:
        """Keep for the next start where we stand. Raises :class:`storage.errors.StorageError`."""
        if self._is_first:
            return
        pending = {place: one.seen for place, one in self._pending.items() if one.seen is not None}
        marks = self._marks | pending | {EVERYWHERE: self._mark()}
        if marks != self._saved:
            await self._store.save_seen(marks)
            self._saved = marks

    def _put_off(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._queue.clear()

    async def close(self) -> None:
        """Stop; the next start goes on from what is saved."""
        self._is_closed = True
        self._put_off()
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)


def snowflake(seconds: float) -> int:
    """Return the Discord id of a moment, in seconds since the Unix epoch."""
    return max(0, int((seconds - _DISCORD_EPOCH_SECONDS) * _IDS_PER_SECOND))


async def _insist(read: Callable[[], Awaitable[T]]) -> T:
    """Read, however long the database cannot: Discord tells only once that a session began."""
    return await keep_trying(read, "what was said while I was away")
