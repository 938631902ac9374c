"""The panel of `/usage`: a picture, the figures as text, and the menus that change what is shown.

That stands in the ids of the menus and the button, so that they work after a restart; who may see what is looked at each time.
"""

from __future__ import annotations

import io
import logging
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import discord

from bot.answers import answer, answering, defer, manages_server
from bot.budgets import midnight_after
from bot.charts import ChartFailed
from bot.errors import UserFacingError
from bot.usage import Scope
from bot.usage_figures import GROUPINGS, Grouping, UsageReport
from cogs.usage import words
from cogs.usage.audience import channel_names, client_of, groupings, names_of, people_names, scope_of, standings_for

log = logging.getLogger(__name__)

PERIODS = {1: "Today", 7: "The last 7 days", 30: "The last 30 days", 90: "The last 90 days"}
FIRST_PERIOD = 30

LABELS: dict[Grouping, str] = {"day": "By day", "model": "By model", "channel": "By channel", "person": "By person"}

PICTURE, FILE = "usage.png", "usage.csv"

NO_PICTURE = "-# The picture could not be drawn; the host's log says why."

_CHOICE = r":(?P<period>\d{1,3}):(?P<by>[a-z]{1,10})"


@dataclass(frozen=True, slots=True)
class Choice:
    """What a panel shows: so many days back, grouped so."""

    period: int = FIRST_PERIOD
    by: Grouping = "day"

    @classmethod
    def read(cls, period: str, by: str) -> Choice:
        """Make it from what stands in an id or a menu; what is no choice any more becomes the first one."""
        return cls(
            next((days for days in PERIODS if str(days) == period), FIRST_PERIOD),
            next((each for each in GROUPINGS if each == by), "day"),
        )

    def id_of(self, control: str) -> str:
        """Return the id of a *control* in a panel that shows this."""
        return f"mnemo:usage:{control}:{self.period}:{self.by}"


async def show(interaction: discord.Interaction, choice: Choice) -> None:
    """Show what *choice* asks for, as far as the caller may see it, in the answer of the interaction."""
    usage = client_of(interaction).services.usage
    if choice.by not in groupings(interaction):
        choice = replace(choice, by="day")
    report = await usage.report(scope_of(interaction), choice.period, choice.by)
    texts = [words.body(report)]
    if interaction.guild_id is not None and not manages_server(interaction):
        everybody = await usage.report(Scope(interaction.guild_id), choice.period, "model")
        texts.append(f"**Everybody in this server**\n{words.summed(everybody.total)}")
    if standings := await standings_for(interaction):
        texts.append(words.budgets(standings, midnight_after(time.time())))
    picture = []
    try:
        names = await names_of(interaction, choice.by, [key for key, _ in report.ranked])
        picture.append(discord.File(io.BytesIO(await usage.draw(report, names)), PICTURE))
    except ChartFailed as error:
        log.error("a picture of usage could not be drawn: %s", error)
        texts.append(NO_PICTURE)
    panel = discord.ui.LayoutView(timeout=None)
    panel.add_item(_told(words.heading(_title(interaction), report), _described(report) if picture else None, texts))
    panel.add_item(discord.ui.ActionRow(PeriodSelect(choice)))
    panel.add_item(discord.ui.ActionRow(GroupingSelect(choice, groupings(interaction))))
    if report.total.tokens:
        panel.add_item(discord.ui.ActionRow(CsvButton(choice)))
    await answer(interaction, files=picture, view=panel)


def _told(heading: str, described: str | None, texts: Sequence[str]) -> discord.ui.Container[discord.ui.LayoutView]:
    """Return heading, the picture if it is *described*, and texts, as one block."""
    block: discord.ui.Container[discord.ui.LayoutView] = discord.ui.Container(accent_color=discord.Color.blurple())
    block.add_item(discord.ui.TextDisplay(heading))
    if described is not None:
        block.add_item(
            discord.ui.MediaGallery(discord.MediaGalleryItem(f"attachment://{PICTURE}", description=described))
        )
    for text in texts:
        block.add_item(discord.ui.TextDisplay(text))
    return block


