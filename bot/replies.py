"""One reply as it appears: its chunks are sent, edited while it is being written, made final, or taken back.

A chunk is recorded before it is sent and its Discord id after, so that after a crash the same messages are found again.
What the text is, and whether it counts, is decided elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from bot.asking import heading
from bot.chunks import LIMIT, cut, first_sentence_done
from bot.errors import FileRefused, MessageGone
from bot.fault_points import fault_point
from bot.layout import Laid, Layout
from bot.ports import Button, Speaker
from bot.seam import kept
from bot.shared_pace import SharedPace
from storage import Store
from storage.records import Chunk, Turn

log = logging.getLogger(__name__)

#: Discord allows five edits in five seconds a channel; the rest is for the chunks that are sent in between.
EDIT_INTERVAL_SECONDS = 1.2

#: A reply that comes at once is waited for this long after its first sentence, so that it costs one request and not two.
FIRST_CHUNK_PATIENCE_SECONDS = 0.15

_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


def base36(number: int) -> str:
    """Return *number* (0 or more) in base 36."""
    digits = ""
    while True:
        number, digit = divmod(number, 36)
        digits = _BASE36[digit] + digits
        if not number:
            return digits


def nonce(trigger_id: int, attempt: int, number: int) -> str:
    """Return the nonce of a chunk: the same for the same chunk, so that a resend finds what is already there.

    Discord takes 25 characters at most; an id has 13 in base 36.
    """
    return f"{base36(trigger_id)}:{base36(attempt)}:{base36(number)}"


@dataclass(slots=True)
class _Shown:
    """A chunk that stands on Discord; *text* is None if what stands there is not known."""

    message_id: int
    text: str | None
    buttons: tuple[Button, ...] = ()
    file: str | None = None


class ReplyWriter:
    """Shows one turn's reply through *speaker*, in *most* messages; a longer one goes on in a file.

    :meth:`show` may be called as often as text arrives: the newest wins, at Discord's pace. :meth:`finish` makes a text
    final; :meth:`halt` breaks it off between two chunks. *on_first* is called when the first message of it stands there.
    """

    def __init__(
        self, turn: Turn, speaker: Speaker, store: Store, most: int, pace: SharedPace, on_first: Callable[[], None]
    ) -> None:
        self._layout = Layout(most)
        self._pace = pace
        self._turn = turn
        self._speaker = speaker
        self._store = store
        self._on_first = on_first
        self._heading = heading(turn.triggers)
        self._shown: list[_Shown] = []
        self._newest = ""
        self._changed = asyncio.Event()
        self._sending = asyncio.Lock()
        self._halted = False
        self._has_grown = False
        self._pump: asyncio.Task[None] | None = None
        #: The text of the first chunk, if it was recorded before we were asked to send it.
        self._recorded: str | None = None
        self._noting: asyncio.Task[None] | None = None

    @property
    def newest(self) -> str:
        """The text that was last asked to be shown."""
        return self._newest

    @property
    def is_visible(self) -> bool:
        """Whether anything of the reply stands on Discord."""
        return bool(self._shown)

    def shows(self, message_id: int) -> bool:
        """Whether a message on Discord is a part of this reply."""
        return any(shown.message_id == message_id for shown in self._shown)

    async def find_shown(self) -> None:
        """Find what an earlier run of the program, or attempt, has sent of this reply, and take back what is no part of it."""
        found: list[int] = []
        for chunk in self._turn.chunks:
            message_id = chunk.discord_id or await self._look_for(chunk, found)
            if message_id is None:
                break
            found.append(message_id)
            if chunk.discord_id is None:
                await self._store.chunk_sent(self._turn, chunk.number, message_id)
                fault_point("chunk found")
        parts = [chunk for chunk in self._turn.chunks if chunk.attempt == self._turn.attempt]
        certain = dict(enumerate(self._certain()[: len(parts) - 1]))
        self._shown = [_Shown(each, certain.get(number)) for number, each in enumerate(found[: len(parts)])]
        if len(parts) < len(self._turn.chunks):
            await self._delete(found[len(parts) :], first=len(parts))

    def _certain(self) -> list[str]:
        """Return the first chunks of a reply that goes on: they are final, and stand there unless one is the last there."""
        return [] if self._turn.beginning is None else cut(self._heading + kept(self._turn.beginning))[:-1]

    async def _look_for(self, chunk: Chunk, before: list[int]) -> int | None:
        after = before[-1] if before else chunk.sent_after
        return await self._speaker.find(after=after, reply_to=None if chunk.number else chunk.reply_to, text=chunk.text)

    def show(self, text: str) -> None:
        """Let *text*, which is not finished, be shown when its first sentence is there and Discord's pace allows."""
        self._newest = text
        self._changed.set()
        if self._pump is None and first_sentence_done(text):
            self._pump = asyncio.create_task(self._keep_showing(), name=f"reply-{self._turn.id}")

    async def _keep_showing(self) -> None:
        await asyncio.sleep(FIRST_CHUNK_PATIENCE_SECONDS)
        while True:
            await self._pace.wait()
            self._has_grown = True
            self._changed.clear()
            async with self._sending:
                await self._present(self._layout.growing(self._heading + self._newest), (Button.STOP,))
                await self.noted()
            await asyncio.sleep(EDIT_INTERVAL_SECONDS)
            await self._changed.wait()

    def halt(self) -> None:
        """Send nothing more of what is being shown now."""
        self._halted = True

    async def settle(self) -> None:
        """Show nothing more on our own; a message that is being sent right now is waited for, so that it is known.

        Raises what went wrong while showing.
        """
        pump = self._pump
        if pump is None:
            return
        async with self._sending:
            pump.cancel()
        await asyncio.wait([pump])
        self._pump = None  # not before: whoever cancels this leaves it to `close`
        if not pump.cancelled() and (error := pump.exception()) is not None:
            raise error

    async def close(self) -> None:
        """Let nothing of the reply run on, however the work on it ended."""
        pump, self._pump = self._pump, None
        if pump is not None:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)
        noting, self._noting = self._noting, None
        # There is one if the turn did not end by finishing; if that cannot be written either, the message is looked for again.
        if noting is not None:
            await asyncio.gather(noting, return_exceptions=True)

    def first_chunk(self, text: str) -> str | None:
        """Return the first chunk of *text*, to be recorded together with the text; None if the reply has begun to be shown."""
        if self._shown or self._sending.locked():
            return None
        return next(iter(self._layout.final(self._heading + text).chunks), None)

    def recorded(self, first_chunk: str | None) -> None:
        """Take note that the *first_chunk* is on the disk, and need not be recorded again before it is sent."""
        self._recorded = first_chunk

    async def finish(self, text: str, buttons: tuple[Button, ...] = ()) -> None:
        """Show *text* as the whole reply, *buttons* under it: edit what differs, send what is missing, delete what is too much.

        The id of the last message may not be on the disk yet: :meth:`noted` waits for it.
        """
        self._newest, self._halted = text, False
        await self.settle()
        if self._has_grown:
            await self._pace.wait()
        laid = self._layout.final(self._heading + text)
        try:
            await self._present(laid, buttons)
        except FileRefused as refused:
            log.warning("%s The reply goes on in further messages.", refused, extra={"turn": self._turn.id})
            laid = Layout(None).final(self._heading + text)
            await self._present(laid, buttons)
        if not self._halted:
            await self._take_back(len(laid.chunks))

    async def stop(self, note: str) -> None:
        """End what stands there with *note*, once settled; what was not sent yet is not sent any more."""
        *before, last = cut(self._heading + self._newest)[: len(self._shown)] or [""]
        kept = cut(last, LIMIT - len(note) - 1)[:1]
        self._halted = False
        await self._present(Laid([*before, "\n".join([*kept, note])]))
        await self._take_back(len(before) + 1)

    async def withdraw(self) -> None:
        """Take back everything that was shown, once settled."""
        await self._take_back(0)

    async def _take_back(self, first: int) -> None:
        surplus = self._shown[first:]
        if not surplus and first >= len(self._turn.chunks):
            return
        # Marked before they are deleted: else Discord's word of our own deletion would count as somebody's.
        await self._store.retract_chunks(self._turn, first=first)
        fault_point("chunks retracted")
        del self._shown[first:]
        await self._delete([shown.message_id for shown in surplus], first=first)

    async def _delete(self, message_ids: list[int], *, first: int) -> None:
        for message_id in message_ids:
            await self._speaker.delete(message_id)
            fault_point("chunk deleted")
        await self._store.drop_chunks(self._turn, first=first)
        fault_point("chunks dropped")

    async def _present(self, laid: Laid, last_buttons: tuple[Button, ...] = ()) -> None:
        waits = False  # for the first request our caller did, and has the newest text since
        for number, text in enumerate(laid.chunks):
            if self._halted:
                return
            buttons, file = (last_buttons, laid.file) if number == len(laid.chunks) - 1 else ((), None)
            is_new = number == len(self._shown)
            if not is_new and self._shown[number] == _Shown(self._shown[number].message_id, text, buttons, file):
                continue
            if waits:
                await self._pace.wait()
                if self._halted:
                    return
            await (self._send if is_new else self._edit)(number, text, buttons, file)
            waits = self._has_grown

    async def _send(self, number: int, text: str, buttons: tuple[Button, ...], file: str | None) -> None:
        await self.noted()
        is_recorded = number == 0 and text == self._recorded
        if not is_recorded and not await self._store.record_chunk(self._turn, number, text):
            self.halt()  # memory knows of a deletion or a reset a moment before we are told
            return
        fault_point("chunk recorded")
        message_id = await self._speaker.send(
            text,
            nonce=nonce(self._trigger_id, self._turn.attempt, number),
            reply_to=self._turn.newest.shown_as if number == 0 else None,
            ping=self._ping,
            buttons=buttons,
            file=file,
        )
        fault_point("chunk sent")
        self._shown.append(_Shown(message_id, text, buttons, file))
        if number == 0:
            self._on_first()
        self._noting = asyncio.create_task(self._store.chunk_sent(self._turn, number, message_id))

    async def noted(self) -> None:
        """Wait until the Discord ids of the messages that were sent are on the disk."""
        noting, self._noting = self._noting, None
        if noting is not None:
            await noting
            fault_point("chunk known")

    async def _edit(self, number: int, text: str, buttons: tuple[Button, ...], file: str | None) -> None:
        message_id = self._shown[number].message_id
        self._shown[number] = _Shown(message_id, text, buttons, file)
        try:
            await self._speaker.edit(message_id, text, ping=self._ping, buttons=buttons, file=file)
            fault_point("chunk edited")
        except MessageGone:
            # Somebody deleted it. The event that says so decides what becomes of the turn; until then nothing is to be edited.
            log.info("a chunk that was to be edited is gone", extra={"turn": self._turn.id, "chunk": number})

    @property
    def _ping(self) -> int | None:
        # A reply to a question about a message refers to that one, whose author did not ask.
        if not self._turn.triggers or self._turn.newest.about_id is not None:
            return None
        return self._turn.newest.author_id

    @property
    def _trigger_id(self) -> int:
        trigger_id = self._turn.newest.discord_id
        assert trigger_id is not None, "a trigger is a message that somebody sent on Discord"
        return trigger_id
