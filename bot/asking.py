"""Questions about a message: how what is asked about stands with the question, and how the reply names who asked. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot import prompt
from bot.links import escaped
from bot.wording import clipped
from storage.records import QUOTE, Attachment, Message

#: So much of a question stands above its answer.
SHOWN_QUESTION = 200


def quoted(question_id: int, author_id: int, author_name: str, content: str) -> Attachment:
    """Return another's message as it is attached to the question about it, uncounted."""
    name, block = prompt.clean_name(author_name), prompt.quote_block(author_id, author_name, content)
    return Attachment(question_id, QUOTE, name, "message", len(content.encode()), None, block, 0)


def parted(content: str) -> tuple[str, str]:
    """Return a question, which is one line, and what stands beneath it: what it quotes, files included."""
    question, _, quote = content.partition("\n")
    return question, quote


def heading(triggers: Sequence[Message]) -> str:
    """Return what stands above the reply to *triggers*: who asked what about a message, as no message of theirs says it."""
    asked = [one for one in triggers if one.about_id is not None]
    return "".join(f"-# <@{one.author_id}> asked: {escaped(_question(one))}\n" for one in asked)


def _question(message: Message) -> str:
    question, _ = parted(message.content)
    return clipped(question, SHOWN_QUESTION)
