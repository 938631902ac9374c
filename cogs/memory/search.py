"""`/memory search`: finding what is remembered in this channel."""

from __future__ import annotations

import re
from collections.abc import Sequence

import discord
from discord import app_commands

from bot.answers import answer, defer, only_if, place_of, require_history
from bot.links import escaped
from bot.memories import search_words
from bot.panels import PANEL_LENGTH, panel
from bot.prompt import clean_name
from bot.wording import address
from cogs.memory.shared import MemoryCommands, channel_of
from storage.records import Message, Place

HEADING = "## What I found\n"

#: So long the list may be.
LIST_LENGTH = PANEL_LENGTH - len(HEADING)

#: So many characters a query may have.
QUERY_LENGTH = 300

#: So much of a message is shown, of which so much may come before the first word that was found.
EXCERPT_LENGTH = 160
LEAD_LENGTH = 50

#: The index knows words by their stems: a word is bold, too, if it and the one looked for differ by an ending up to so long.
ENDING = 4
LEAST_STEM = 3

NOTHING_FOUND = (
    "I found nothing here with all of these words. I look for whole words (an English ending, such as a plural's, makes no "
    "difference), in what I remember since the last reset."
)


class SearchCommand(MemoryCommands):
    """The command."""

    @app_commands.command(description="Search what I remember in this channel")
    @app_commands.describe(query="The words to look for; a message has to contain all of them")
    @only_if(require_history)
    async def search(self, interaction: discord.Interaction, query: app_commands.Range[str, 1, QUERY_LENGTH]) -> None:
        """Show the best messages, with links to them."""
        await defer(interaction, ephemeral=True)
        channel_id = channel_of(interaction)
        found = await self._memories.search(channel_id, query)
        if not found:
            await answer(interaction, NOTHING_FOUND)
            return
        await answer(interaction, view=panel(HEADING + listed(found, search_words(query), place_of(interaction))))


def listed(found: Sequence[Message], words: Sequence[str], place: Place) -> str:
    """Return the messages of a place with author, date, excerpt and link, as many as a panel takes."""
    text = ""
    for message in found:
        link = ""
        if message.shown_as is not None:
            link = f" [go there]({address(place.guild_id, place.channel_id, message.shown_as)})"
        pinned = "" if message.pinned_at is None else "📌 "
        head = f"{pinned}**{escaped(clean_name(message.author_name))}**, <t:{int(message.created_at)}:d>"
        entry = f"{head}{link}\n{excerpt(message.content, words)}\n\n"
        if len(text) + len(entry) > LIST_LENGTH:
            break
        text += entry
    return text.rstrip()


def excerpt(content: str, words: Sequence[str]) -> str:
    """Return the part of *content* where the first of *words* stands, on one line, with the words in bold."""
    text = " ".join(content.split())
    wanted = [word.casefold() for word in words]
    at = next((match.start() for match in re.finditer(r"\w+", text) if _is_wanted(match[0], wanted)), 0)
    start = max(at - LEAD_LENGTH, 0)
    end = start + EXCERPT_LENGTH
    pieces = re.split(r"(\w+)", text[start:end])
    marked = "".join(f"**{escaped(piece)}**" if _is_wanted(piece, wanted) else escaped(piece) for piece in pieces)
    return f"{'…' if start else ''}{marked}{'…' if end < len(text) else ''}"


def _is_wanted(piece: str, wanted: Sequence[str]) -> bool:
    word = piece.casefold()
    return any(word == other or _same_stem(*sorted((word, other), key=len)) for other in wanted)


def _same_stem(shorter: str, longer: str) -> bool:
    return len(shorter) >= LEAST_STEM and longer.startswith(shorter) and len(longer) - len(shorter) <= ENDING
