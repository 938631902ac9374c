"""`/memory summarize`, and an admin's correction of the summary: a button under `/memory show` that opens a form."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Self

import discord
from discord import app_commands

from bot.answers import answer, answering, defer, only_if, place_of, require_manager, whisper
from bot.errors import OutOfBounds, UserFacingError
from bot.forms import Form
from bot.links import unmasked
from bot.memories import CompactionReport, Memories
from bot.panels import PANEL_LENGTH, Remade, panel
from bot.wording import clipped, plural
from cogs.memory.shared import MemoryCommands, channel_of, file_of, memories_of
from storage.records import Summary

#: Discord's limit of a text field in a form.
FORM_LENGTH = 4_000

HEADING = "## The new summary\n"

#: So long, in seconds, the summary may take to be read before the form is shown with it.
READING_SECONDS = 0.7

BUSY = "My memory is busy right now. Please press the button again in a moment."
NOTHING_NEW = "There is nothing new to summarize here."
NO_SUMMARY = "There is no summary here to correct."
CORRECTED = "The summary holds your words now. They stay until a message beneath them is edited or deleted."


class SummaryCommand(MemoryCommands):
    """The command."""

    @app_commands.command(description="Summarize now what is not summarized yet in this channel")
    @app_commands.describe(focus="What the summary should pay special attention to")
    @only_if(require_manager)
    async def summarize(
        self, interaction: discord.Interaction, focus: app_commands.Range[str, 1, 500] | None = None
    ) -> None:
        """Summarize, and show what came of it."""
        await defer(interaction, ephemeral=True)
        made = await self._memories.summarize(channel_of(interaction), focus)
        if made is None:
            await answer(interaction, NOTHING_NEW)
            return
        told, text = f"-# {covers_and_costs(made)}", unmasked(made.text)
        room = PANEL_LENGTH - len(HEADING) - len(told)
        files = [file_of(interaction, "summary.md", made.text)] if len(text) > room else []
        await answer(interaction, view=panel(HEADING + clipped(text, room), told, files=files), files=files)


def covers_and_costs(compaction: CompactionReport) -> str:
    """Tell what a compaction covered, what became of it and what it cost."""
    made = f"{sum(summary.tokens for summary in compaction.summaries):,} tokens"
    cost = f"the model read {compaction.prompt_tokens:,} tokens and wrote {compaction.completion_tokens:,} for it"
    if (covered := compaction.covered) is None:
        return f"{made}; {cost}"
    span = f"from <t:{int(covered.since)}:f> to <t:{int(covered.until)}:f>"
    return f"{plural(covered.messages, 'message')} {span} became {made}; {cost}"


class CorrectButton(
    Remade, discord.ui.DynamicItem[discord.ui.Button[discord.ui.LayoutView]], template=r"mnemo:correct"
):
    """Opens the form with the summary as it is then. It works after a restart, too."""

    def __init__(self) -> None:
        super().__init__(
            discord.ui.Button(
                label="Correct the summary", style=discord.ButtonStyle.secondary, custom_id="mnemo:correct"
            )
        )

    async def callback(self, interaction: discord.Interaction) -> None:
        """Open the form, if the caller still may. It has to be the first answer, so nothing is deferred."""
        async with answering(interaction):
            require_manager(interaction)
            memories = memories_of(interaction)
            try:
                async with asyncio.timeout(READING_SECONDS):
                    report = await memories.report(place_of(interaction))
            except TimeoutError:
                raise UserFacingError(BUSY) from None
            if report is None or not report.summary:
                await whisper(interaction, NO_SUMMARY)
            elif len(report.summary) > FORM_LENGTH:
                await whisper(
                    interaction,
                    f"The summary has {len(report.summary):,} characters, and Discord's form takes {FORM_LENGTH:,}: it can be "
                    "corrected once it is shorter. A smaller budget (`/memory policy`) makes it so.",
                )
            else:
                form = CorrectionForm(interaction, memories, report.overview.summaries, report.summary)
                await form.open(interaction)


class CorrectionForm(Form):
    """The form: the summary as a text to change."""

    def __init__(
        self, interaction: discord.Interaction, memories: Memories, shown: Sequence[Summary], text: str
    ) -> None:
        super().__init__(interaction, "Correct the summary")
        self._memories = memories
        self._shown = shown
        self._text: discord.ui.TextInput[Self] = discord.ui.TextInput(
            label="What the model reads instead of it",
            style=discord.TextStyle.paragraph,
            custom_id="summary",
            default=text,
            max_length=FORM_LENGTH,
        )
        self.add_item(self._text)

    async def on_submit(self, interaction: discord.Interaction) -> None:
        """Put the words in the place of the summary, or hand them back with the reason why not."""
        await defer(interaction, ephemeral=True, thinking=True)
        require_manager(interaction)
        words = self._text.value
        try:
            await self._memories.correct_summary(channel_of(interaction), words, instead_of=self._shown)
        except OutOfBounds as refused:
            yours = [file_of(interaction, "your-summary.md", words)] if words.strip() else []
            await answer(interaction, str(refused), files=yours)
        else:
            await answer(interaction, CORRECTED)
