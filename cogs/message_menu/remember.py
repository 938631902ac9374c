"""*Remember this*: a message is pinned, and stands in every prompt of its channel from then on, until somebody unpins it.

Pins take room of everybody's prompts, so they are for moderators, as Discord's own are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self, cast

import discord

from bot.answers import answer, answering, defer, only_if, place_of, require_moderator, require_talker
from bot.catch_up import CatchUp
from bot.errors import UserFacingError
from bot.links import escaped
from bot.listening import Listener
from bot.panels import panel
from bot.pins import Pins
from bot.privacy import Privacy
from bot.prompt import clean_name
from bot.wording import address, clipped
from storage.records import Message, Place

if TYPE_CHECKING:
    from bot.client import MnemoBot

#: So much of the message is shown.
EXCERPT_LENGTH = 300

OPTED_OUT = "Who wrote this opted out of being remembered, so I do not keep it."
UNPINNED = "## Unpinned\nThis message stands in my prompts no more than any other."
NOT_PINNED = "This message is not pinned any more."


class RememberCommand:
    """The command."""

    def __init__(self, pins: Pins, listener: Listener, privacy: Privacy, catch_up: CatchUp) -> None:
        self._pins = pins
        self._listener = listener
        self._privacy = privacy
        self._catch_up = catch_up

    @only_if(require_moderator)
    async def remember(self, interaction: discord.Interaction, message: discord.Message) -> None:
        """Pin the message, and show it with a way to take that back."""
        await defer(interaction, ephemeral=True)
        require_talker(interaction)
        place = place_of(interaction)
        if self._privacy.has_opted_out(message.author.id):
            raise UserFacingError(OPTED_OUT)
        await self._catch_up.settled(place.channel_id, place.guild_id)
        pinned = await self._pins.pin(place, message.id, self._listener.words_of(message, place))
        await answer(interaction, view=pinned_panel(pinned, place, message.id))


def pinned_panel(message: Message, place: Place, message_id: int) -> discord.ui.LayoutView:
    """Return what tells that a message is pinned, with a button that takes that back."""
    excerpt = clipped(" ".join(message.content.split()), EXCERPT_LENGTH)
    link = address(place.guild_id, place.channel_id, message_id)
    told = (
        f"## 📌 I remember this\n> {escaped(excerpt)}\n"
        f"-# {escaped(clean_name(message.author_name))}, <t:{int(message.created_at)}:f>, [go there]({link})"
    )
    rest = (
        "From now on it stands in every prompt of this channel. An edit changes it; a deletion, or a reset of this channel's "
        "memory, takes it away.\n-# Moderators can pin and unpin; `/memory show` lists the pins."
    )
    row: discord.ui.ActionRow[Any] = discord.ui.ActionRow(UnpinButton(message_id))
    return panel(told, rest).add_item(row)


class UnpinButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.LayoutView]], template=r"mnemo:unpin:(?P<message>\d+)"
):
    """Unpins a message. It works after a restart, too."""

    def __init__(self, message_id: int) -> None:
        super().__init__(
            discord.ui.Button(label="Unpin", style=discord.ButtonStyle.secondary, custom_id=f"mnemo:unpin:{message_id}")
        )
        self._message_id = message_id

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[discord.ui.LayoutView], match: re.Match[str]
    ) -> Self:
        """Make the button again from its id."""
        return cls(int(match["message"]))

    async def callback(self, interaction: discord.Interaction) -> None:
        """Unpin, if the caller still may."""
        async with answering(interaction):
            await defer(interaction)
            require_moderator(interaction)
            pins = cast("MnemoBot", interaction.client).services.pins
            unpinned = await pins.unpin(place_of(interaction).channel_id, self._message_id)
            await answer(interaction, view=panel(UNPINNED if unpinned else NOT_PINNED))
