"""The menus and buttons of the panels. What they change stands in their ids, so that they work after a restart.

Who may is looked at each time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Self, cast

import discord

from bot.answers import answering, defer
from bot.personas import PRESETS
from cogs.governance import words
from cogs.governance.forms import FORMS
from cogs.governance.shared import INHERIT, PAGES, change, governance_of, place_for, require
from cogs.governance.words import LABELS, Scope


def value_of(name: str, chosen: str) -> Any:
    """Return what a menu's value stands for."""
    if chosen == INHERIT:
        return None
    return {"is_on": chosen == "on", "persona": PRESETS.get(chosen)}.get(name, chosen)


class FieldSelect(
    discord.ui.DynamicItem[discord.ui.Select[discord.ui.LayoutView]],
    template=rf"mnemo:rules:(?P<scope>channel|server):(?P<name>{'|'.join(LABELS)})",
):
    """Chooses one value, or to inherit it."""

    def __init__(self, scope: Scope, name: str, offered: Sequence[discord.SelectOption] = ()) -> None:
        custom_id = f"mnemo:rules:{scope}:{name}"
        super().__init__(discord.ui.Select(custom_id=custom_id, options=list(offered), placeholder=LABELS[name]))
        self._scope = scope
        self._name = name

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[discord.ui.LayoutView], match: re.Match[str]
    ) -> Self:
        """Make the menu again from its id."""
        return cls(cast("Scope", match["scope"]), match["name"])

    async def callback(self, interaction: discord.Interaction) -> None:
        """Set it, and show what holds then."""
        async with answering(interaction):
            await self._change(interaction)

    async def _change(self, interaction: discord.Interaction) -> None:
        await defer(interaction)
        chosen = self.item.values[0]
        note = None
        if self._name != "persona" or chosen in (INHERIT, *PRESETS):  # not for the words that are there already
            layers = await change(interaction, self._scope, **{self._name: value_of(self._name, chosen)})
            note = words.told(layers, self._name, place_for(interaction, self._scope))
        await PAGES[self._scope](interaction, note)


class PageButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.LayoutView]],
    template=r"mnemo:rules:page:(?P<page>server|access)",
):
    """Goes from the server's defaults to who may, and back."""

    def __init__(self, page: str) -> None:
        label = "Who may talk and reset" if page == "access" else "What holds in this server"
        super().__init__(discord.ui.Button(label=label, custom_id=f"mnemo:rules:page:{page}"))
        self._page = page

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[discord.ui.LayoutView], match: re.Match[str]
    ) -> Self:
        """Make the button again from its id."""
        return cls(match["page"])

    async def callback(self, interaction: discord.Interaction) -> None:
        """Show the other page."""
        async with answering(interaction):
            await self._turn(interaction)

    async def _turn(self, interaction: discord.Interaction) -> None:
        await defer(interaction)
        await PAGES[self._page](interaction)


class FormButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.LayoutView]],
    template=rf"mnemo:rules:(?P<scope>channel|server):form:(?P<form>{'|'.join(FORMS)})",
):
    """Opens a form."""

    def __init__(self, scope: Scope, form: str) -> None:
        custom_id = f"mnemo:rules:{scope}:form:{form}"
        super().__init__(discord.ui.Button(label=FORMS[form].button, custom_id=custom_id))
        self._scope = scope
        self._form = form

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[discord.ui.LayoutView], match: re.Match[str]
    ) -> Self:
        """Make the button again from its id."""
        return cls(cast("Scope", match["scope"]), match["form"])

    async def callback(self, interaction: discord.Interaction) -> None:
        """Open the form, if the caller still may. It has to be the first answer, so nothing is deferred."""
        async with answering(interaction):
            await self._open(interaction)

    async def _open(self, interaction: discord.Interaction) -> None:
        require(interaction, self._scope)
        layers = governance_of(interaction).layers(place_for(interaction, self._scope))
        own = layers.server if self._scope == "server" else layers.channel
        await FORMS[self._form](interaction, self._scope, own).open(interaction)
