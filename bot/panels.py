"""Panels: what the bot shows apart from replies, in Discord's layout components. What stands in one, whoever shows it says."""

from __future__ import annotations

import discord

#: Discord's limit of all texts of a panel together.
PANEL_LENGTH = 4_000


def panel(*texts: str) -> discord.ui.LayoutView:
    """Return *texts* one under the other in a frame, with a line between."""
    frame: discord.ui.Container[discord.ui.LayoutView] = discord.ui.Container(accent_color=discord.Color.blurple())
    for number, text in enumerate(texts):
        if number:
            frame.add_item(discord.ui.Separator())
        frame.add_item(discord.ui.TextDisplay(text))
    return discord.ui.LayoutView(timeout=None).add_item(frame)
