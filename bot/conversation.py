"""All conversations: what is said is remembered, what is addressed to the bot is answered, one worker per busy channel.

It decides which turn is worked on when. It knows no Discord; ``cogs/`` translate.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Collection
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import TypeVar

from bot import prompt
from bot.brain import Brain, Myself
from bot.compactor import Compactor
from bot.errors import ChannelClosed, DeliveryError
from bot.fault_points import fault_point
from bot.lately import Lately
from bot.patience import end, keep_trying, pause_after
from bot.ports import Speaker
from bot.retention import expiry
from bot.said import Said as Said
from bot.signs import Signs
from bot.turn import Exchange
from storage import StorageError, Store
from storage.records import Attachment, Extent, Incoming, Interrupted, Remembered, Status, Turn

T = TypeVar("T")

log = logging.getLogger(__name__)

HOUR_SECONDS = 3_600.0

#: How long a deleted message whose creation was not heard of yet is kept in mind, in seconds.
VANISHED_SECONDS = HOUR_SECONDS

#: How long an edit of a message whose creation was not heard of yet is kept in mind, in seconds.
EARLY_EDIT_SECONDS = 60.0

#: A turn belongs to its worker for this much longer than the model may take, in seconds.
LEASE_MARGIN_SECONDS = 60.0

#: Between so many messages that a person has forgotten, others write.
FORGOTTEN_IN_A_STEP = 100

#: For so many turns with something that was said before the start the model is asked at once: a start is no storm on it.
RESUMED_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class _Edit:
    """What a message says and has *attached* since it was edited."""

    content: str = field(repr=False)
    attached: Collection[int]


class Conversations:
    """The memory and the replies of all channels.

    *reply_seconds* is how long the model may take for a reply, *answer_hours* how old a message that an earlier run left may be
    to be answered, *retention_days* how old one may be at all (None: any age).
    """

    def __init__(
        self,
        brain: Brain,
        compactor: Compactor,
        *,
        reply_seconds: float,
        answer_hours: float,
        retention_days: int | None,
    ) -> None:
        self._brain = brain
        self._store: Store = brain.store
        self._compactor = compactor
        self._lease = reply_seconds + LEASE_MARGIN_SECONDS
        # Counted from the start: what was said to this process is answered, also by who answers nothing old (0 hours).
        self._started_at = time.time()
        self._answer_after = self._started_at - answer_hours * HOUR_SECONDS
        self._retention_days = retention_days
        self._owner = uuid.uuid4().hex
        self._vanished = Lately[bool](VANISHED_SECONDS)
        self._edited_early = Lately[_Edit](EARLY_EDIT_SECONDS)
        self._workers: dict[int, asyncio.Task[None]] = {}
        self._woken: set[int] = set()
        self._running: dict[int, Exchange] = {}
        self._changing = asyncio.Lock()
        self._resuming = asyncio.Semaphore(RESUMED_AT_ONCE)
        self._signs = Signs(self._is_being_answered)
        #: Where an earlier run left turns, and perhaps signs on what they answer.
        self._left: set[int] = set()
        self._speaker_for: Callable[[int], Speaker] | None = None
        self._me: Myself | None = None

    def attach(self, speaker_for: Callable[[int], Speaker], me: Myself) -> None:
        """Start answering: as *me*, through the channels that *speaker_for* opens."""
        self._speaker_for = speaker_for
        self._me = me
        self._signs.attach(speaker_for)

    async def resume(self) -> None:
        """Take up the turns that an earlier run left unfinished."""
        for channel_id in await self._store.unfinished_channels():
            self._left.add(channel_id)
            self._wake(channel_id)

    async def close(self, grace: float) -> None:
        """Take no more turns; let those that run finish within *grace* seconds, and leave the rest for the next start."""
        self._speaker_for = None
        await self._signs.close()
        workers = list(self._workers.values())
        for channel_id, exchange in self._running.items():
            if exchange.is_waiting:  # for a model that is down: the next start goes on waiting
                self._workers[channel_id].cancel()
        if workers:
            await asyncio.wait(workers, timeout=grace)
        await end(workers)

    async def hear(self, said: Said, *, addressed: bool) -> bool:
        """Remember what was said and, if it is *addressed* to the bot, answer it in its turn.

        It is on the disk when this returns. Returns False for a message that is known, deleted or too old to be kept. Raises
        :class:`storage.errors.StorageError`.
        """
        incoming = self._incoming(said)
        if incoming is None:
            return False
        is_idle = said.channel_id not in self._workers
        fault_point("heard")
        accepting = asyncio.create_task(self._store.accept(incoming, addressed=addressed, now=time.time()))
        if addressed and is_idle:
            # Its worker asks for the turn right behind this, so that one transaction stores the message and begins the turn.
            self._wake(said.channel_id)
        accepted = await accepting
        if accepted:
            fault_point("accepted")
            if (
                addressed and said.about is None and said.created_at >= self._started_at
            ):  # else there is no message of theirs
                self._signs.wait(said.channel_id, said.message_id)
            await self._follow(said)
        if accepted and addressed and not is_idle:
            self._wake(said.channel_id)
        elif accepted and not addressed:
            self._compactor.consider(said.channel_id)
        return accepted

    async def keep(self, said: Said) -> bool:
        """Remember what was said for its pin alone, as no part of the conversation. False as :meth:`hear`."""
        incoming = self._incoming(said)
        kept = incoming is not None and await self._store.keep(incoming, now=time.time())
        if kept:
            fault_point("accepted")
            await self._follow(said)
        return kept

    def _incoming(self, said: Said) -> Incoming | None:
        """Return what was said as it is to be stored; None if it was deleted, or is too old."""
        if self._vanished.among(said.ids) or said.said_at < expiry(time.time(), self._retention_days):
            return None
        name = prompt.whole(said.author_name)
        edit = self._edited_early.take(said.message_id)
        if edit is None:
            edit = _Edit(prompt.whole(said.content), [one.id for one in said.attachments])
        content = edit.content
        return Incoming(
            discord_id=said.message_id,
            channel_id=said.channel_id,
            guild_id=said.guild_id,
            author_id=said.author_id,
            author_name=name,
            content=content,
            tokens=self._tokens(said.author_id, name, content),
            created_at=said.created_at,
            parent_id=said.parent_id,
            attachments=tuple(self._counted(one) for one in said.attachments if one.id in edit.attached),
            about=said.about,
        )

    async def _follow(self, said: Said) -> None:
        """Let memory follow an edit or a deletion that came while the message was being stored, and found nothing there."""
        if gone := self._vanished.among(said.ids):
            await self.forget(said.channel_id, gone)
        elif edit := self._edited_early.get(said.message_id):
            await self.correct(
                said.channel_id, said.message_id, said.author_id, said.author_name, edit.content, edit.attached
            )

    async def correct(
        self,
        channel_id: int,
        message_id: int,
        author_id: int,
        author_name: str,
        content: str,
        attached: Collection[int] = (),
    ) -> bool:
        """Let memory say what a message says after its author edited it, and forget its files but those with the ids *attached*.

        True if that changed something.
        """
        content = prompt.whole(content)
        early = _Edit(content, attached)
        self._edited_early.keep(message_id, early)
        author_name = prompt.whole(author_name)
        tokens = self._tokens(author_id, author_name, content)
        quote = prompt.quote_block(author_id, author_name, content)
        quoted = (quote, self._brain.viewer.count(prompt.indented(quote)))
        changed = await self._insist(
            lambda: self._store.edit(
                message_id, content, tokens=tokens, attached=attached, quote=quoted, now=time.time()
            )
        )
        fault_point("corrected")
        if changed:
            self._compactor.consider(channel_id)
            if self._edited_early.get(message_id) is early:
                self._edited_early.take(message_id)
        return changed

    async def forget(self, channel_id: int, message_ids: Collection[int]) -> None:
        """Take messages that were deleted out of memory, with the replies that stand on them."""
        for message_id in message_ids:
            self._vanished.keep(message_id, True)
        forgotten = await self._insist(lambda: self._store.forget(message_ids, now=time.time()))
        fault_point("forgotten")
        self._withdraw(forgotten)
        self._compactor.consider(channel_id)

    async def forget_this(self, channel_id: int, message_id: int) -> Remembered | None:
        """Forget one message that stays on Discord, as :meth:`forget` does, and return what it was in memory.

        One that is not remembered is not taken in later either; a reply that is still being written is left alone. Raises
        :class:`storage.errors.StorageError`.
        """
        found = await self._store.remembered_as(message_id)
        if found != "unfinished reply":
            await self.forget(channel_id, [message_id])
        return found

    async def forget_person(self, user_id: int, place: Extent) -> int:
        """Take what a person said in *place* out of memory, as :meth:`forget` does; returns how many messages.

        Raises :class:`storage.errors.StorageError`: what is done by then stays so, and it can be called again.
        """
        total = 0
        while True:
            gone = await self._store.forget_author(user_id, place, most=FORGOTTEN_IN_A_STEP, now=time.time())
            fault_point("forgotten")
            self._withdraw(gone.interrupted)
            for channel_id in gone.channels:
                self._compactor.consider(channel_id)
            total += gone.messages
            if gone.messages < FORGOTTEN_IN_A_STEP:
                return total

    def _withdraw(self, turns: Collection[Interrupted]) -> None:
        """Let whoever works on *turns*, which lost something, begin them anew or clean up."""
        for interrupted in turns:
            exchange = self._running.get(interrupted.channel_id)
            if exchange is not None and exchange.turn.id == interrupted.turn_id:
                exchange.interrupt("withdrawn")
            elif interrupted.was_running:
                self._wake(interrupted.channel_id)

    async def forget_channel(self, channel_id: int) -> None:
        """Take a channel that was deleted out of memory, with all that was ever said there."""
        await self._insist(lambda: self._store.forget_channel(channel_id))
        self.interrupt(channel_id)

    async def newest_ids(self, channel_id: int, limit: int) -> list[int]:
        """Return the ids of the *limit* newest messages that are remembered of a channel, newest first."""
        return await self._store.newest_ids(channel_id, limit=limit)

    @property
    def running(self) -> int:
        """How many turns are being worked on, those that wait for a model that is down apart."""
        return sum(not exchange.is_waiting for exchange in self._running.values())

    def exchange_in(self, channel_id: int) -> Exchange | None:
        """Return the work on the turn that is being answered in a channel right now."""
        return self._running.get(channel_id)

    def take_up(self, channel_id: int) -> None:
        """Work on what was left in the middle in a channel."""
        self._wake(channel_id)

    def interrupt(self, channel_id: int) -> None:
        """Stop the reply that is being written in a channel whose epoch was closed."""
        if exchange := self._running.get(channel_id):
            exchange.interrupt("reset")

    def _is_being_answered(self, channel_id: int, message_id: int) -> bool:
        exchange = self._running.get(channel_id)
        return exchange is not None and exchange.is_answering(message_id)

    async def _insist(self, change: Callable[[], Awaitable[T]]) -> T:
        """Make a change, one after the other, however long the database cannot: Discord tells of it only once."""
        async with self._changing:
            return await keep_trying(change, "an edit or a deletion")

    def _counted(self, attachment: Attachment) -> Attachment:
        return replace(attachment, tokens=self._brain.viewer.count(prompt.indented(attachment.block)))

    def _tokens(self, author_id: int, author_name: str, content: str) -> int:
        return self._brain.viewer.message_tokens(prompt.person_block(author_id, author_name, content))

    def _wake(self, channel_id: int) -> None:
        if self._speaker_for is None:
            return
        self._woken.add(channel_id)
        if channel_id not in self._workers:
            worker = asyncio.create_task(self._work(channel_id), name=f"channel-{channel_id}")
            self._workers[channel_id] = worker

    async def _work(self, channel_id: int) -> None:
        failures = 0
        try:
            while channel_id in self._woken:
                self._woken.discard(channel_id)
                await asyncio.sleep(0)  # who speaks in the same moment is stored before this asks for the turn
                try:
                    while await self._next_turn(channel_id):
                        failures = 0
                except (StorageError, DeliveryError) as error:
                    pause = pause_after(failures)
                    failures += 1
                    log.error("%s Trying again in %.0f s.", error, pause, extra={"channel": channel_id})
                    await asyncio.sleep(pause)
                    self._woken.add(channel_id)
        finally:
            del self._workers[channel_id]
            self._signs.answered(channel_id)
            self._left.discard(channel_id)

    async def _next_turn(self, channel_id: int) -> bool:
        """Work on the channel's next turn; False if there is none, or if we are about to stop."""
        speaker_for, me = self._speaker_for, self._me  # both are gone as soon as we stop
        if speaker_for is None or me is None:
            return False
        turn = await self._store.begin(
            channel_id,
            owner=self._owner,
            lease=self._lease,
            budget=self._brain.viewer.trigger_budget,
            now=time.time(),
        )
        if turn is None:
            return False
        fault_point("begun")
        is_old = any(trigger.created_at < self._started_at for trigger in turn.triggers)
        gate = self._resuming if is_old else nullcontext()
        exchange = Exchange(turn, self._brain, speaker_for(channel_id), me, gate, self._signs)
        self._running[channel_id] = exchange
        try:
            await self._run(exchange)
        finally:
            del self._running[channel_id]
            if is_old and channel_id in self._left:
                self._signs.take_back(channel_id, [trigger.discord_id or 0 for trigger in turn.triggers])
        self._compactor.consider(channel_id)
        return True

    async def _run(self, exchange: Exchange) -> None:
        turn = exchange.turn
        try:
            await exchange.run(answer_after=self._answer_after)
        except ChannelClosed:  # the host is told once, by who found out
            await self._store.close_turn(turn, Status.CANCELLED)
        except (StorageError, DeliveryError):
            raise
        except Exception:  # an error of ours in one turn must not silence the channel; host and user are told
            log.exception("a turn failed", extra={"turn": turn.id, "channel": turn.channel_id})
            await self._give_up(exchange, turn)

    async def _give_up(self, exchange: Exchange, turn: Turn) -> None:
        try:
            await exchange.fail()
        except ChannelClosed:
            await self._store.close_turn(turn, Status.CANCELLED)
        except (StorageError, DeliveryError):
            raise
        except Exception:  # the channel must get rid of a turn that cannot even be ended with a sentence
            log.exception("the user could not be told of it", extra={"turn": turn.id, "channel": turn.channel_id})
            await self._store.close_turn(turn, Status.FAILED)
