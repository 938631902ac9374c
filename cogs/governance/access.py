"""The second page of `/server`: who may talk with the bot, where, and who may reset."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Self, cast

import discord

from bot.answers import answer, answering, defer, require_server_manager
from bot.panels import Remade
from cogs.governance import words
from cogs.governance.controls import PageButton
from cogs.governance.shared import PAGES, governance_of, page

if TYPE_CHECKING:
    from bot.client import MnemoBot

Layout = discord.ui.Container[discord.ui.LayoutView]

#: Discord's limit of what is chosen in a menu.
MOST_CHOSEN = 25

#: What can be talked in; threads count as their channels.
TALKED_IN = [
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.forum,
    discord.ChannelType.media,
    discord.ChannelType.voice,
    discord.ChannelType.stage_voice,
]

CHANNELS = {"allow": "Only in these channels", "block": "Not in these channels"}

#: What an empty list means.
ANY_CHANNEL = {"allow": "In every channel", "block": "None is left out"}
ANYBODY = {"allow": "Everybody may", "block": "Nobody is kept from it", "reset": "Only who manages the channel"}
PEOPLE = {
    "allow": "Only these roles and people may talk",
    "block": "These roles and people may not talk",
    "reset": "These roles and people may reset, besides who manages the channel",
}

GONE = "Left out, because it does not exist any more: {}."

CLEANED = "What was deleted is in no list any more."

#: What a list says of itself of which all was deleted.
NOTHING_LEFT = "Nothing of this list exists any more"


@page("access")
async def show_access(interaction: discord.Interaction, note: str | None = None) -> None:
    """Show who may what in this server."""
    require_server_manager(interaction)
    assert interaction.guild_id is not None, "who manages a server is in one"
    access = governance_of(interaction).access(interaction.guild_id)
    frame: Layout = discord.ui.Container(accent_color=discord.Color.blurple())
    frame.add_item(discord.ui.TextDisplay(words.who_may(access)))
    if note:
        frame.add_item(discord.ui.TextDisplay(f"✅ {note}"))
    frame.add_item(discord.ui.Separator())
    lost = 0
    for listed, label in CHANNELS.items():
        there, gone = _there(interaction, getattr(access, f"{listed}_channel"))
        frame.add_item(discord.ui.TextDisplay(_titled(label, len(gone), "channel")))
        frame.add_item(discord.ui.ActionRow(ChannelList(listed, there, has_lost=bool(gone))))
        lost += len(gone)
    frame.add_item(discord.ui.Separator())
    for listed, label in PEOPLE.items():
        roles, gone = _there(interaction, getattr(access, f"{listed}_role"))
        frame.add_item(discord.ui.TextDisplay(_titled(label, len(gone), "role")))
        users = getattr(access, f"{listed}_user")
        frame.add_item(discord.ui.ActionRow(PeopleList(listed, roles, users, has_lost=bool(gone))))
        lost += len(gone)
    layout = discord.ui.LayoutView(timeout=None).add_item(frame)
    buttons = [PageButton("server"), *([CleanButton()] if lost else [])]
    await answer(interaction, view=layout.add_item(discord.ui.ActionRow(*buttons)))


def _titled(label: str, gone: int, kind: str) -> str:
    if not gone:
        return f"**{label}**"
    what = f"A {kind} of this list was" if gone == 1 else f"{gone} {kind}s of this list were"
    return f"**{label}**\n-# ⚠️ {what} deleted. Choose anew, or take it out below."


def _there(interaction: discord.Interaction, ids: Collection[int]) -> tuple[list[int], list[int]]:
    """Return which of these channels or roles exist, and which do not any more; all do as long as Discord told of none."""
    assert interaction.guild_id is not None, "who manages a server is in one"
    names = cast("MnemoBot", interaction.client).names
    known = names.of_all(interaction.guild_id, ids) if names.knows(interaction.guild_id) else ids
    return sorted(each for each in ids if each in known), sorted(each for each in ids if each not in known)


def _defaults(kind: discord.SelectDefaultValueType, ids: Collection[int]) -> list[discord.SelectDefaultValue]:
    return [discord.SelectDefaultValue(id=each, type=kind) for each in ids]


async def _set(interaction: discord.Interaction, label: str, gone: int, **lists: frozenset[int]) -> None:
    assert interaction.guild_id is not None, "who manages a server is in one"
    access = await governance_of(interaction).set_access(interaction.guild_id, **lists)
    chosen = sum(len(getattr(access, name)) for name in lists)
    note = f"{label}: {chosen or 'none are chosen'}."
    await PAGES["access"](interaction, f"{note} {GONE.format(gone)}" if gone else note)


def _chosen(interaction: discord.Interaction, *kinds: str) -> tuple[int, list[frozenset[int]]]:
    """Return how many were chosen that do not exist any more, and of each of the *kinds* the ids that do, as Discord tells."""
    data = cast("dict[str, Any]", interaction.data)
    chosen, resolved = set(map(int, data["values"])), data.get("resolved", {})
    there = [frozenset(chosen.intersection(map(int, resolved.get(kind, {})))) for kind in kinds]
    return len(chosen.difference(*there)), there


class ChannelList(
    discord.ui.DynamicItem[discord.ui.ChannelSelect[discord.ui.LayoutView]],
    template=rf"mnemo:access:channel:(?P<listed>{'|'.join(CHANNELS)})",
):
    """Chooses the channels of a list."""

    def __init__(self, listed: str, ids: Collection[int] = (), *, has_lost: bool = False) -> None:
        super().__init__(
            discord.ui.ChannelSelect(
                custom_id=f"mnemo:access:channel:{listed}",
                channel_types=TALKED_IN,
                placeholder=NOTHING_LEFT if has_lost else ANY_CHANNEL[listed],
                min_values=0,
                max_values=MOST_CHOSEN,
                default_values=_defaults(discord.SelectDefaultValueType.channel, ids)[:MOST_CHOSEN],
            )
        )
        self._listed = listed

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[discord.ui.LayoutView], match: re.Match[str]
    ) -> Self:
        """Make the menu again from its id."""
        return cls(match["listed"])

    async def callback(self, interaction: discord.Interaction) -> None:
        """Keep the list, and show it."""
        async with answering(interaction):
            await self._keep(interaction)

    async def _keep(self, interaction: discord.Interaction) -> None:
        await defer(interaction)
        require_server_manager(interaction)
        gone, [channels] = _chosen(interaction, "channels")
        await _set(interaction, CHANNELS[self._listed], gone, **{f"{self._listed}_channel": channels})


class PeopleList(
    discord.ui.DynamicItem[discord.ui.MentionableSelect[discord.ui.LayoutView]],
    template=rf"mnemo:access:people:(?P<listed>{'|'.join(PEOPLE)})",
):
    """Chooses the roles and people of a list."""

    def __init__(
        self, listed: str, roles: Collection[int] = (), users: Collection[int] = (), *, has_lost: bool = False
    ) -> None:
        defaults = _defaults(discord.SelectDefaultValueType.role, roles)
        defaults += _defaults(discord.SelectDefaultValueType.user, sorted(users))
        super().__init__(
            discord.ui.MentionableSelect(
                custom_id=f"mnemo:access:people:{listed}",
                placeholder=NOTHING_LEFT if has_lost else ANYBODY[listed],
                min_values=0,
                max_values=MOST_CHOSEN,
                default_values=defaults[:MOST_CHOSEN],
            )
        )
        self._listed = listed

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[discord.ui.LayoutView], match: re.Match[str]
    ) -> Self:
        """Make the menu again from its id."""
        return cls(match["listed"])

    async def callback(self, interaction: discord.Interaction) -> None:
        """Keep the list, and show it."""
        async with answering(interaction):
            await self._keep(interaction)

    async def _keep(self, interaction: discord.Interaction) -> None:
        await defer(interaction)
        require_server_manager(interaction)
        gone, [roles, users] = _chosen(interaction, "roles", "users")
        await _set(
            interaction, PEOPLE[self._listed], gone, **{f"{self._listed}_role": roles, f"{self._listed}_user": users}
        )


class CleanButton(
    Remade, discord.ui.DynamicItem[discord.ui.Button[discord.ui.LayoutView]], template=r"mnemo:access:clean"
):
    """Takes out of all lists what was deleted on Discord: a menu in which nothing is chosen cannot be emptied."""

    def __init__(self) -> None:
        super().__init__(discord.ui.Button(label="Take out what was deleted", custom_id="mnemo:access:clean"))

    async def callback(self, interaction: discord.Interaction) -> None:
        """Keep what exists, and show the lists."""
        async with answering(interaction):
            await defer(interaction)
            require_server_manager(interaction)
            assert interaction.guild_id is not None, "who manages a server is in one"
            governance = governance_of(interaction)
            access = governance.access(interaction.guild_id)
            names = [*(f"{listed}_channel" for listed in CHANNELS), *(f"{listed}_role" for listed in PEOPLE)]
            there = {name: frozenset(_there(interaction, getattr(access, name))[0]) for name in names}
            await governance.set_access(interaction.guild_id, **there)
            await PAGES["access"](interaction, CLEANED)
