"""One short message when the bot joins a server: what it does, what it remembers, and how to talk to it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import discord
from discord.ext import commands

from bot.governance import Governance
from bot.introduction import how_to_talk, what_is_remembered
from bot.panels import panel
from bot.replies import nonce
from bot.rest import FAILURES, insist
from bot.survey import Joined
from storage.records import Place

if TYPE_CHECKING:
    from bot.client import MnemoBot

log = logging.getLogger(__name__)

WHO_I_AM = "You can talk with me, and I remember what was said: each channel, thread and direct message has a memory of its own."
FOLLOWS = "What is edited or deleted changes or leaves my memory, too."
MODES = "Who manages this server can let me remember, or answer, every message instead: `/channel`."
MORE = "-# `/help` tells what is possible in a channel, `/memory show` what I remember there."


class JoiningCog(commands.Cog):
    """Says hello."""

    def __init__(self, bot: commands.Bot, governance: Governance) -> None:
        self._bot = bot
        self._governance = governance

    @commands.Cog.listener()
    async def on_joined(self, joined: Joined) -> None:
        """We were invited to a server, where we may write in one channel at least (``bot/caches.py``)."""
        place = self._bot.get_partial_messageable(joined.channel_id)
        # The same for the same joining, so that a second attempt finds the first one's message.
        once = nonce(joined.guild_id, 0, joined.at)
        try:
            await insist(self._bot, lambda: place.send(view=self._hello(joined), nonce=once))
        except FAILURES as error:
            log.warning("I could not say hello in a server that I joined: %s", error, extra={"guild": joined.guild_id})

    def _hello(self, joined: Joined) -> discord.ui.LayoutView:
        me = self._bot.user
        assert me is not None, "we are logged in"
        mode = self._governance.reply_mode(Place(joined.channel_id, joined.guild_id))
        talking = how_to_talk(mode, me.mention, in_private=False)
        remembering = f"{what_is_remembered(mode, in_private=False)} {FOLLOWS}"
        if mode == "mention":
            remembering = f"{remembering} {MODES}"
        return panel(f"## Hello, I am {me.display_name}\n{WHO_I_AM}", f"**Talk to me.** {talking}\n{remembering}", MORE)


async def setup(bot: MnemoBot) -> None:
    """Add the cog."""
    await bot.add_cog(JoiningCog(bot, bot.services.governance))
