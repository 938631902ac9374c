"""``python -m bot export`` and ``import``: a channel's memory to a file and back, while no bot runs on the database.

How files are written and read is in ``bot/formats.py``; this opens the store and the files.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from bot import formats, prompt
from bot.asking import parted
from bot.errors import FatalError
from bot.formats import BadLine, Format, Parsed, ReadableFormat
from bot.runtime import open_counter
from bot.settings import Settings
from bot.tokens import TokenCounter
from bot.wording import plural
from storage import database_path, open_store
from storage.records import QUOTE, SOMEWHERE, About, Attachment, Incoming, Message

#: What a host reads as long as nobody has said in which server the channel is.
FOUND_LATER = (
    "In which server this channel is, the bot finds out when it starts, or when somebody speaks there; "
    "--guild SERVER_ID would have said it."
)


async def take_out(settings: Settings, channel_id: int, form: Format, file: Path | None) -> str:
    """Write what is remembered in a channel to *file*, or to standard output, and return a sentence that says so.

    Raises :class:`bot.errors.FatalError` and :class:`storage.errors.StorageError`.
    """
    path = database_path(settings.database_url)
    if not path.exists():
        raise FatalError(f"There is no database at {path}: check DATABASE_URL.")
    async with open_store(settings.database_url) as store:
        messages = await store.export(channel_id)
    if not messages:
        raise FatalError(f"Nothing is remembered in channel {channel_id}.")
    _write(file, formats.write(messages, channel_id, form).encode())
    return f"Exported {plural(len(messages), 'message')}."


def _write(file: Path | None, data: bytes) -> None:
    if file is None:
        sys.stdout.buffer.write(data)
        return
    try:
        # What people said is for the host alone, as the database is.
        with open(file, "wb", opener=lambda path, flags: os.open(path, flags, mode=0o600)) as target:
            target.write(data)
    except OSError as error:
        raise FatalError(f"{file} cannot be written: {error.strerror}.") from error


async def bring_in(settings: Settings, channel_id: int, guild_id: int | None, file: Path, form: ReadableFormat) -> str:
    """Add what *file* holds to a channel's memory, all or nothing, and return a sentence that says what came of it.

    Raises :class:`bot.errors.FatalError` and :class:`storage.errors.StorageError`.
    """
    now = time.time()
    parsed = _read(file, form, channel_id, now)
    async with open_store(settings.database_url) as store:
        wanted = _wanted(parsed.messages, await store.opted_out())
        counter = await open_counter(settings)
        added = await store.bring_in(
            [(message.role, _incoming(message, channel_id, guild_id, counter)) for message in wanted], now=now
        )
        if guild_id is not None:  # also if nothing was new
            await store.locate(guild_id, [channel_id])
        is_somewhere = channel_id in await store.known_channels(SOMEWHERE)
    told = [f"Imported {plural(added, 'message')} into channel {channel_id}"]
    if known := len(wanted) - added:
        told.append(f"{known:,} were known already, or deleted on Discord")
    if unwanted := len(parsed.messages) - len(wanted):
        told.append(
            f"{unwanted:,} were left out: words of people who opted out, questions that quote them, or replies to these"
        )
    if parsed.skipped:
        told.append(f"{parsed.skipped:,} were skipped: of the system or a tool, or without text")
    if parsed.unquoted:
        told.append(f"{parsed.unquoted:,} lost a quote: the file does not say whose words it is")
    return "; ".join(told) + (f". {FOUND_LATER}" if is_somewhere else ".")


def _wanted(messages: Sequence[Message], opted_out: Collection[int]) -> list[Message]:
    """Return *messages* without words of those who opted out, questions that quote them, and replies of the turns of these."""

    def is_unwanted(message: Message) -> bool:
        return message.role == "user" and not {message.author_id, message.about_author}.isdisjoint(opted_out)

    turns = {message.turn_id for message in messages if is_unwanted(message)} - {None}
    kept = (message for message in messages if not is_unwanted(message))
    return [message for message in kept if message.role == "user" or message.turn_id not in turns]


def _read(file: Path, form: ReadableFormat, channel_id: int, now: float) -> Parsed:
    try:
        text = file.read_bytes().decode("utf-8-sig")
        parsed = formats.read(text, form, channel_id=channel_id, now=now)
    except OSError as error:
        raise FatalError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise FatalError(f"{file} is not UTF-8 text. Nothing was imported.") from None
    except BadLine as error:
        raise FatalError(f"{file}, {error}. Nothing was imported.") from None
    if not parsed.messages:
        raise FatalError(f"{file} holds no messages. Nothing was imported.")
    return parsed


def _incoming(message: Message, channel_id: int, guild_id: int | None, counter: TokenCounter) -> Incoming:
    quotes = _quotes(message, counter)
    if quotes:
        message = replace(message, content=parted(message.content)[0])
    return Incoming(
        discord_id=message.discord_id or 0,  # the store takes 0 for none
        channel_id=channel_id,
        guild_id=SOMEWHERE if guild_id is None else guild_id,
        author_id=message.author_id,
        author_name=message.author_name,
        content=message.content,
        tokens=counter.count(prompt.block(message)) + prompt.MESSAGE_OVERHEAD,
        created_at=message.created_at,
        attachments=quotes,
        about=_about(message),
        pinned_at=message.pinned_at,
        is_apart=message.pinned_at is not None and message.position < 0,
    )


def _about(message: Message) -> About | None:
    if message.about_author is None or message.about_at is None:
        return None
    return About(message.about_id or 0, message.about_author, message.about_at)


def _quotes(message: Message, counter: TokenCounter) -> tuple[Attachment, ...]:
    """Return what a question quotes as it is attached to it, so that it goes on following the message on Discord."""
    quote = parted(message.content)[1]
    if not message.about_id or not message.discord_id or not quote:
        return ()
    tokens = counter.count(prompt.indented(quote))
    return (Attachment(message.discord_id, QUOTE, "", "message", len(quote.encode()), None, quote, tokens),)
