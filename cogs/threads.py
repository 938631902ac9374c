"""`/thread`: opens a thread that starts with the conversation so far, as a summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.answers import answer, defer, only_if, place_of, require_heard
from bot.catch_up import CatchUp
from bot.errors import BudgetSpent, NotPermitted, UserFacingError
from bot.panels import panel
from bot.replies import nonce
from bot.rest import insist
from bot.threads import Threads
from bot.wording import plural
from storage.records import Opened, Place

if TYPE_CHECKING:
    from bot.client import MnemoBot

NAME_LENGTH = 100

NOT_HERE = "I can open threads only in the text channels of a server, and this is none."
YOU_MAY_NOT = "You need the permission Create Public Threads for this."
I_MAY_NOT = (
    "To open a thread I need the permissions Send Messages, Read Message History, Create Public Threads and Send Messages in "
    "Threads here."
)
NOT_OPENED = "Discord did not let me open a thread here: {}"
NOT_PAID_FOR = "I opened no thread, because no tokens are left to summarize what was said here. {}"

WITHOUT = "⚠️ What was said could not be summarized just now, so this thread starts without it."
WITHOUT_A_PART = "⚠️ A part of what was said could not be summarized just now, so this thread starts without that."
NOTHING_SAID = "I remember nothing of that channel yet, so this thread starts afresh."
OWN_MEMORY = "What is said here, I remember here alone."
INHERITS = "-# Persona, model and memory policy are those of <#{}> until `/channel` sets others."
HAS_THE_SUMMARY = " `/memory show` has the summary."

_NEEDED = discord.Permissions(
    send_messages=True, read_message_history=True, create_public_threads=True, send_messages_in_threads=True
)

# https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
_THREAD_EXISTS = 160004


def require_opener(interaction: discord.Interaction) -> None:
    """Raise :class:`NotPermitted` unless we hear the caller here, and both of us may open a thread."""
    require_heard(interaction)
    channel, own = interaction.channel, interaction.app_permissions
    if channel is None or channel.type not in (discord.ChannelType.text, discord.ChannelType.news):
        raise NotPermitted(NOT_HERE)
    if not interaction.permissions.create_public_threads:
        raise NotPermitted(YOU_MAY_NOT)
    if not own.is_superset(_NEEDED):
        raise NotPermitted(I_MAY_NOT)


class ThreadCog(commands.Cog):
    """The command."""

    def __init__(self, bot: commands.Bot, threads: Threads, catch_up: CatchUp) -> None:
        self._bot = bot
        self._threads = threads
        self._catch_up = catch_up

    @app_commands.command(description="Open a thread that starts with what was said here, as a summary")
    @app_commands.describe(name="What the thread is called")
    @only_if(require_opener)
    async def thread(
        self, interaction: discord.Interaction, name: app_commands.Range[str, 1, NAME_LENGTH] | None = None
    ) -> None:
        """Open it, and say in it what it starts with."""
        await defer(interaction, ephemeral=True)
        place = place_of(interaction)
        await self._catch_up.settled(place.channel_id, place.guild_id)
        try:
            beginning = await self._threads.prepare(place.channel_id, interaction.user.id)
        except BudgetSpent as spent:
            raise UserFacingError(NOT_PAID_FOR.format(spent)) from None
        try:
            thread_id = await self._open(interaction, (name or "").strip() or _name(interaction))
        except discord.HTTPException as refused:
            await self._threads.give_up(beginning)
            raise UserFacingError(NOT_OPENED.format(refused.text)) from None
        except BaseException:
            await self._threads.give_up(beginning)
            raise
        thread = Place(thread_id, place.guild_id, place.channel_id)
        opened = await self._threads.begin(place.channel_id, thread, beginning)
        await self._introduce(interaction, thread_id, welcome(place.channel_id, opened))
        await answer(interaction, view=panel(f"## 🧵 Opened\nWe go on in <#{thread_id}>."))

    async def _open(self, interaction: discord.Interaction, name: str) -> int:
        """Open the thread under a message of ours: a message has one thread, so a request that is made again opens no second."""
        assert interaction.channel_id is not None, "commands are used in channels"
        channel = self._bot.get_partial_messageable(interaction.channel_id, guild_id=interaction.guild_id)
        told = f"🧵 {interaction.user.mention} opened a thread that goes on from here."
        once = nonce(interaction.id, 0, 0)
        starter = await insist(self._bot, lambda: channel.send(told, nonce=once))

        async def open_thread() -> None:
            try:
                await starter.create_thread(name=name)
            except discord.HTTPException as error:
                if error.code != _THREAD_EXISTS:
                    raise

        try:
            await insist(self._bot, open_thread)
        except discord.HTTPException:
            await insist(self._bot, starter.delete)
            raise
        return starter.id

    async def _introduce(self, interaction: discord.Interaction, thread_id: int, view: discord.ui.LayoutView) -> None:
        """Say in the thread what it starts with, and take the caller into it."""
        thread = self._bot.get_partial_messageable(thread_id, guild_id=interaction.guild_id)
        once = nonce(interaction.id, 0, 1)
        await insist(self._bot, lambda: thread.send(view=view, nonce=once))
        await insist(self._bot, lambda: self._bot.http.add_user_to_thread(thread_id, interaction.user.id))


def welcome(parent_id: int, opened: Opened) -> discord.ui.LayoutView:
    """Return the first message of a thread: what it starts with."""
    if (covered := opened.covered) is not None:
        count = plural(covered.messages, "message")
        told = (
            f"I know what was said in <#{parent_id}> as a summary of **{count}**, from <t:{int(covered.since)}:f> to "
            f"<t:{int(covered.until)}:f>. {OWN_MEMORY}"
        )
        lacks, where = "" if opened.is_whole else f"\n{WITHOUT_A_PART}", HAS_THE_SUMMARY
    else:
        told, lacks, where = (NOTHING_SAID if opened.is_whole else WITHOUT), "", ""
    return panel(f"## 🧵 We go on here\n{told}{lacks}", INHERITS.format(parent_id) + where)


def _name(interaction: discord.Interaction) -> str:
    return f"On from #{getattr(interaction.channel, 'name', None) or 'here'}"[:NAME_LENGTH]


async def setup(bot: MnemoBot) -> None:
    """Add the cog."""
    await bot.add_cog(ThreadCog(bot, bot.services.threads, bot.services.catch_up))
