"""Tells admins, once a day and budget, that it is used up: a server's where its notices go, the host's owners in private."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import discord
from discord.ext import commands

from bot.budgets import Budgets, Spent
from bot.panels import panel
from bot.replies import nonce
from bot.rest import FAILURES, insist
from storage.records import Budget

if TYPE_CHECKING:
    from bot.client import MnemoBot

log = logging.getLogger(__name__)

#: What is used up. Who it was is not said: these stand where everybody reads.
WHAT: dict[Budget, str] = {
    "user": "Somebody in this server used up the **{limit:,} tokens** that a person may use in a day.",
    "member": "Somebody used up the **{limit:,} tokens** that a person may use in a day in this server.",
    "channel": "The **{limit:,} tokens** that may be used in a day in <#{channel_id}> are used up.",
    "server": "The **{limit:,} tokens** that may be used in a day in this server are used up.",
    "host": "The **{limit:,} tokens** that may be used in a day (`DAILY_TOKENS`) are used up.",
}
WHO_SEES = (
    "-# Who manages this server sees with `/usage` what was used where and by whom, and with `/server` the limits."
)
UNTIL = "I answer again <t:{free_at}:R>; what is said until then is remembered as always."


class BudgetsCog(commands.Cog):
    """Hears from *budgets* which one is spent."""

    def __init__(self, bot: commands.Bot, budgets: Budgets, owners: frozenset[int]) -> None:
        self._bot = bot
        self._owners = owners
        budgets.attach(self.tell)

    async def tell(self, spent: Spent) -> None:
        """Tell whoever can do something about it."""
        text = "## A budget is used up\n" + WHAT[spent.standing.budget].format(
            limit=spent.standing.limit, channel_id=spent.channel_id
        )
        until = UNTIL.format(free_at=int(spent.free_at))
        if spent.standing.budget == "host":
            for owner in sorted(self._owners):
                await self._send(await self._private(owner), panel(f"{text} {until}"), spent)
        elif spent.standing.guild_id is not None:
            view = panel(f"{text} {until}", WHO_SEES)
            notices = await self._notices(spent.standing.guild_id)
            if notices is None or not await self._send(notices, view, spent):
                await self._send(spent.channel_id, view, spent)

    async def _notices(self, guild_id: int) -> int | None:
        """Return the channel where Discord's own notices go in a server, if there is one."""
        try:
            guild = await insist(self._bot, lambda: self._bot.http.get_guild(guild_id, with_counts=False))
        except FAILURES as error:
            log.info("a server does not tell where notices go (%s)", type(error).__name__, extra={"guild": guild_id})
            return None
        return int(guild["system_channel_id"]) if guild["system_channel_id"] else None

    async def _private(self, user_id: int) -> int | None:
        try:
            return (await insist(self._bot, lambda: self._bot.create_dm(discord.Object(user_id)))).id
        except FAILURES as error:
            log.warning("an owner (%d) cannot be written to (%s)", user_id, type(error).__name__)
            return None

    async def _send(self, channel_id: int | None, view: discord.ui.LayoutView, spent: Spent) -> bool:
        """Say it once in a channel: a second attempt finds the first one's message. False if that may not be."""
        if channel_id is None:
            return False
        once = nonce(spent.place_id, int(spent.free_at), list(WHAT).index(spent.standing.budget))
        place = self._bot.get_partial_messageable(channel_id)
        try:
            await insist(self._bot, lambda: place.send(view=view, nonce=once, silent=True))
        except FAILURES as error:
            log.info("a notice could not be sent (%s)", type(error).__name__, extra={"channel": channel_id})
            return False
        return True


async def setup(bot: MnemoBot) -> None:
    """Add the cog."""
    services = bot.services
    await bot.add_cog(BudgetsCog(bot, services.budgets, services.host.owners))
