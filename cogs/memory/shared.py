"""What the commands of `/memory` share: their base, and small ways to say and to show things."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, cast

import discord
from discord.ext import commands

from bot.errors import UserFacingError
from bot.memories import Memories
from bot.wording import plural

if TYPE_CHECKING:
    from bot.client import MnemoBot

NOTHING_HERE = "I remember nothing in this channel yet."


class MemoryCommands(commands.Cog):
    """The base of each group of commands."""

    def __init__(self, memories: Memories) -> None:
        self._memories = memories


def memories_of(interaction: discord.Interaction) -> Memories:
    """Return the service for an item that discord.py makes itself: nobody can hand it what it uses."""
    return cast("MnemoBot", interaction.client).services.memories


def channel_of(interaction: discord.Interaction) -> int:
    """Return the id of the channel where a command or button was used."""
    assert interaction.channel_id is not None, "commands are used in channels"
    return interaction.channel_id


def held(count: int) -> str:
    """Return in words what an epoch of *count* messages holds: without any, the summary that a thread was opened with."""
    return plural(count, "message") if count else "a summary"


def file_of(interaction: discord.Interaction, name: str, text: str, *, otherwise: str = "") -> discord.File:
    """Return *text* as a file to attach.

    Raises :class:`UserFacingError` if Discord takes none of this size here; *otherwise* is a sentence that says what to do then.
    """
    data = text.encode()
    if len(data) > interaction.filesize_limit:
        size, limit = len(data) / 2**20, interaction.filesize_limit / 2**20
        raise UserFacingError(f"{name} has {size:.1f} MB, and Discord takes {limit:.0f} MB here. {otherwise}".rstrip())
    return discord.File(io.BytesIO(data), filename=name)
