"""How a channel's memory is written to a file and read back: records to text and text to records. It opens nothing.

``jsonl`` is Mnemo's own: one object a line with all that is known of a message. ``langchain`` is the list that LangChain's
``messages_to_dict`` makes (``[{"type": "human", "data": {"content": ..., ...}}, ...]``); one such object a line, as the rows of
its ``SQLChatMessageHistory`` hold them, is read as well. ``markdown`` is for people and cannot be read back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from bot.asking import parted
from bot.prompt import AI_PREFIX, HUMAN_PREFIX, clean_name
from storage.records import Message, Role

Format = Literal["jsonl", "markdown", "langchain"]
ReadableFormat = Literal["auto", "jsonl", "langchain"]

#: Who said what has no author's id: nobody on Discord has this one.
NOBODY = 0

#: SQLite's largest integer, and the last second that a date can name (31 December 9999).
_MOST_ID = 2**63 - 1
_LAST_SECOND = 253_402_300_799

#: LangChain's types of messages that people and the model said. Others (system, tool, ...) are nobody's words here.
_ROLES: dict[str, Role] = {
    "human": "user",
    "HumanMessageChunk": "user",
    "ai": "assistant",
    "AIMessageChunk": "assistant",
}

#: Where Mnemo keeps what LangChain has no field for, in a message's ``additional_kwargs``.
_OURS = "mnemo"


class BadLine(ValueError):
    """A file cannot be read. Its text is one sentence that says where and why, and quotes nothing of the content."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file holds, in order, and how many of its messages were left out because they are no words of a conversation.

    Of *unquoted* questions the quote was left out: the file does not say whose words it is.
    """

    messages: tuple[Message, ...]
    skipped: int
    unquoted: int = 0


def write(messages: Sequence[Message], channel_id: int, form: Format) -> str:
    """Return the *messages* of a channel as the text of a file."""
    if form == "markdown":
        return _markdown(messages, channel_id)
    if form == "langchain":
        return json.dumps([_to_langchain(message, channel_id) for message in messages], ensure_ascii=False, indent=1)
    return "".join(f"{json.dumps(_fields(message, channel_id), ensure_ascii=False)}\n" for message in messages)


def read(text: str, form: ReadableFormat, *, channel_id: int, now: float) -> Parsed:
    """Return the messages of a file that are to be remembered in *channel_id*, *now* being the time of those that tell none.

    A message that stems from another channel loses its Discord id: no edit or deletion there is meant for the copy. A question
    loses its quote if it is not said whose words that is, and when they were said. Positions and token counts are those of the
    file, if it tells any, and are given anew by whoever stores it. Raises :class:`BadLine`.
    """
    is_list = text.lstrip().startswith("[")
    if form == "auto":
        form = "langchain" if is_list or _begins_with_langchain(text) else "jsonl"
    sources = _items(text) if is_list and form == "langchain" else _lines(text)
    found = [_parsed(where, source, form, now) for where, source in sources]
    kept = [fields for fields in found if fields is not None and fields.text]
    return Parsed(
        tuple(fields.message(position, channel_id) for position, fields in enumerate(kept, 1)),
        skipped=len(found) - len(kept),
        unquoted=sum(fields.quotes_unknown for fields in kept),
    )


def _begins_with_langchain(text: str) -> bool:
    try:
        first = json.loads(text.strip().partition("\n")[0])
    except (ValueError, RecursionError):
        return False
    return isinstance(first, dict) and "data" in first


def _lines(text: str) -> Iterator[tuple[str, str]]:
    # Not splitlines(): a message may hold U+2028, which JSON does not escape.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield f"line {number}", line


def _items(text: str) -> Iterator[tuple[str, object]]:
    try:
        items = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadLine(f"line {error.lineno}: it is not JSON ({error.msg}, column {error.colno})") from None
    except (ValueError, RecursionError) as error:
        raise BadLine(f"line 1: it is not JSON that can be read ({type(error).__name__})") from None
    for number, item in enumerate(items, 1):
        yield f"message {number} of the list", item


def _parsed(where: str, source: object, form: Format, now: float) -> _Fields | None:
    try:
        return _from_langchain(source, now) if form == "langchain" else _validated(_Fields, source)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise BadLine(f"{where}: {f'{field}: ' if field else ''}{first['msg']}") from None


def _validated(model: type[SomeModel], source: object) -> SomeModel:
    return model.model_validate_json(source) if isinstance(source, str) else model.model_validate(source)


class _Fields(BaseModel):
    """A line of ``jsonl``: the fields of :class:`storage.records.Message`, and the channel that it was said in."""

    channel_id: int | None = None
    position: int | None = Field(None, ge=-_MOST_ID, le=_MOST_ID)
    role: Role
    author_id: int = Field(NOBODY, ge=0, le=_MOST_ID)
    author_name: str
    content: str = Field(min_length=1)
    tokens: int = Field(0, ge=0, le=_MOST_ID)
    created_at: float = Field(ge=0, le=_LAST_SECOND, allow_inf_nan=False)
    turn_id: int | None = None
    discord_id: int | None = Field(None, ge=1, le=_MOST_ID)
    about_id: int | None = Field(None, ge=1, le=_MOST_ID)
    pinned_at: float | None = Field(None, ge=0, le=_LAST_SECOND, allow_inf_nan=False)
    about_author: int | None = Field(None, ge=0, le=_MOST_ID)
    about_at: float | None = Field(None, ge=0, le=_LAST_SECOND, allow_inf_nan=False)

    @property
    def quotes_unknown(self) -> bool:
        """Whether it is a question that does not say whom it quotes, as files once did not: nobody could decide about that."""
        about = (self.about_author, self.about_at)
        return None in about and (self.about_id, *about) != (None, None, None)

    @property
    def text(self) -> str:
        """What is to be remembered of the content."""
        return parted(self.content)[0] if self.quotes_unknown else self.content

    def message(self, number: int, channel_id: int) -> Message:
        """Return the record, as one of *channel_id*; *number* is its position if the file tells none."""
        at_home = self.channel_id in (None, channel_id)
        return Message(
            position=number if self.position is None else self.position,
            role=self.role,
            author_id=self.author_id,
            author_name=self.author_name,
            content=self.text,
            tokens=self.tokens,
            created_at=self.created_at,
            turn_id=self.turn_id,
            discord_id=self.discord_id if at_home else None,
            about_id=self.about_id if at_home else None,
            pinned_at=self.pinned_at,
            about_author=NOBODY if self.quotes_unknown else self.about_author,
            about_at=self.created_at if self.quotes_unknown else self.about_at,
        )


def _fields(message: Message, channel_id: int) -> dict[str, Any]:
    return {
        "channel_id": channel_id,
        "position": message.position,
        "role": message.role,
        "author_id": message.author_id,
        "author_name": message.author_name,
        "content": message.content,
        "tokens": message.tokens,
        "created_at": message.created_at,
        "turn_id": message.turn_id,
        "discord_id": message.discord_id,
        "about_id": message.about_id,
        "pinned_at": message.pinned_at,
        "about_author": message.about_author,
        "about_at": message.about_at,
    }


class _LangChainData(BaseModel):
    content: str | list[str | dict[str, Any]]
    name: str | None = None
    additional_kwargs: dict[str, Any] = Field(default_factory=dict)

    def text(self) -> str:
        """Return the text of the content, which may come in blocks of several types."""
        if isinstance(self.content, str):
            return self.content
        texts = [part if isinstance(part, str) else part.get("text") for part in self.content]
        return "\n".join(text for text in texts if isinstance(text, str))


class _LangChainMessage(BaseModel):
    type: str
    data: _LangChainData


SomeModel = TypeVar("SomeModel", bound=BaseModel)

_OBJECT = TypeAdapter(dict[str, Any])


def _from_langchain(source: object, now: float) -> _Fields | None:
    """Return a message of LangChain's; None for one that nobody said: of the system, of a tool, or without text."""
    found = _validated(_LangChainMessage, source)
    role = _ROLES.get(found.type)
    content = found.data.text()
    if role is None or not content:
        return None
    ours = _OBJECT.validate_python(found.data.additional_kwargs.get(_OURS) or {})
    name = found.data.name or (HUMAN_PREFIX if role == "user" else AI_PREFIX)
    given = {"author_name": name, "created_at": now} | ours
    return _Fields.model_validate(given | {"role": role, "content": content})


