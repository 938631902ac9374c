"""Tells admins, once a day and budget, that it is used up: a server's where its notices go, the host's owners in private."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import discord
from discord.ext import commands

from bot.budgets import Budgets, Spent, limit_words
from bot.panels import panel
from bot.replies import nonce
from bot.rest import FAILURES, insist
from storage.records import Budget

if TYPE_CHECKING:
    from bot.client import MnemoBot

log = logging.getLogger(__name__)

#: What is used up. Who it was is not said: these stand where everybody reads.
WHAT: dict[Budget, str] = {
    "user": "Somebody in this server used up the **{tokens}** that a person may use in a day.",
    "member": "Somebody used up the **{tokens}** that a person may use in a day in this server.",
    "channel": "The **{tokens}** that may be used in a day in <#{channel_id}> {are} used up.",
    "server": "The **{tokens}** that may be used in a day in this server {are} used up.",
    "host": "The **{tokens}** that may be used in a day (`DAILY_TOKENS`) {are} used up.",
}
BY_THE_HOST = "The limit was set by whoever hosts me."
#: Where the limit was set, for all but the host's own.
SET_WHERE: dict[Budget, str] = {
    "user": BY_THE_HOST,
    "member": "`/server` has the limit.",
    "channel": "`/channel` has the limit there, and tells where it was set.",
    "server": BY_THE_HOST,
}
WHO_SEES = "-# Who manages this server sees with `/usage` what was used where and by whom."
UNTIL = "I answer again <t:{free_at}:R>; what is said until then is remembered as always."
UNTIL_FOR_ONE = (
    "I answer this person again <t:{free_at}:R>, and everybody else as always; what is said until then is remembered."
)


class BudgetsCog(commands.Cog):
    """Hears from *budgets* which one is spent."""

    def __init__(self, bot: commands.Bot, budgets: Budgets, owners: frozenset[int]) -> None:
        self._bot = bot
        self._owners = owners
        budgets.attach(self.tell)

    async def tell(self, spent: Spent) -> None:
        """Tell whoever can do something about it."""
        budget = spent.standing.budget
        if budget == "host":
            for owner in sorted(self._owners):
                await self._send(await self._private(owner), panel(_told(spent)), spent)
        elif spent.standing.guild_id is not None:
            view = panel(_told(spent), f"{WHO_SEES} {SET_WHERE[budget]}")
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


def _told(spent: Spent) -> str:
    budget = spent.standing.budget
    what = WHAT[budget].format(channel_id=spent.channel_id, **limit_words(spent.standing.limit))
    until = UNTIL_FOR_ONE if budget in ("user", "member") else UNTIL
    return f"## A budget is used up\n{what} {until.format(free_at=int(spent.free_at))}"


async def setup(bot: MnemoBot) -> None:
    """Add the cog."""
    services = bot.services
    await bot.add_cog(BudgetsCog(bot, services.budgets, services.host.owners))
