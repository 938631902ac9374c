"""`/help`: what is possible in this channel for the caller. Which commands there are, and for whom, the command tree says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.answers import I_AM_MUTE, YOU_ARE_MUTE, AnyCommand, answer, defer, may_use, may_write, place_of, unheard
from bot.governance import Governance
from bot.introduction import how_to_talk, what_is_remembered
from bot.memories import Memories
from bot.panels import PANEL_LENGTH, panel

if TYPE_CHECKING:
    from bot.client import MnemoBot

OWN_MEMORY = (
    "This channel has a memory of its own: no other sees it. What is edited or deleted on Discord changes or leaves it."
)
BUTTONS = "Under my newest reply: Stop while I write it, Retry after, and Continue if it was cut."
PRIVACY = "Whoever hosts me keeps what I remember, and the model that writes my replies reads a part of it."


class HelpCog(commands.Cog):
    """The command."""

    def __init__(self, bot: commands.Bot, memories: Memories, governance: Governance) -> None:
        self._bot = bot
        self._memories = memories
        self._governance = governance

    @app_commands.command(description="See what is possible here, for you")
    async def help(self, interaction: discord.Interaction) -> None:
        """Tell how to talk to the bot, what it remembers, and what the caller may do."""
        await defer(interaction, ephemeral=True)
        report = self._memories.policy(place_of(interaction))
        texts = [self._talking(interaction), self._remembering(interaction, report.policy)]
        room = PANEL_LENGTH - sum(map(len, texts)) - len(self._privacy())
        await answer(interaction, view=panel(*texts, await self._commands(interaction, room), self._privacy()))

    def _talking(self, interaction: discord.Interaction) -> str:
        assert self._bot.user is not None, "we are logged in"
        mode = self._governance.reply_mode(place_of(interaction))
        how = f"{how_to_talk(mode, self._bot.user.mention, in_private=interaction.guild_id is None)}\n-# {BUTTONS}"
        if refusal := unheard(interaction):
            how = refusal
        elif not may_write(interaction, interaction.app_permissions):
            how = I_AM_MUTE
        elif not may_write(interaction, interaction.permissions):
            how = YOU_ARE_MUTE
        return f"## What is possible here\n{how}"

    def _remembering(self, interaction: discord.Interaction, policy: str) -> str:
        what = what_is_remembered(
            self._governance.reply_mode(place_of(interaction)),
            in_private=interaction.guild_id is None,
            is_heard=unheard(interaction) is None,
        )
        return f"### What I remember\n{what} {OWN_MEMORY}\n-# The model sees, by this channel's policy: {policy}."

    async def _commands(self, interaction: discord.Interaction, room: int) -> str:
        offered = [one for one in self._others(interaction) if await may_use(interaction, one)]
        slash = [one for one in offered if isinstance(one, app_commands.Command)]
        menu = [one.name for one in offered if isinstance(one, app_commands.ContextMenu)]
        head = "### What you can do\n"
        foot = f"\nIn a message's menu, under **Apps**: {', '.join(menu)}" if menu else ""
        return head + _listed(slash, room - len(head) - len(foot)) + foot

    def _others(self, interaction: discord.Interaction) -> list[AnyCommand]:
        tree = self._bot.tree
        offered: list[AnyCommand] = [*tree.get_commands(type=discord.AppCommandType.message)]
        offered += [one for one in tree.walk_commands() if isinstance(one, app_commands.Command)]
        others = [one for one in offered if one is not interaction.command]
        return sorted(others, key=lambda one: one.qualified_name)

    def _privacy(self) -> str:
        where = "`/privacy policy` tells more." if self._bot.tree.get_command("privacy") else "Ask them for more."
        return f"-# {PRIVACY} {where}"


def _listed(offered: Sequence[app_commands.Command[Any, ..., Any]], room: int) -> str:
    """Return the commands with what they do; with their names alone if they do not fit in *room* characters."""
    names = [f"`/{one.qualified_name}`" for one in offered]
    text = "\n".join(f"{name} {one.description}" for name, one in zip(names, offered, strict=True))
    return text if len(text) <= room else " ".join(names)


async def setup(bot: MnemoBot) -> None:
    """Add the cog."""
    await bot.add_cog(HelpCog(bot, bot.services.memories, bot.services.governance))
