"""`/host`: what whoever hosts the bot can see from Discord. Who that is, the setting ``OWNER_IDS`` says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import discord
from discord import app_commands
from discord.ext import commands

from bot.answers import answer, defer, only_if
from bot.errors import NotPermitted
from bot.host import Host, HostReport
from bot.panels import panel
from bot.ports import ModelState
from bot.troubles import Trouble
from bot.wording import clipped, plural
from storage.records import BudgetStanding, DatabaseState

if TYPE_CHECKING:
    from bot.client import MnemoBot

ONLY_FOR_OWNERS = "This is for whoever hosts me (`OWNER_IDS`)."

#: So many kinds of troubles are told; the log has the rest.
SHOWN_TROUBLES = 8

#: So much is told of an error.
SHOWN_CHARACTERS = 300

_UNITS = ((10**9, "GB"), (10**6, "MB"))


def require_owner(interaction: discord.Interaction) -> None:
    """Raise :class:`NotPermitted` unless the caller hosts the bot."""
    if interaction.user.id not in cast("MnemoBot", interaction.client).services.host.owners:
        raise NotPermitted(ONLY_FOR_OWNERS)


class HostCog(commands.GroupCog, group_name="host", group_description="For whoever hosts me"):
    """The commands of the group."""

    def __init__(self, bot: commands.Bot, host: Host) -> None:
        self._bot = bot
        self._host = host

    @app_commands.command(description="See how I am: versions, connection, models, database, queue, recent errors")
    @only_if(require_owner)
    async def status(self, interaction: discord.Interaction) -> None:
        """Show it."""
        await defer(interaction, ephemeral=True)
        report = await self._host.report()
        connection = _connection(self._bot.latency, len(self._bot.guilds))
        shown = panel(
            f"## {_headline(report)}\n{_versions(report)}",
            f"{connection}\n{_models(report.models)}\n{_queue(report)}{_today(report.today)}",
            _database(report),
            _troubles(report.troubles),
        )
        await answer(interaction, view=shown)


def _headline(report: HostReport) -> str:
    if isinstance(report.database, str):
        return "My memory cannot be used"
    if not all(model.is_usable for model in report.models):
        return "A model is left alone for now"
    return "All is well" if not any(one.is_error for one in report.troubles) else "I am up, with errors lately"


def _versions(report: HostReport) -> str:
    versions = f"Mnemo {report.mnemo} · Python {report.python} · discord.py {discord.__version__}"
    if isinstance(report.database, DatabaseState):
        versions += f" · SQLite {report.database.sqlite_version}"
    return f"{versions}\n-# Started <t:{int(report.started_at)}:R>"


def _connection(latency: float, servers: int) -> str:
    delay = f"{1000 * latency:,.0f} ms" if math.isfinite(latency) else "not measured yet"
    return f"**Discord** {plural(servers, 'server')}, gateway latency {delay}"


def _models(models: Sequence[ModelState]) -> str:
    return "\n".join(f"**{_escaped(model.title)}** {_condition(model)}" for model in models)


def _condition(model: ModelState) -> str:
    if model.is_usable:
        return "in use" if model.failure is None else f"in use; failed last with {_escaped(model.failure)}"
    when = "is being tried again" if math.isinf(model.pause) else f"is tried again in {model.pause:.0f} s"
    return f"left alone, {when}: {_escaped(model.failure or '')}"


def _queue(report: HostReport) -> str:
    waiting = "an unknown number" if report.waiting is None else f"{report.waiting:,}"
    catching_up = plural(report.to_catch_up, "place") if report.to_catch_up else "nothing"
    return f"**Queue** {plural(report.replies, 'turn')} running, {waiting} waiting; {catching_up} to catch up with"


def _today(budget: BudgetStanding | None) -> str:
    if budget is None:
        return ""
    return f"\n**Tokens of today** {budget.used:,} of {budget.limit:,} (`DAILY_TOKENS`)"


def _database(report: HostReport) -> str:
    database = report.database
    if isinstance(database, str):
        return f"**Database** {_escaped(database)}"
    sizes = f"{_bytes(database.size)}, its log {_bytes(database.log_size)}; {_bytes(database.free)} free on the disk"
    tidied = "not yet" if report.tidied_at is None else f"<t:{int(report.tidied_at)}:R>"
    return f"**Database** {sizes}\n-# Tidied {tidied}"


def _troubles(troubles: Sequence[Trouble]) -> str:
    errors = sum(one.times for one in troubles if one.is_error)
    warnings = sum(one.times for one in troubles if not one.is_error)
    head = f"**The last hour** {plural(errors, 'error')}, {plural(warnings, 'warning')}"
    lines = [f"- {one.times:,}x `{one.where}` {_escaped(one.what)}".rstrip() for one in troubles[:SHOWN_TROUBLES]]
    rest = len(troubles) - len(lines)
    foot = [f"-# and {plural(rest, 'other kind')}; the log has them all"] if rest else []
    return "\n".join([head, *lines, *foot])


def _escaped(text: str) -> str:
    return discord.utils.escape_markdown(clipped(text, SHOWN_CHARACTERS), ignore_links=False)


def _bytes(size: int) -> str:
    for unit, name in _UNITS:
        if size >= unit:
            return f"{size / unit:,.1f} {name}"
    return f"{size / 1_000:.0f} kB"


async def setup(bot: MnemoBot) -> None:
    """Add the cog."""
    await bot.add_cog(HostCog(bot, bot.services.host))
