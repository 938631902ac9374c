"""The buttons under a reply as Discord shows them. What they do is not here: ``cogs/replies.py`` takes clicks."""

from __future__ import annotations

from functools import cache

import discord

from bot.ports import Button

CUSTOM_ID = "mnemo:reply:{}"

_SHOWN = {Button.STOP: ("Stop", "⏹️"), Button.CONTINUE: ("Continue", "▶️"), Button.RETRY: ("Retry", "🔁")}


def custom_id(button: Button) -> str:
    """Return the id of a button: which reply it is for, the message that it stands under says."""
    return CUSTOM_ID.format(button)


@cache
def view_of(buttons: tuple[Button, ...]) -> discord.ui.View | None:
    """Return *buttons* as all that stands under a message; None, which takes away what stood there, if there are none."""
    if not buttons:
        return None
    view = discord.ui.View(timeout=None)
    for button in buttons:
        label, emoji = _SHOWN[button]
        view.add_item(
            discord.ui.Button(
                label=label, emoji=emoji, style=discord.ButtonStyle.secondary, custom_id=custom_id(button)
            )
        )
    view.stop()  # else discord.py would keep it as long as the program runs; clicks are known by the id
    return view
