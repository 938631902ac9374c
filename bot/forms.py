"""Forms: what Discord opens for somebody to write in. Whatever happens meanwhile, what is sent is answered."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import discord

from bot.answers import acknowledge, answer_error, answering

if TYPE_CHECKING:
    from bot.client import MnemoBot

#: What is sent later, in seconds, is handed back.
FORM_SECONDS = 3_600.0

HANDED_BACK = (
    "Nothing was changed: I was restarted while this form was open, or it was open for more than an hour. "
    "Please open it again."
)


class Form(discord.ui.Modal):
    """A form for who gave *interaction*. Its id is its own: two that are open at once are two."""

    def __init__(self, interaction: discord.Interaction, title: str) -> None:
        super().__init__(title=title, custom_id=f"mnemo:form:{interaction.id}", timeout=FORM_SECONDS)

    async def open(self, interaction: discord.Interaction) -> None:
        """Show it, which has to be the first answer."""
        cast("MnemoBot", interaction.client).forms[self.custom_id] = self
        await acknowledge(interaction, lambda: interaction.response.send_modal(self))

    # discord.py's own Modal has this signature, which is not the one of the class that it is made from.
    async def on_error(  # type: ignore[override]
        self, interaction: discord.Interaction, error: Exception
    ) -> None:
        """Tell the caller what went wrong."""
        await answer_error(interaction, error)


async def hand_back(interaction: discord.Interaction) -> None:
    """Answer a form that was sent and that nobody knows any more, with what was written in it."""
    sent = cast("dict[str, Any]", interaction.data)
    form = cast("MnemoBot", interaction.client).forms.get(sent["custom_id"])
    if form is not None and not form.is_finished():
        return
    written = "\n\n".join(_written(sent["components"])).encode()

    async def tell() -> None:
        files = [discord.File(io.BytesIO(written), "your-words.md")] if written else []
        await interaction.response.send_message(HANDED_BACK, files=files, ephemeral=True)

    async with answering(interaction):
        await acknowledge(interaction, tell)


def _written(components: list[dict[str, Any]]) -> Iterator[str]:
    for component in components:
        if value := component.get("value"):
            yield value
        yield from _written(component.get("components", [component["component"]] if "component" in component else []))
