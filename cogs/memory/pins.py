"""The pins in `/memory show`: what is told of them, and as what they stand in the menu that unpins them."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.links import escaped
from bot.memories import MemoryReport
from bot.pins import MOST_PINS
from bot.prompt import clean_name
from bot.wording import address, clipped
from storage.records import Message, Place

#: So much of each pin is shown, and of all: the summary has the rest of the panel.
EXCERPT_LENGTH = 80
LIST_LENGTH = 1_000

#: Discord's limit of a menu's entry.
OPTION_LENGTH = 100

#: Begins the value of an entry that is a position, not an id on Discord.
AT = "at "

NO_ROOM = "There is no room for it in this channel's budget, so the model does not see it."


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


def options(pins: Sequence[Message]) -> list[discord.SelectOption]:
    """Return a menu's entries for the newest *pins*, by their ids on Discord; what was brought in from elsewhere has none."""
    return [
        discord.SelectOption(
            label=clipped(f"{clean_name(pin.author_name)}: {_excerpt(pin, OPTION_LENGTH)}", OPTION_LENGTH),
            value=f"{AT}{pin.position}" if pin.discord_id is None else str(pin.discord_id),
        )
        for pin in pins[::-1][:MOST_PINS]
    ]
