"""The panel of `/channel`, and of `/server` for its defaults: what holds, where that comes from, and the menus that change it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import discord

from bot.answers import answer
from bot.governance import Layers
from bot.memory import POLICIES
from bot.personas import PRESETS
from cogs.governance import words
from cogs.governance.controls import FieldSelect, FormButton, PageButton
from cogs.governance.shared import INHERIT, governance_of, page, place_for, require
from cogs.governance.words import MODES, Scope
from storage.records import Overrides

#: Discord's limits: of a menu's options, and of an option's value.
MOST_OPTIONS = 25
OPTION_LENGTH = 100

Layout = discord.ui.Container[discord.ui.LayoutView]


@page("channel")
async def show_channel(interaction: discord.Interaction, note: str | None = None) -> None:
    """Show what holds in this channel."""
    await _show(interaction, "channel", note)


@page("server")
async def show_server(interaction: discord.Interaction, note: str | None = None) -> None:
    """Show what holds in this server."""
    await _show(interaction, "server", note)


async def _show(interaction: discord.Interaction, scope: Scope, note: str | None) -> None:
    require(interaction, scope)
    governance, place = governance_of(interaction), place_for(interaction, scope)
    layers, models = governance.layers(place), governance.models
    frame: Layout = discord.ui.Container(accent_color=discord.Color.blurple())
    frame.add_item(discord.ui.TextDisplay(words.heading(scope, place)))
    if note:
        frame.add_item(discord.ui.TextDisplay(f"✅ {note}"))
    frame.add_item(discord.ui.Separator())
    inherited = _inherited(layers, scope)
    own = layers.server if scope == "server" else layers.channel

    def menu(name: str, offered: dict[str, str]) -> None:
        frame.add_item(discord.ui.ActionRow(FieldSelect(scope, name, _options(name, offered, own, inherited))))

    def text(name: str) -> None:
        frame.add_item(discord.ui.TextDisplay(words.shown(layers, name, place, models.of(layers.holds))))

    text("is_on")
    menu("is_on", {"on": "On", "off": "Off"})
    if place.guild_id is not None:  # in a direct message everything is said to us
        text("reply_mode")
        menu("reply_mode", {mode: f"{mode}: {what}" for mode, what in MODES.items()})
    frame.add_item(discord.ui.Section(words.persona(layers, place), accessory=FormButton(scope, "persona")))
    menu("persona", {name: name for name in PRESETS})
    text("model")
    menu("model", {name: name for name in await models.offered()})
    text("policy")
    menu("policy", {name: f"{name}: {words.POLICIES[name]}" for name in POLICIES})
    frame.add_item(discord.ui.Section(words.budget(layers, place), accessory=FormButton(scope, "budget")))
    frame.add_item(discord.ui.Section(words.limits(layers, place), accessory=FormButton(scope, "limits")))
    layout = discord.ui.LayoutView(timeout=None).add_item(frame)
    if scope == "server":
        layout.add_item(discord.ui.ActionRow(PageButton("access")))
    await answer(interaction, view=layout)


def _inherited(layers: Layers, scope: Scope) -> Overrides:
    """Return what holds where *scope* sets nothing itself."""
    return replace(layers, channel=Overrides(), **({"server": Overrides()} if scope == "server" else {})).holds


def _options(
    name: str, offered: dict[str, str], own: Overrides, inherited: Overrides
) -> Sequence[discord.SelectOption]:
    """Return what a menu offers, by value: at first to inherit. What was chosen is among it, however much is *offered*."""
    chosen = INHERIT if getattr(own, name) is None else words.value(own, name)
    fitting = {each: label for each, label in offered.items() if len(each) <= OPTION_LENGTH}
    first = dict(list(fitting.items())[: MOST_OPTIONS - 2])
    if chosen != INHERIT and len(chosen) <= OPTION_LENGTH:
        first.setdefault(chosen, chosen)
    labels = {INHERIT: f"Inherit: {words.value(inherited, name)}"} | first
    return [
        discord.SelectOption(label=label[:OPTION_LENGTH], value=each, default=each == chosen)
        for each, label in labels.items()
    ]
