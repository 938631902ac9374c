"""``python -m bot export`` and ``import``: a channel's memory to a file and back, while no bot runs on the database.

How files are written and read is in ``bot/formats.py``; this opens the store and the files.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from bot import formats, prompt
from bot.errors import FatalError
from bot.formats import BadLine, Format, Parsed, ReadableFormat
from bot.runtime import open_counter
from bot.settings import Settings
from bot.tokens import TokenCounter
from storage import database_path, open_store
from storage.records import About, Incoming, Message


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
    return f"Exported {_messages(len(messages))}."


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
        counter = await open_counter(settings)
        added = await store.bring_in(
            [(message.role, _incoming(message, channel_id, guild_id, counter)) for message in parsed.messages], now=now
        )
    told = [f"Imported {_messages(added)} into channel {channel_id}"]
    if known := len(parsed.messages) - added:
        told.append(f"{known:,} were known already, or deleted on Discord")
    if parsed.skipped:
        told.append(f"{parsed.skipped:,} were skipped: of the system or a tool, or without text")
    return "; ".join(told) + "."


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
    return Incoming(
        discord_id=message.discord_id or 0,  # the store takes 0 for none
        channel_id=channel_id,
        guild_id=guild_id,
        author_id=message.author_id,
        author_name=message.author_name,
        content=message.content,
        tokens=counter.count(prompt.block(message)) + prompt.MESSAGE_OVERHEAD,
        created_at=message.created_at,
        about=None if message.about_id is None else About(message.about_id, formats.NOBODY, message.created_at),
        is_pinned=message.pinned_at is not None,
    )


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count:,} messages"
