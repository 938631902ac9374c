"""`/memory prompt` and `/memory export`: what the model would see now, and everything that is remembered, as files."""

from __future__ import annotations

import discord
from discord import app_commands

from bot.answers import answer, defer, only_if, require_manager
from bot.formats import Format
from bot.links import escaped
from bot.panels import panel
from bot.prompt_report import PromptReport
from cogs.memory.shared import NOTHING_HERE, MemoryCommands, channel_of, file_of

FORMATS = [
    app_commands.Choice(name="jsonl: all that is known, for programs", value="jsonl"),
    app_commands.Choice(name="markdown: for reading", value="markdown"),
    app_commands.Choice(name="langchain: for LangChain", value="langchain"),
]
_ENDINGS: dict[Format, str] = {"jsonl": "jsonl", "markdown": "md", "langchain": "json"}


class FileCommands(MemoryCommands):
    """The two commands."""

    @app_commands.command(description="See exactly what the model would see now, and what it costs")
    @only_if(require_manager)
    async def prompt(self, interaction: discord.Interaction) -> None:
        """Show the prompt as files, and its parts as a table."""
        await defer(interaction, ephemeral=True)
        report = await self._memories.prompt(channel_of(interaction))
        if report is None:
            await answer(interaction, NOTHING_HERE)
            return
        files = [
            file_of(interaction, "prompt.md", report.as_markdown()),
            file_of(interaction, "prompt.json", report.as_json()),
        ]
        await answer(interaction, view=panel(*_costs(report), files=files), files=files)

    @app_commands.command(description="Take out everything that I remember in this channel, as a file")
    @app_commands.describe(format="How the file is written; jsonl if nothing is chosen")
    @app_commands.choices(format=FORMATS)
    @only_if(require_manager)
    async def export(self, interaction: discord.Interaction, format: Format = "jsonl") -> None:  # noqa: A002 what people see
        """Send the file."""
        await defer(interaction, ephemeral=True)
        channel_id = channel_of(interaction)
        text = await self._memories.export(channel_id, format)
        if text is None:
            await answer(interaction, NOTHING_HERE)
            return
        file = file_of(
            interaction,
            f"memory-{channel_id}.{_ENDINGS[format]}",
            text,
            otherwise=f"Whoever hosts me can write it: `python -m bot export {channel_id} --format {format}`.",
        )
        await answer(interaction, "Everything that I remember here:", files=[file])


def _costs(report: PromptReport) -> tuple[str, str]:
    rows = [*report.parts, ("total", report.total), ("budget", report.budget)]
    table = "\n".join(f"{name:<10}{tokens:>10,}{tokens / report.budget:>7.0%}" for name, tokens in rows)
    reused = report.cache_reusable_tokens
    cache = f"would reuse the first {reused:,} of them" if reused else "would reuse none of them: it is too short"
    about = f"{escaped(report.model)} · {report.policy}"
    return f"## What the model would see now\n{about}", f"```\n{table}\n```\n-# Tokens; a provider's cache {cache}."