def _to_langchain(message: Message, channel_id: int) -> dict[str, Any]:
    """Return a message as LangChain's ``message_to_dict`` does: its type, and the fields of its class."""
    ours = _fields(message, channel_id)
    content, role = ours.pop("content"), ours.pop("role")
    kind = "human" if role == "user" else "ai"
    data: dict[str, Any] = {
        "content": content,
        "additional_kwargs": {_OURS: ours},
        "response_metadata": {},
        "type": kind,
        "name": message.author_name,
        "id": None if message.discord_id is None else str(message.discord_id),
    }
    if kind == "ai":
        data |= {"tool_calls": [], "invalid_tool_calls": [], "usage_metadata": None}
    return {"type": kind, "data": data}


def _markdown(messages: Sequence[Message], channel_id: int) -> str:
    """Return a transcript. What was said stands in quotations, so that no message can look like a heading of ours."""
    blocks = [f"# What Mnemo remembers of channel {channel_id}\n"]
    for message in messages:
        said = datetime.fromtimestamp(message.created_at, UTC)
        quoted = "\n".join(f"> {line}".rstrip() for line in message.content.splitlines())
        pinned = "" if message.pinned_at is None else ", pinned"
        blocks.append(
            f"**{clean_name(message.author_name)}** ({message.author_id}), {said:%Y-%m-%d %H:%M} UTC{pinned}\n\n{quoted}\n"
        )
    return "\n".join(blocks)
