"""What a conversation needs from the outside, as protocols: a model that writes, and a place where the reply appears.

It holds no behaviour. ``bot/model.py`` and ``bot/speaker.py`` implement it; tests may, too.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from bot.prompt import Prompt

#: The finish reason of a reply whose stream broke off after its first word. Providers' own: "stop", "length", ...
INTERRUPTED = "interrupted"

#: The finish reason of a reply that somebody stopped.
STOPPED = "stopped"

#: After these a reply can go on. "length" is a provider's word for its own limit.
CUT_SHORT = frozenset({"length", INTERRUPTED, STOPPED})


class Button(StrEnum):
    """What can be done about a reply by a button under it."""

    STOP = "stop"
    CONTINUE = "continue"
    RETRY = "retry"


def buttons_after(finish_reason: str | None) -> tuple[Button, ...]:
    """Return what stands under a reply that has ended."""
    return (Button.CONTINUE, Button.RETRY) if finish_reason in CUT_SHORT else (Button.RETRY,)


@dataclass(frozen=True, slots=True)
class Usage:
    """What the provider counted for one call, in tokens; None where it did not say."""

    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of what a model says to itself before it answers: billed, and neither shown nor remembered.

    *takes_back*: what was said before it as an answer turned out to be such a piece, too.
    """

    text: str = field(repr=False)
    takes_back: bool = False


@dataclass(frozen=True, slots=True)
class ReplyEnd:
    """The last item of a reply's stream. Only "stop" (or None from a server that never says) means that it is whole.

    *model* is what the provider calls itself, *is_fallback* says that another one than was asked for stood in; *saw_images* is
    False if the prompt had images and they were left out, because the model does not take them.
    """

    finish_reason: str | None
    usage: Usage
    model: str
    is_fallback: bool = False
    saw_images: bool = True


@dataclass(frozen=True, slots=True)
class ModelState:
    """Whether a model is asked now, or left alone for *pause* more seconds (infinite: a call is on its way that decides).

    *failure* is the last one since it worked, for the host.
    """

    title: str
    pause: float
    failure: str | None

    @property
    def is_usable(self) -> bool:
        """Whether calls go through."""
        return self.pause == 0


class ChatModel(Protocol):
    """Writes replies."""

    def stream(self, prompt: Prompt, *, model: str, deadline: float) -> AsyncGenerator[str | Thought | ReplyEnd, None]:
        """Yield the reply's text in pieces, as they are written, and a :class:`ReplyEnd` last. A model may think first.

        It is over at *deadline* (in the event loop's time), retries included. Raises a :class:`bot.errors.ModelError` if not
        a word came, or none that was not taken back. Otherwise it raises none: a stream that breaks later ends with
        ``ReplyEnd(finish_reason=INTERRUPTED)``. Whoever stops before the end closes it.
        """
        ...

    async def ready(self, *, model: str) -> None:
        """Return when it makes sense to ask again, after a :class:`bot.errors.ModelDown`; at once if there was none."""
        ...

    async def list_models(self) -> list[str]:
        """Return the names of the models of the main endpoint. Raises :class:`bot.errors.ModelError`."""
        ...

    def states(self, models: Sequence[str]) -> list[ModelState]:
        """Tell how *models* stand, and who stands in for them."""
        ...


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file's bytes, or the beginning of them."""

    data: bytes = field(repr=False)
    is_whole: bool


#: Fetches an attached file from its address. Raises :class:`bot.errors.FileProblem`.
Fetch = Callable[[str], Awaitable[Fetched]]


class Speaker(Protocol):
    """One channel, as the place where replies appear.

    Every method raises :class:`bot.errors.ChannelClosed` when Discord says 403 or 404 for the channel,
    :class:`bot.errors.MessageGone` when the message is not there, :class:`bot.errors.FileRefused` when it takes no *file* (the
    text of a Markdown file that goes on where the message ends), and :class:`bot.errors.DeliveryError` when Discord
    cannot be reached after retries.
    """

    def typing(self) -> AbstractAsyncContextManager[None]:
        """Show that we are typing, as long as the context is open. Failing to show it raises nothing.

        Entering it raises :class:`bot.errors.ChannelClosed` if the channel is known to be closed: no reply need be written then.
        """
        ...

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
        """Send *text* (2,000 characters at most), *file* attached to it, and return the Discord id of the message.

        The same *nonce* within some minutes returns the message that is already there. *reply_to* is the Discord id of
        the message that this one refers to, *ping* the one user who may be notified.
        """
        ...

    async def edit(
        self, message_id: int, text: str, *, ping: int | None, buttons: Sequence[Button] = (), file: str | None = None
    ) -> None:
        """Replace text, buttons and file of one of our messages. Without *ping*, whom it pinged, the mention is taken back."""
        ...

    async def remove_buttons(self, message_id: int) -> None:
        """Take the buttons from one of our messages; one that is gone is no error."""
        ...

    async def react(self, message_id: int, emoji: str) -> bool:
        """React to a message. False if that cannot be shown; only :class:`bot.errors.MessageGone` is raised."""
        ...

    async def take_reaction_back(self, message_id: int, emoji: str) -> None:
        """Take a reaction of ours back. Failing at it raises nothing."""
        ...

    async def delete(self, message_id: int) -> None:
        """Delete one of our messages; one that is gone already is no error."""
        ...

    async def find(self, *, after: int, reply_to: int | None, text: str) -> int | None:
        """Look for a message of ours after the Discord id *after*: the last that refers to *reply_to*, else the first that refers
        to nothing and has this *text*.
        """
        ...
