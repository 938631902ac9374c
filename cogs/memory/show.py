"""`/memory show`: what is remembered here, the summary, how it was made, and which policy holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import discord
from discord import app_commands

from bot.answers import (
    answer,
    answering,
    defer,
    is_manager,
    is_moderator,
    place_of,
    reads_history,
    require_moderator,
    whisper,
)
from bot.links import escaped, unmasked
from bot.memories import CompactionReport, Memories, MemoryReport
from bot.panels import PANEL_LENGTH, Remade, panel
from bot.wording import clipped, plural
from cogs.memory.pins import AT, options, pinned_text
from cogs.memory.policy import policy_text
from cogs.memory.shared import NOTHING_HERE, MemoryCommands, channel_of, file_of, held, memories_of
from cogs.memory.summary import CorrectButton, covers_and_costs
from storage.records import Message

if TYPE_CHECKING:
    from bot.client import MnemoBot

#: What the heading and what goes on take of the room for the summary.
SUMMARY_FRAME = 80

#: So much is told of an error.
SHOWN_ERROR = 200

_BAR_CELLS = 12

UNPINNED = "Unpinned: this message stands in my prompts no more than any other."
NOT_PINNED = "This message is not pinned any more."

SUMMARY = "The summary"
ORIGIN = "What this thread started with"
OUTDATED_SUMMARY = "A summary from before, which this policy does not show to the model"


class ShowCommand(MemoryCommands):
    """The command."""

    @app_commands.command(description="See what I remember in this channel")
    async def show(self, interaction: discord.Interaction) -> None:
        """Tell messages, tokens, since when, policy, window and budget, the summary and how it was made."""
        await defer(interaction, ephemeral=True)
        await _show(interaction, self._memories)


class UnpinMenu(Remade, discord.ui.DynamicItem[discord.ui.Select[discord.ui.LayoutView]], template=r"mnemo:pins"):
    """Unpins what is chosen. It works after a restart, too: each entry says which message it is."""

    def __init__(self, pins: Sequence[Message] = ()) -> None:
        super().__init__(
            discord.ui.Select(placeholder="Unpin a message", options=options(pins), custom_id="mnemo:pins")
        )

    async def callback(self, interaction: discord.Interaction) -> None:
        """Unpin, if the caller still may, and show what holds now."""
        async with answering(interaction):
            await defer(interaction)
            require_moderator(interaction)
            pins = cast("MnemoBot", interaction.client).services.pins
            channel_id, chosen = channel_of(interaction), self.item.values[0]
            if chosen.startswith(AT):
                unpinned = await pins.unpin_at(channel_id, int(chosen.removeprefix(AT)))
            else:
                unpinned = await pins.unpin(channel_id, int(chosen))
            await _show(interaction, memories_of(interaction))
            await whisper(interaction, UNPINNED if unpinned else NOT_PINNED)


async def _show(interaction: discord.Interaction, memories: Memories) -> None:
    report = await memories.report(place_of(interaction))
    if report is None or not (report.overview.messages or report.summary or report.restorable_until):
        await answer(interaction, view=panel(NOTHING_HERE))
        return
    texts, files = [_overview(report)], []
    rows: list[discord.ui.Item[Any]] = []
    if report.overview.pins and reads_history(interaction):
        texts.append(pinned_text(report, place_of(interaction)))
        if is_moderator(interaction):
            rows.append(discord.ui.ActionRow(UnpinMenu(report.overview.pins)))
    if report.summary and reads_history(interaction):
        shown_parts, is_whole = _summaries(report, PANEL_LENGTH - sum(map(len, texts)))
        texts[1:1] = shown_parts
        if not is_whole:
            files.append(file_of(interaction, "summary.md", "\n\n".join(_parts(report).values())))
        if report.keeps_summary and is_manager(interaction):
            rows.insert(0, discord.ui.ActionRow(CorrectButton()))
    shown = panel(*texts, files=files)
    for row in rows:
        shown.add_item(row)
    await answer(interaction, view=shown, files=files)


def _parts(report: MemoryReport) -> dict[str, str]:
    """Return the summary by what it is to the model: a title, and the text."""
    seen = SUMMARY if report.keeps_summary else ORIGIN
    parts = {seen: report.seen_summary, OUTDATED_SUMMARY: report.unseen_summary}
    return {title: text for title, text in parts.items() if text}


def _summaries(report: MemoryReport, room: int) -> tuple[list[str], bool]:
    """Return the parts of the summary as texts of a panel that have *room* characters together, and whether they are whole."""
    texts: list[str] = []
    is_whole = True
    parts = _parts(report)
    for to_come, (title, text) in zip(range(len(parts), 0, -1), parts.items(), strict=True):
        share, words = room // to_come - SUMMARY_FRAME, unmasked(text)
        is_whole = is_whole and len(words) <= share
        texts.append(f"### {title}\n{clipped(words, share)}")
        room -= len(texts[-1])
    return texts, is_whole


def _overview(report: MemoryReport) -> str:
    overview = report.overview
    since = "nothing yet" if overview.since is None else f"<t:{int(overview.since)}:R>"
    summary = "the summary and " if report.seen_summary else ""
    amount = f"**Messages** {overview.messages:,} · **Tokens** {overview.tokens:,} · **Since** {since}"
    told = [
        ("Policy", policy_text(report.policy)),
        (
            "The model sees",
            f"{summary}the newest {plural(overview.window_messages, 'message')}, {overview.window_tokens:,} tokens",
        ),
        ("Budget", f"{_bar(report.fullness)} {report.fullness:.0%}"),
        *_about_the_summary(report),
    ]
    if report.retention_days is not None:
        days = "a day" if report.retention_days == 1 else f"{report.retention_days:,} days"
        told.append(("Kept", f"for {days}, as the host set it; what is older is deleted each night"))
    if report.restorable_until is not None:
        put_away = f"{held(overview.restorable_messages)}; `/memory restore` brings back what was put away"
        told.append(("Put away by a reset", f"{put_away}, until <t:{int(report.restorable_until)}:f>"))
    return "\n".join(["## What I remember here", amount, *(f"**{name}** {value}" for name, value in told)])


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
