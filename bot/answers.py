"""Answers to slash commands and buttons that only the caller sees, the ones about errors included."""

from __future__ import annotations

import logging

import discord
from discord import app_commands

from bot.errors import NotPermitted, UserFacingError
from storage.errors import StorageError

log = logging.getLogger(__name__)

NEUTRAL = "Something went wrong on my side; the host's log says what. Please try again."
NO_MEMORY = "I cannot use my memory right now; the host's log says why. Please try again later."


async def whisper(interaction: discord.Interaction, text: str) -> None:
    """Say *text* to the caller alone, whether or not the interaction was answered before."""
    if interaction.response.is_done():
        await interaction.followup.send(text, ephemeral=True)
    else:
        await interaction.response.send_message(text, ephemeral=True)


async def answer_error(interaction: discord.Interaction, error: Exception) -> None:
    """Tell the caller what went wrong in one sentence, and the host the rest."""
    cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
    if isinstance(cause, UserFacingError):
        await whisper(interaction, str(cause))
    elif isinstance(cause, app_commands.CommandNotFound):
        await whisper(interaction, "This command is not mine any more; restart Discord to see the current ones.")
    elif isinstance(cause, StorageError):
        log.error("%s", cause)
        await whisper(interaction, NO_MEMORY)
    else:
        log.error("an interaction failed", exc_info=cause)
        await whisper(interaction, NEUTRAL)


def is_manager(interaction: discord.Interaction) -> bool:
    """Whether the caller manages the channel or the server; in a direct message anyone does.

    Discord's own command permissions are only a hint that a server's admin can override, so this is asked each time.
    """
    allowed = interaction.permissions
    return interaction.guild_id is None or allowed.manage_channels or allowed.manage_guild


def require_manager(interaction: discord.Interaction) -> None:
    """Raise :class:`NotPermitted` unless :func:`is_manager`."""
    if not is_manager(interaction):
        raise NotPermitted("You need the permission Manage Channels or Manage Server for this.")


def reads_history(interaction: discord.Interaction) -> bool:
    """Whether the caller could read here, on Discord, what was said before."""
    return interaction.guild_id is None or interaction.permissions.read_message_history