def _title(interaction: discord.Interaction) -> str:
    if interaction.guild_id is None:
        return "Usage in this conversation"
    return "Usage in this server" if manages_server(interaction) else "Your usage in this server"


def _described(report: UsageReport) -> str:
    """Return what is said to those who cannot see the picture."""
    return f"A chart of tokens {LABELS[report.by].lower()}: {words.summed(report.total)}".replace("**", "")


async def send_file(interaction: discord.Interaction, choice: Choice) -> None:
    """Answer with the books of the choice's period as CSV, as far as the caller may see them."""
    usage = client_of(interaction).services.usage
    with_names = manages_server(interaction)
    rows = await usage.rows(scope_of(interaction), choice.period, with_names=with_names)
    channels: dict[int, str] = {}
    people: dict[int, str] = {}
    if with_names:
        channels = channel_names(interaction, sorted({row.channel_id or 0 for row in rows}))
        most_first = sorted(rows, key=lambda row: -row.usage.tokens)
        people = await people_names(interaction, list(dict.fromkeys(row.user_id or 0 for row in most_first)))
    data = await usage.csv(rows, channels, people, with_names=with_names)
    if len(data) > interaction.filesize_limit:
        raise UserFacingError(f"{FILE} is larger than Discord takes here: choose a shorter time.")
    await answer(
        interaction, f"{PERIODS[choice.period]}, in days of UTC:", files=[discord.File(io.BytesIO(data), FILE)]
    )


def _options(labels: dict[Any, str], chosen: object) -> list[discord.SelectOption]:
    return [discord.SelectOption(label=label, value=str(key), default=key == chosen) for key, label in labels.items()]


class PeriodSelect(
    discord.ui.DynamicItem[discord.ui.Select[discord.ui.LayoutView]], template=rf"mnemo:usage:period{_CHOICE}"
):
    """Chooses how many days back."""

    def __init__(self, choice: Choice) -> None:
        super().__init__(discord.ui.Select(custom_id=choice.id_of("period"), options=_options(PERIODS, choice.period)))
        self._choice = choice

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[discord.ui.LayoutView], match: re.Match[str]
    ) -> Self:
        """Make the menu again from its id."""
        return cls(Choice.read(**match.groupdict()))

    async def callback(self, interaction: discord.Interaction) -> None:
        """Show that time."""
        await _change(interaction, Choice.read(self.item.values[0], self._choice.by))


class GroupingSelect(
    discord.ui.DynamicItem[discord.ui.Select[discord.ui.LayoutView]], template=rf"mnemo:usage:by{_CHOICE}"
):
    """Chooses by what it is grouped, out of what is *possible*."""

    def __init__(self, choice: Choice, possible: Sequence[Grouping] = GROUPINGS) -> None:
        labels = {by: LABELS[by] for by in possible}
        super().__init__(discord.ui.Select(custom_id=choice.id_of("by"), options=_options(labels, choice.by)))
        self._choice = choice

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[discord.ui.LayoutView], match: re.Match[str]
    ) -> Self:
        """Make the menu again from its id."""
        return cls(Choice.read(**match.groupdict()))

    async def callback(self, interaction: discord.Interaction) -> None:
        """Show it grouped so."""
        await _change(interaction, Choice.read(str(self._choice.period), self.item.values[0]))


async def _change(interaction: discord.Interaction, choice: Choice) -> None:
    async with answering(interaction):
        await defer(interaction)
        await show(interaction, choice)


class CsvButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.LayoutView]], template=rf"mnemo:usage:csv{_CHOICE}"
):
    """Gives the books as a file."""

    def __init__(self, choice: Choice) -> None:
        super().__init__(
            discord.ui.Button(
                label="As CSV", style=discord.ButtonStyle.secondary, custom_id=choice.id_of("csv"), emoji="📄"
            )
        )
        self._choice = choice

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[discord.ui.LayoutView], match: re.Match[str]
    ) -> Self:
        """Make the button again from its id."""
        return cls(Choice.read(**match.groupdict()))

    async def callback(self, interaction: discord.Interaction) -> None:
        """Answer with the file."""
        async with answering(interaction):
            await defer(interaction, ephemeral=True, thinking=True)
            await send_file(interaction, self._choice)
