"""`/memory reset` and `/memory restore`: starting afresh, and bringing back."""

from __future__ import annotations

import re
from typing import Any, Self

import discord
from discord import app_commands

from bot.answers import answer, answering, defer, only_if, place_of, require_resetter
from bot.memories import Memories
from bot.panels import Remade, panel
from bot.wording import plural
from cogs.memory.shared import NOTHING_HERE, MemoryCommands, channel_of, held, memories_of

KEPT = "Nothing was changed."
NOTHING_LEFT = "There was nothing left to forget."
OUTDATED = "This channel was reset or restored since you asked; use `/memory reset` again if you still want to."


class ResetCommands(MemoryCommands):
    """The two commands."""

    @app_commands.command(description="Start afresh in this channel; it can be undone for a while")
    @only_if(require_resetter)
    async def reset(self, interaction: discord.Interaction) -> None:
        """Ask before starting a new epoch."""
        await defer(interaction, ephemeral=True)
        report = await self._memories.report(place_of(interaction))
        if report is None or not (report.overview.messages or report.summary):
            await answer(interaction, NOTHING_HERE)
            return
        where = "here" if interaction.guild_id is None else "in this channel, for everybody here"
        what = plural(report.overview.messages, "message") if report.overview.messages else "summary"
        question = panel(f"## Start afresh?\nForget the {what} that I remember {where}?")
        buttons: list[discord.ui.Item[Any]] = [ResetButton(report.overview.epoch, self._memories), KeepButton()]
        await answer(interaction, view=question.add_item(discord.ui.ActionRow(*buttons)))

    @app_commands.command(description="Bring back what the last reset put away")
    @only_if(require_resetter)
    async def restore(self, interaction: discord.Interaction) -> None:
        """Swap the open epoch with the one closed last."""
        await defer(interaction, ephemeral=True)
        restored = await self._memories.restore(channel_of(interaction))
        told = (
            f"## Restored\nI remember again: {held(restored.messages)}. If anything was said since the reset, that is put "
            "away in turn, and `/memory restore` swaps the two once more."
        )
        await answer(interaction, view=panel(told))


class ResetButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.LayoutView]], template=r"mnemo:reset:(?P<epoch>\d+)"
):
    """Confirms the reset of one epoch. It works after a restart too: all it needs stands in its id."""

    def __init__(self, epoch: int, memories: Memories) -> None:
        super().__init__(
            discord.ui.Button(label="Start afresh", style=discord.ButtonStyle.danger, custom_id=f"mnemo:reset:{epoch}")
        )
        self._epoch = epoch
        self._memories = memories

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[discord.ui.LayoutView], match: re.Match[str]
    ) -> Self:
        """Make the button again from its id."""
        return cls(int(match["epoch"]), memories_of(interaction))

    async def callback(self, interaction: discord.Interaction) -> None:
        """Reset, if the caller still may and the epoch is still the one that was asked about."""
        async with answering(interaction):
            await defer(interaction)
            require_resetter(interaction)
            await answer(interaction, view=panel(await self._reset(interaction)))

    async def _reset(self, interaction: discord.Interaction) -> str:
        done = await self._memories.reset(channel_of(interaction), epoch=self._epoch, reset_id=interaction.id)
        if done is None:
            return OUTDATED
        if done.was_empty:
            return f"## Started afresh\n{NOTHING_LEFT}"
        what, are, them = held(done.messages).capitalize(), *(("are", "them") if done.messages > 1 else ("is", "it"))
        if done.restorable_until is None:
            return f"## Started afresh\n{what} {are} deleted for good."
        until = int(done.restorable_until)
        return (
            f"## Started afresh\n{what} {are} put away until <t:{until}:f> (<t:{until}:R>); "
            f"until then `/memory restore` brings {them} back."
        )


class KeepButton(Remade, discord.ui.DynamicItem[discord.ui.Button[discord.ui.LayoutView]], template=r"mnemo:keep"):
    """Takes the question back."""

    def __init__(self) -> None:
        super().__init__(
            discord.ui.Button(label="Keep it", style=discord.ButtonStyle.secondary, custom_id="mnemo:keep")
        )

    async def callback(self, interaction: discord.Interaction) -> None:
        """Say that nothing happened."""
        async with answering(interaction):
            await defer(interaction)
            await answer(interaction, view=panel(KEPT))
