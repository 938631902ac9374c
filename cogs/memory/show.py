"""`/memory show`: what is remembered here, the summary, how it was made, and which policy holds."""

from __future__ import annotations

import discord
from discord import app_commands

from bot.answers import answer, defer, is_manager, is_moderator, place_of, reads_history
from bot.links import escaped, unmasked
from bot.memories import CompactionReport, MemoryReport
from cogs.memory.pins import UnpinMenu, pins_embed
from cogs.memory.policy import policy_text
from cogs.memory.shared import NOTHING_HERE, MemoryCommands, clipped, file_of, messages
from cogs.memory.summary import CorrectButton, covers_and_costs

#: So much of the summary is shown in place; Discord takes 4,096 characters in a panel and 6,000 in all panels of a message.
SHOWN_SUMMARY = 2_600

#: So much is told of an error.
SHOWN_ERROR = 300

_BAR_CELLS = 12

OUTDATED_SUMMARY = "A summary from before, which this policy does not show to the model"


class ShowCommand(MemoryCommands):
    """The command."""

    @app_commands.command(description="See what I remember in this channel")
    async def show(self, interaction: discord.Interaction) -> None:
        """Tell messages, tokens, since when, policy, window and budget, the summary and how it was made."""
        await defer(interaction, ephemeral=True)
        report = await self._memories.report(place_of(interaction))
        if report is None or not (report.overview.messages or report.summary or report.restorable_until):
            await answer(interaction, NOTHING_HERE)
            return
        embeds = [_panel(report)]
        files = []
        view = discord.ui.View(timeout=None)
        if report.summary and reads_history(interaction):
            embeds.append(_summary(report))
            if len(report.summary) > SHOWN_SUMMARY:
                files.append(file_of(interaction, "summary.md", report.summary))
            if report.keeps_summary and is_manager(interaction):
                view.add_item(CorrectButton())
        if report.overview.pins and reads_history(interaction):
            embeds.append(pins_embed(report, place_of(interaction)))
            if is_moderator(interaction):
                view.add_item(UnpinMenu(report.overview.pins))
        await answer(interaction, embeds=embeds, files=files, view=view if view.children else discord.utils.MISSING)


def _summary(report: MemoryReport) -> discord.Embed:
    title = "The summary"
    if not report.keeps_summary:
        title = "What this thread started with" if report.is_origin else OUTDATED_SUMMARY
    return discord.Embed(
        title=title, description=clipped(unmasked(report.summary), SHOWN_SUMMARY), color=discord.Color.blurple()
    )


def _panel(report: MemoryReport) -> discord.Embed:
    overview = report.overview
    panel = discord.Embed(title="What I remember here", color=discord.Color.blurple())
    panel.add_field(name="Messages", value=f"{overview.messages:,}")
    panel.add_field(name="Tokens", value=f"{overview.tokens:,}")
    panel.add_field(name="Since", value="nothing yet" if overview.since is None else f"<t:{int(overview.since)}:R>")
    panel.add_field(name="Policy", value=policy_text(report.policy), inline=False)
    summary = "the summary and " if report.summary and (report.keeps_summary or report.is_origin) else ""
    window = f"{summary}the newest {messages(overview.window_messages)}, {overview.window_tokens:,} tokens"
    panel.add_field(name="The model sees", value=window, inline=False)
    panel.add_field(name="Budget", value=f"{_bar(report.fullness)} {report.fullness:.0%}", inline=False)
    for name, value in _about_the_summary(report):
        panel.add_field(name=name, value=value, inline=False)
    if report.retention_days is not None:
        days = "a day" if report.retention_days == 1 else f"{report.retention_days:,} days"
        panel.add_field(
            name="Kept", value=f"for {days}, as the host set it; what is older is deleted each night", inline=False
        )
    if report.restorable_until is not None:
        what = messages(overview.restorable_messages) if overview.restorable_messages else "a summary"
        put_away = f"{what}; `/memory restore` brings back what was put away"
        panel.add_field(
            name="Put away by a reset", value=f"{put_away}, until <t:{int(report.restorable_until)}:f>", inline=False
        )
    return panel


def _about_the_summary(report: MemoryReport) -> list[tuple[str, str]]:
    overview = report.overview
    told: list[tuple[str, str]] = []
    if report.last_compaction is not None:
        told.append(("Last compaction", _last(report.last_compaction)))
    if overview.compaction_error is not None:
        when = f"<t:{int(overview.compaction_failed_at or 0)}:R>"
        why = escaped(clipped(overview.compaction_error, SHOWN_ERROR))
        told.append(("No new summary", f"The last summary could not be made ({when}): {why}; it is tried again."))
    if overview.lost_correction:
        told.append(
            (
                "Correction",
                "An admin's correction is void: a message beneath it was edited or deleted since, or is too old.",
            )
        )
    elif any(summary.corrected for summary in overview.summaries):
        told.append(("Correction", "The summary holds an admin's words."))
    return told


def _last(compaction: CompactionReport) -> str:
    (summary,) = compaction.summaries
    costs = f"{summary.tokens:,} tokens" if summary.is_origin else covers_and_costs(compaction)
    return f"<t:{int(summary.created_at)}:R>, because {summary.reason}: {costs}"


def _bar(share: float) -> str:
    full = min(_BAR_CELLS, round(share * _BAR_CELLS))
    return "█" * full + "░" * (_BAR_CELLS - full)
