"""What the panels of `/channel` and `/server` share: who may, what is set where, and the pages that a control can show again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import discord

from bot.answers import place_of, require_manager, require_server_manager
from bot.governance import Governance, Layers
from cogs.governance.words import Scope
from storage.records import Place

if TYPE_CHECKING:
    from bot.client import MnemoBot

INHERIT = "inherit"


class Page(Protocol):
    """Shows a page of a panel in the answer of an interaction, with a note on what was just done."""

    async def __call__(self, interaction: discord.Interaction, note: str | None = None) -> None:
        """Show it to who may see it."""
        ...


SomePage = TypeVar("SomePage", bound=Page)

#: By the names that stand in the ids of buttons.
PAGES: dict[str, Page] = {}


def page(name: str) -> Callable[[SomePage], SomePage]:
    """Let a function be the page of this name."""

    def keep(show: SomePage) -> SomePage:
        PAGES[name] = show
        return show

    return keep


def governance_of(interaction: discord.Interaction) -> Governance:
    """Return the service for an item that discord.py makes itself: nobody can hand it what it uses."""
    return cast("MnemoBot", interaction.client).services.governance


def require(interaction: discord.Interaction, scope: Scope) -> None:
    """Raise :class:`bot.errors.NotPermitted` unless the caller may decide for *scope*."""
    if scope == "server":
        require_server_manager(interaction)
    else:
        require_manager(interaction)


def place_for(interaction: discord.Interaction, scope: Scope) -> Place:
    """Return what a panel is about: where it was used, or the server, as a place without a channel."""
    return place_of(interaction) if scope == "channel" else Place(0, interaction.guild_id)


async def change(interaction: discord.Interaction, scope: Scope, **changes: Any) -> Layers:
    """Set this for *scope*, if the caller may."""
    require(interaction, scope)
    governance, place = governance_of(interaction), place_for(interaction, scope)
    if scope == "server":
        assert interaction.guild_id is not None, "who manages a server is in one"
        return await governance.set_server(interaction.guild_id, **changes)
    return await governance.set_channel(place, **changes)
