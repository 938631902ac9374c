"""The pins in `/memory show`: what they say, and the menu that unpins them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import discord

from bot.answers import answering, defer, place_of, require_moderator, whisper
from bot.links import escaped
from bot.memories import MemoryReport
from bot.panels import Remade
from bot.pins import MOST_PINS
from bot.prompt import clean_name
from bot.wording import address, clipped
from storage.records import Message, Place

if TYPE_CHECKING:
    from bot.client import MnemoBot

#: So much of each pin is shown, and of all: the summary has the rest of the panel.
EXCERPT_LENGTH = 80
LIST_LENGTH = 1_000

#: Discord's limit of a menu's entry.
OPTION_LENGTH = 100

#: Begins an entry's value that is a position.
_AT = "at "

NO_ROOM = "There is no room for it in this channel's budget, so the model does not see it."

UNPINNED = "Unpinned: this message stands in my prompts no more than any other."
NOT_PINNED = "This message is not pinned any more."


def pinned_text(report: MemoryReport, place: Place) -> str:
    """Return the pins of a channel with links to them, the newest first."""
    pins = report.overview.pins[::-1]
    lines: list[str] = []
    for pin in pins:
        line = _line(pin, place) + (f"\n-# {NO_ROOM}" if pin in report.pins_without_room else "")
        if sum(map(len, lines)) + len(line) > LIST_LENGTH:
            lines.append(f"… and {len(pins) - len(lines):,} more")
            break
        lines.append(line)
    count = f"{len(pins):,} of {MOST_PINS} pins, {report.pin_tokens:,} of {report.pin_budget:,} tokens"
    return "\n".join(["### 📌 Pinned", *lines, f"-# {count}"])


def _line(pin: Message, place: Place) -> str:
    line = f"**{escaped(clean_name(pin.author_name))}** {escaped(_excerpt(pin, EXCERPT_LENGTH))}"
    if pin.shown_as is None:
        return line
    return f"{line} [go there]({address(place.guild_id, place.channel_id, pin.shown_as)})"


def _excerpt(pin: Message, length: int) -> str:
    return clipped(" ".join(pin.content.split()), length)


class UnpinMenu(Remade, discord.ui.DynamicItem[discord.ui.Select[discord.ui.LayoutView]], template=r"mnemo:pins"):
    """Unpins what is chosen. It works after a restart, too: each entry says which message it is.

    That is its id on Discord, or its position if it was brought in from another channel, and has none.
    """

    def __init__(self, pins: Sequence[Message] = ()) -> None:
        options = [
            discord.SelectOption(
                label=clipped(f"{clean_name(pin.author_name)}: {_excerpt(pin, OPTION_LENGTH)}", OPTION_LENGTH),
                value=f"{_AT}{pin.position}" if pin.discord_id is None else str(pin.discord_id),
            )
            for pin in pins[::-1][:MOST_PINS]
        ]
        super().__init__(discord.ui.Select(placeholder="Unpin a message", options=options, custom_id="mnemo:pins"))

    async def callback(self, interaction: discord.Interaction) -> None:
        """Unpin, if the caller still may."""
        async with answering(interaction):
            await defer(interaction)
            require_moderator(interaction)
            pins = cast("MnemoBot", interaction.client).services.pins
            channel_id, chosen = place_of(interaction).channel_id, self.item.values[0]
            if chosen.startswith(_AT):
                unpinned = await pins.unpin_at(channel_id, int(chosen.removeprefix(_AT)))
            else:
                unpinned = await pins.unpin(channel_id, int(chosen))
            await whisper(interaction, UNPINNED if unpinned else NOT_PINNED)
