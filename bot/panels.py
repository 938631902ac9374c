"""Panels: what the bot shows apart from replies, in Discord's layout components. What stands in one, whoever shows it says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import discord

#: Discord's limit of all texts of a panel together.
PANEL_LENGTH = 4_000


def panel(*texts: str, files: Sequence[discord.File] = ()) -> discord.ui.LayoutView:
    """Return *texts* one under the other in a frame, with a line between; *files*, which are to be sent with it, at the end."""
    frame: discord.ui.Container[discord.ui.LayoutView] = discord.ui.Container(accent_color=discord.Color.blurple())
    for number, text in enumerate(texts):
        if number:
            frame.add_item(discord.ui.Separator())
        frame.add_item(discord.ui.TextDisplay(text))
    for file in files:
        frame.add_item(discord.ui.File(file))
    return discord.ui.LayoutView(timeout=None).add_item(frame)


class Remade:
    """For a button or menu whose id says nothing but what it is: makes it again when it is pressed, also after a restart."""

    @classmethod
    async def from_custom_id(cls, *_: object, **__: object) -> Self:
        """Make it, as discord.py asks a ``DynamicItem`` to; nothing of what it tells is needed."""
        return cls()
