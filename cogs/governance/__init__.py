"""`/channel` and `/server`: panels that show and change what holds in a channel, and who may what in a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.answers import defer, only_if, place_of, require_manager, require_server_manager
from bot.governance import Governance
from cogs.governance import words
from cogs.governance.access import ChannelList, CleanButton, PeopleList
from cogs.governance.controls import FieldSelect, FormButton, PageButton
from cogs.governance.panel import OPTION_LENGTH, show_channel, show_server
from cogs.governance.shared import change
from storage.records import Place

if TYPE_CHECKING:
    from bot.client import MnemoBot

#: Discord's limit of what is offered while somebody types.
MOST_OFFERED = 25

#: So long the endpoint's list is waited for, in seconds: nothing tells who types that something is on its way.
TYPING_SECONDS = 0.8


class GovernanceCog(commands.Cog):
    """The two commands."""

    def __init__(self, governance: Governance) -> None:
        self._governance = governance

    @app_commands.command(
        description="See and change what holds in this channel: on or off, reply mode, persona, model, memory"
    )
    @app_commands.describe(model="The model that writes here; the panel has a menu of the first ones")
    @only_if(require_manager)
    async def channel(self, interaction: discord.Interaction, model: str | None = None) -> None:
        """Show the panel, once *model* is set."""
        await defer(interaction, ephemeral=True)
        note = None
        if model is not None:
            layers = await change(interaction, "channel", model=model)
            note = words.told(layers, "model", place_of(interaction))
        await show_channel(interaction, note)

    @app_commands.command(description="See and change what holds in this server, and who may talk with me")
    @app_commands.describe(model="The model that writes in this server; the panel has a menu of the first ones")
    @app_commands.guild_only()
    @only_if(require_server_manager)
    async def server(self, interaction: discord.Interaction, model: str | None = None) -> None:
        """Show the panel, once *model* is set."""
        await defer(interaction, ephemeral=True)
        note = None
        if model is not None:
            layers = await change(interaction, "server", model=model)
            note = words.told(layers, "model", Place(0, interaction.guild_id))
        await show_server(interaction, note)

    @channel.autocomplete("model")
    @server.autocomplete("model")
    @only_if(require_manager)
    async def offer_models(self, _: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        """Offer the models whose names contain what is typed."""
        offered = [name for name in await self._governance.models.offered(TYPING_SECONDS) if len(name) <= OPTION_LENGTH]
        found = [name for name in offered if typed.casefold() in name.casefold()]
        return [app_commands.Choice(name=name, value=name) for name in found[:MOST_OFFERED]]


async def setup(bot: MnemoBot) -> None:
    """Add the cog, and the menus and buttons whose messages may be older than this process."""
    bot.add_dynamic_items(FieldSelect, FormButton, PageButton, ChannelList, PeopleList, CleanButton)
    await bot.add_cog(GovernanceCog(bot.services.governance))
