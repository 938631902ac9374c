"""`/memory`: what is remembered in this channel, starting afresh, and bringing back. Answers are for the caller alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Self, cast

import discord
from discord import app_commands
from discord.ext import commands

from bot.answers import answer_error, require_manager
from bot.conversation import Conversations, MemoryReport

if TYPE_CHECKING:
    from bot.client import MnemoBot

NOTHING_HERE = "I remember nothing in this channel yet."
KEPT = "Nothing was changed."
OUTDATED = "This channel was reset or restored since you asked; use `/memory reset` again if you still want to."

_BAR_CELLS = 12


class MemoryCog(commands.GroupCog, group_name="memory", group_description="What I remember in this channel"):
    """The commands of the group."""

    def __init__(self, conversations: Conversations) -> None:
        self._conversations = conversations

    @app_commands.command(description="See what I remember in this channel")
    async def show(self, interaction: discord.Interaction) -> None:
        """Tell messages, tokens, since when, policy, window and budget."""
        await interaction.response.defer(ephemeral=True)
        report = await self._conversations.report(_channel(interaction))
        if report is None or not (report.overview.messages or report.restorable_until):
            await interaction.followup.send(NOTHING_HERE, ephemeral=True)
        else:
            await interaction.followup.send(embed=_panel(report), ephemeral=True)

    @app_commands.command(description="Start afresh in this channel; it can be undone for a while")
    async def reset(self, interaction: discord.Interaction) -> None:
        """Ask before starting a new epoch."""
        await interaction.response.defer(ephemeral=True)
        require_manager(interaction)
        report = await self._conversations.report(_channel(interaction))
        if report is None or not report.overview.messages:
            await interaction.followup.send(NOTHING_HERE, ephemeral=True)
            return
        buttons = discord.ui.View(timeout=None)
        buttons.add_item(ResetButton(report.overview.epoch, self._conversations))
        buttons.add_item(KeepButton())
        await interaction.followup.send(
            f"Forget the {_messages(report.overview.messages)} that I remember in this channel, for everybody here?",
            view=buttons,
            ephemeral=True,
        )

    @app_commands.command(description="Bring back what the last reset put away")
    async def restore(self, interaction: discord.Interaction) -> None:
        """Swap the open epoch with the one closed last."""
        await interaction.response.defer(ephemeral=True)
        require_manager(interaction)
        restored = await self._conversations.restore(_channel(interaction))
        await interaction.followup.send(
            f"I remember again: {_messages(restored.messages)}. What was said since the reset is put away in turn; "
            "`/memory restore` swaps the two once more.",
            ephemeral=True,
        )


class ResetButton(discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]], template=r"mnemo:reset:(?P<epoch>\d+)"):
    """Confirms the reset of one epoch. It works after a restart too: all it needs stands in its id."""

    def __init__(self, epoch: int, conversations: Conversations) -> None:
        super().__init__(
            discord.ui.Button(label="Start afresh", style=discord.ButtonStyle.danger, custom_id=f"mnemo:reset:{epoch}")
        )
        self._epoch = epoch
        self._conversations = conversations

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[discord.ui.View], match: re.Match[str]
    ) -> Self:
        """Make the button again from its id."""
        bot = cast("MnemoBot", interaction.client)  # discord.py makes the item: nobody can hand it what it uses
        return cls(int(match["epoch"]), bot.services.conversations)

    async def callback(self, interaction: discord.Interaction) -> None:
        """Reset, if the caller still may and the epoch is still the one that was asked about."""
        try:
            await interaction.response.defer()
            require_manager(interaction)
            await interaction.edit_original_response(content=await self._reset(_channel(interaction)), view=None)
        except Exception as error:  # noqa: BLE001 discord.py would only log it, and the caller would see nothing
            await answer_error(interaction, error)

    async def _reset(self, channel_id: int) -> str:
        report = await self._conversations.report(channel_id)
        if report is None or report.overview.epoch != self._epoch:
            return OUTDATED
        done = await self._conversations.reset(channel_id)
        if done.restorable_until is None:
            return f"Started afresh. {_messages(done.messages)} are deleted for good."
        until = int(done.restorable_until)
        return (
            f"Started afresh. {_messages(done.messages)} are put away until <t:{until}:f> (<t:{until}:R>); "
            "until then `/memory restore` brings them back."
        )


class KeepButton(discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]], template=r"mnemo:keep"):
    """Takes the question back."""

    def __init__(self) -> None:
        super().__init__(
            discord.ui.Button(label="Keep it", style=discord.ButtonStyle.secondary, custom_id="mnemo:keep")
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[discord.ui.View], match: re.Match[str]
    ) -> Self:
        """Make the button again from its id."""
        return cls()

    async def callback(self, interaction: discord.Interaction) -> None:
        """Say that nothing happened."""
        await interaction.response.edit_message(content=KEPT, view=None)


def _channel(interaction: discord.Interaction) -> int:
    assert interaction.channel_id is not None, "commands are used in channels"
    return interaction.channel_id


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count:,} messages"


def _panel(report: MemoryReport) -> discord.Embed:
    overview = report.overview
    panel = discord.Embed(title="What I remember here", color=discord.Color.blurple())
    panel.add_field(name="Messages", value=f"{overview.messages:,}")
    panel.add_field(name="Tokens", value=f"{overview.tokens:,}")
    panel.add_field(name="Since", value="nothing yet" if overview.since is None else f"<t:{int(overview.since)}:R>")
    panel.add_field(name="Policy", value=report.policy, inline=False)
    window = f"the newest {_messages(overview.window_messages)}, {overview.window_tokens:,} tokens"
    panel.add_field(name="The model sees", value=window, inline=False)
    panel.add_field(name="Budget", value=f"{_bar(report.fullness)} {report.fullness:.0%}", inline=False)
    if report.restorable_until is not None:
        put_away = f"{_messages(overview.restorable_messages)}; `/memory restore` brings them back"
        panel.add_field(
            name="Put away by a reset", value=f"{put_away} until <t:{int(report.restorable_until)}:f>", inline=False
        )
    return panel


def _bar(share: float) -> str:
    full = min(_BAR_CELLS, round(share * _BAR_CELLS))
    return "█" * full + "░" * (_BAR_CELLS - full)


async def setup(bot: MnemoBot) -> None:
    """Add the cog, and the buttons whose messages may be older than this process."""
    bot.add_dynamic_items(ResetButton, KeepButton)
    await bot.add_cog(MemoryCog(bot.services.conversations))
