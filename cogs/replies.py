"""The buttons under a reply: Stop while it is written, Retry and Continue after. For who asked, and who manages messages."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING, Self, cast

import discord

from bot.answers import answering, defer, is_manager, require_talker
from bot.controls import CUSTOM_ID, custom_id, view_of
from bot.errors import OutdatedButton
from bot.ports import Button
from bot.reply_actions import ReplyActions
from bot.rest import FAILURES, insist

if TYPE_CHECKING:
    from bot.client import MnemoBot

log = logging.getLogger(__name__)


class ReplyButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]],
    template=CUSTOM_ID.format(f"(?P<button>{'|'.join(Button)})"),
):
    """One of them. It works after a restart too: the message that it stands under says which reply it is for."""

    def __init__(self, button: Button) -> None:
        super().__init__(discord.ui.Button(custom_id=custom_id(button)))
        self._button = button

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[discord.ui.View], match: re.Match[str]
    ) -> Self:
        """Make the button again from its id."""
        return cls(Button(match["button"]))

    async def callback(self, interaction: discord.Interaction) -> None:
        """Do what it is for, if the caller may and it is not too late."""
        async with answering(interaction):
            await defer(interaction)
            try:
                if self._button is Button.STOP:
                    _stop(interaction)
                else:
                    await _reopen(interaction, self._button)
            except OutdatedButton:
                await _replace(interaction)
                raise


def _stop(interaction: discord.Interaction) -> None:
    assert interaction.message is not None, "a button stands under a message"
    message = interaction.message
    _actions(interaction).stop(message.channel.id, message.id, may=partial(_may_change, interaction))


async def _reopen(interaction: discord.Interaction, button: Button) -> None:
    """Let the reply be written anew or gone on with, but show first that it is being written: its own buttons come later."""
    assert interaction.message is not None, "a button stands under a message"
    actions = _actions(interaction)
    require_talker(interaction)
    reopen = actions.go_on if button is Button.CONTINUE else actions.retry
    channel_id = await reopen(interaction.message.id, may=partial(_may_change, interaction))
    try:
        await _replace(interaction, Button.STOP)
    finally:
        actions.take_up(channel_id)


def _actions(interaction: discord.Interaction) -> ReplyActions:
    return cast("MnemoBot", interaction.client).services.reply_actions


def _may_change(interaction: discord.Interaction, askers: Collection[int]) -> bool:
    """Whether the caller is one of those who asked, or manages messages here."""
    return interaction.user.id in askers or is_manager(interaction) or interaction.permissions.manage_messages


async def _replace(interaction: discord.Interaction, *buttons: Button) -> None:
    """Put other *buttons*, or none, in the place of the one that was pressed and its neighbors."""
    try:
        await insist(interaction.client, lambda: interaction.edit_original_response(view=view_of(buttons)))
    except FAILURES as error:
        log.info("buttons stay as they were: %s", type(error).__name__, extra={"channel": interaction.channel_id})


async def setup(bot: MnemoBot) -> None:
    """Know the buttons, whose messages may be older than this process."""
    bot.add_dynamic_items(ReplyButton)
