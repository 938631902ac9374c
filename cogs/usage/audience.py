"""Who asks for usage: what of it is theirs to see, and what channels and people are called for those who may see names."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import discord

from bot.answers import manages_server, place_of
from bot.usage import Scope
from bot.usage_figures import GROUPINGS, NOBODY, Grouping, Key
from storage.records import BudgetStanding

if TYPE_CHECKING:
    from bot.client import MnemoBot

log = logging.getLogger(__name__)

#: Discord tells of so many members at once. It is asked this often at most, for those first who come first.
MEMBERS_AT_ONCE = 100
MOST_REQUESTS = 5

#: The figures do without names if Discord takes longer than this, in seconds, to tell them.
NAMES_SECONDS = 5.0

_NAMELESS: tuple[Grouping, ...] = ("day", "model")


def client_of(interaction: discord.Interaction) -> MnemoBot:
    """Return the client for an item that discord.py makes itself: nobody can hand it what it uses."""
    return cast("MnemoBot", interaction.client)


def groupings(interaction: discord.Interaction) -> tuple[Grouping, ...]:
    """Return by what the caller may see usage: no names for those who must not see them."""
    return GROUPINGS if manages_server(interaction) else _NAMELESS


def scope_of(interaction: discord.Interaction) -> Scope:
    """Return what the caller may see: all of the server, or their own part of it; in a direct message, that conversation."""
    if interaction.guild_id is None:
        return Scope(None, channel_id=interaction.channel_id)
    return Scope(interaction.guild_id, user_id=None if manages_server(interaction) else interaction.user.id)


async def standings_for(interaction: discord.Interaction) -> list[BudgetStanding]:
    """Return how the budgets stand that hold for the caller here; of everybody's together only owners are told."""
    services, place = client_of(interaction).services, place_of(interaction)
    found = await services.budgets.standings(place, interaction.user.id, services.governance.holds(place))
    return [each for each in found if each.budget != "host" or interaction.user.id in services.host.owners]


async def names_of(interaction: discord.Interaction, by: Grouping, keys: Sequence[Key]) -> dict[int, str]:
    """Return what the groups are called, as far as they have names of their own and these can be had."""
    ids = [key for key in keys if isinstance(key, int)]
    match by:
        case "channel":
            return channel_names(interaction, ids)
        case "person":
            return await people_names(interaction, ids)
        case _:
            return {}


def channel_names(interaction: discord.Interaction, ids: Sequence[int]) -> dict[int, str]:
    """Return the names of channels and threads of this server, of those that Discord told of."""
    assert interaction.guild_id is not None, "only servers have channels with names"
    return client_of(interaction).names.of_all(interaction.guild_id, set(ids))


async def people_names(interaction: discord.Interaction, ids: Sequence[int]) -> dict[int, str]:
    """Return what members of this server are called in it; who has left it has no name any more."""
    assert interaction.guild is not None, "only servers have members"
    wanted = [each for each in ids if each != NOBODY][: MEMBERS_AT_ONCE * MOST_REQUESTS]
    found: list[discord.Member] = []
    try:
        async with asyncio.timeout(NAMES_SECONDS):
            for start in range(0, len(wanted), MEMBERS_AT_ONCE):
                asked = wanted[start : start + MEMBERS_AT_ONCE]
                found += await interaction.guild.query_members(user_ids=asked, limit=MEMBERS_AT_ONCE, cache=False)
    except (TimeoutError, discord.DiscordException, ConnectionError) as error:
        log.warning("Discord did not tell the names of members (%s)", type(error).__name__)
    return {member.id: member.display_name for member in found}
