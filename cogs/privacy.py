"""`/privacy`: what anyone can see and decide about their own words, and what the host's settings promise to all."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import discord
from discord import app_commands
from discord.ext import commands

from bot.answers import answer, answering, defer, place_of, unheard
from bot.catch_up import CatchUp
from bot.errors import UserFacingError
from bot.governance import Governance
from bot.introduction import what_is_remembered
from bot.panels import Remade, panel
from bot.privacy import EVERYWHERE, Privacy, Promise, Reader
from bot.wording import plural
from storage.records import Extent

if TYPE_CHECKING:
    from bot.client import MnemoBot

FILE = "about-me.json"

NOTHING = "I keep nothing about you there."
OPTED_OUT_ALREADY = "You opted out already: I keep nothing of what you say. `/privacy opt-in` changes that."
OPTED_IN = "From now on I remember what you say to me again. What you said before stays forgotten."
NOT_OPTED_OUT = "You did not opt out: there is nothing to change."
DISMISS = "To leave everything as it is, dismiss this message."
PEOPLE_READ = (
    "Who may read the message history here can search what I remember; who manages the channel can take it out. "
)

Where: TypeAlias = Literal["channel", "server"]
WHERE = [
    app_commands.Choice(name="this channel", value="channel"),
    app_commands.Choice(name="the whole server", value="server"),
]


class PrivacyCog(
    commands.GroupCog, group_name="privacy", group_description="What I keep about you, and what you decide about it"
):
    """The commands of the group. Everybody may use them, for themselves."""

    def __init__(self, privacy: Privacy, governance: Governance, catch_up: CatchUp) -> None:
        self._privacy = privacy
        self._governance = governance
        self._catch_up = catch_up

    @app_commands.command(description="Take out what I keep about you, as a file")
    @app_commands.describe(where="Where you said it; this channel if nothing is chosen")
    @app_commands.choices(where=WHERE)
    async def me(self, interaction: discord.Interaction, where: Where = "channel") -> None:
        """Send the file."""
        await defer(interaction, ephemeral=True)
        lists = self._governance.lists_of(interaction.guild_id or 0, interaction.user.id)
        text = await self._privacy.about(interaction.user.id, _place(interaction, where), lists)
        if text is None:
            await answer(interaction, NOTHING)
            return
        data = text.encode()
        if len(data) > interaction.filesize_limit:
            raise UserFacingError(f"{FILE} is larger than Discord takes here: ask whoever hosts me for it.")
        told = f"All that I keep about you {_called(interaction, where)}, what a reset put away included:"
        await answer(interaction, told, files=[discord.File(io.BytesIO(data), FILE)])

    @app_commands.command(
        name="forget-me", description="Let me forget what you said, with the replies and summaries made of it"
    )
    @app_commands.describe(where="Where you said it; this channel if nothing is chosen")
    @app_commands.choices(where=WHERE)
    async def forget_me(self, interaction: discord.Interaction, where: Where = "channel") -> None:
        """Forget what was said in a channel; ask first if it is a whole server."""
        await defer(interaction, ephemeral=True)
        place = _place(interaction, where)
        if place.channel_id is not None:
            await self._catch_up.settled(place.channel_id, interaction.guild_id)
            forgotten = await self._privacy.forget(interaction.user.id, place)
            await answer(interaction, view=panel(_forgotten(forgotten, _called(interaction, where))))
            return
        assert interaction.guild_id is not None, "else it is one channel"
        await self._catch_up.server_settled(interaction.guild_id)
        count = await self._privacy.count(interaction.user.id, place)
        if not count:
            await answer(interaction, view=panel(_forgotten(0, _called(interaction, where))))
            return
        question = (
            f"## Forget you in this server?\nI forget {_messages(count)} of yours, from all channels of this server, with "
            f"my replies to them and the summaries made of them.\n-# This cannot be undone. {DISMISS}"
        )
        await answer(interaction, view=_asking(question, ForgetButton()))

    @app_commands.command(name="opt-out", description="Let me remember nothing of what you say, anywhere")
    async def opt_out(self, interaction: discord.Interaction) -> None:
        """Ask before it."""
        await defer(interaction, ephemeral=True)
        count = await self._privacy.count(interaction.user.id, EVERYWHERE)
        if self._privacy.has_opted_out(interaction.user.id) and not count:
            await answer(interaction, OPTED_OUT_ALREADY)
            return
        question = (
            "## Opt out?\nFrom then on, in every server and in direct messages, I keep nothing of what you say and show it to no "
            f"model; so I cannot answer you either. I also forget what I remember of you ({_messages(count)}), with my replies "
            "and the summaries made of it. What others say about you or quote of you is theirs.\n"
            f"-# `/privacy opt-in` lets me listen again; what is forgotten stays so. {DISMISS}"
        )
        await answer(interaction, view=_asking(question, OptOutButton()))

    @app_commands.command(name="opt-in", description="Let me remember again what you say from now on")
    async def opt_in(self, interaction: discord.Interaction) -> None:
        """Take an opt-out back."""
        await defer(interaction, ephemeral=True)
        had = self._privacy.has_opted_out(interaction.user.id)
        await self._privacy.opt_in(interaction.user.id)
        await answer(interaction, OPTED_IN if had else NOT_OPTED_OUT)

    @app_commands.command(description="See what I keep, where, how long, and who reads it")
    async def policy(self, interaction: discord.Interaction) -> None:
        """Say what the settings promise, and what admins decided for this channel."""
        await defer(interaction, ephemeral=True)
        holds = self._governance.holds(place_of(interaction))
        promised = self._privacy.promise.for_channel(holds, self._governance.models.of(holds))
        is_heard = unheard(interaction) is None
        texts = policy_texts(promised, in_private=interaction.guild_id is None, is_heard=is_heard)
        await answer(interaction, view=panel(*texts))


class ForgetButton(
    Remade, discord.ui.DynamicItem[discord.ui.Button[discord.ui.LayoutView]], template=r"mnemo:forget-me"
):
    """Confirms that whoever presses it is forgotten in a server. It works after a restart, too."""

    def __init__(self) -> None:
        super().__init__(_danger("Forget me here", "mnemo:forget-me"))

    async def callback(self, interaction: discord.Interaction) -> None:
        """Forget whoever pressed it."""
        async with answering(interaction):
            await defer(interaction)
            assert interaction.guild_id is not None, "it is asked only in servers"
            await cast("MnemoBot", interaction.client).services.catch_up.server_settled(interaction.guild_id)
            forgotten = await _privacy_of(interaction).forget(
                interaction.user.id, Extent(guild_id=interaction.guild_id)
            )
            await answer(interaction, view=panel(_forgotten(forgotten, "in this server")))


class OptOutButton(Remade, discord.ui.DynamicItem[discord.ui.Button[discord.ui.LayoutView]], template=r"mnemo:opt-out"):
    """Confirms that whoever presses it opts out. It works after a restart, too."""

    def __init__(self) -> None:
        super().__init__(_danger("Opt out and forget me", "mnemo:opt-out"))

    async def callback(self, interaction: discord.Interaction) -> None:
        """Let whoever pressed it opt out."""
        async with answering(interaction):
            await defer(interaction)
            forgotten = await _privacy_of(interaction).opt_out(interaction.user.id)
            told = f"## You opted out\nI keep nothing of what you say, and forgot {_messages(forgotten)} of yours."
            await answer(interaction, view=panel(f"{told}\n-# `/privacy opt-in` changes that for what comes."))


def policy_texts(promise: Promise, *, in_private: bool, is_heard: bool) -> list[str]:
    """Return what the host's settings promise, a subject each."""
    return [
        "## What I keep, and who reads it\n"
        + what_is_remembered(promise.reply_mode, in_private=in_private, is_heard=is_heard),
        "### What\nThe text, with the author's name and id and the time; of files the names and an excerpt of their text, never "
        "the file; summaries of what is older, where this channel's policy makes them; how many tokens were used by whom, "
        f"without any text. Also what {'you pin' if in_private else 'moderators pin'} (*Remember this*), until it is unpinned, "
        f"and what {'you ask' if in_private else 'somebody asks'} me about (*Ask about this*), with the question.",
        "### Where\nIn one database on the machine that I run on, each channel for itself.",
        f"### How long\n{_how_long(promise)} The token counts stay.",
        f"### Who reads it\n{_who_reads(promise)}\n{'' if in_private else PEOPLE_READ}"
        "Whoever hosts me can read it all and make backups, in which what is forgotten later stands until they delete them.",
        "### What you can do\n`/privacy me` gives you what I keep about you, `/privacy forget-me` lets me forget it, and "
        "`/privacy opt-out` lets me keep nothing. A message that you edit or delete changes or leaves my memory at once.",
    ]


def _how_long(promise: Promise) -> str:
    until = "Until it is deleted on Discord or forgotten"
    if promise.retention_days is not None:
        until += f", and {plural(promise.retention_days, 'day')} at most (deleted each night)"
    if not promise.grace_hours:
        return f"{until}. A reset of a channel's memory deletes it at once."
    return (
        f"{until}. A reset puts a channel's memory away, and {plural(promise.grace_hours, 'hour')} later it is deleted."
    )


def _who_reads(promise: Promise) -> str:
    told = f"With each reply, {_named(promise.model)} reads the part of this channel's memory that the policy shows"
    told += ", and the images that the newest message brings, if it takes any." if promise.takes_images else "."
    if promise.summarizer != promise.model.model:
        told += f" Summaries are written by {_named(Reader(promise.summarizer, promise.model.machine))}."
    if promise.fallback is not None:
        told += f" While that one fails, {_named(promise.fallback)} reads it instead."
    return told


def _named(reader: Reader) -> str:
    where = "on the machine that I run on" if reader.is_at_home else f"at `{reader.machine}`"
    return f"the model `{reader.model}` {where}"


def _place(interaction: discord.Interaction, where: Where) -> Extent:
    """Return what is meant; a direct message is one channel, and no server."""
    if where == "server" and interaction.guild_id is not None:
        return Extent(guild_id=interaction.guild_id)
    return Extent(channel_id=interaction.channel_id)


def _called(interaction: discord.Interaction, where: Where) -> str:
    if interaction.guild_id is None:
        return "in this conversation"
    return "in this server" if where == "server" else "in this channel"


def _forgotten(count: int, where: str) -> str:
    if not count:
        return f"I remember nothing {where} that you said."
    return (
        f"## Forgotten\n{_messages(count)} of yours {where}, with my replies to them. Summaries that covered them are made again "
        "from what is left.\n-# On Discord they still stand; what others quote of them is theirs."
    )


def _asking(question: str, button: discord.ui.Item[Any]) -> discord.ui.LayoutView:
    row: discord.ui.ActionRow[Any] = discord.ui.ActionRow(button)
    return panel(question).add_item(row)


def _danger(label: str, custom_id: str) -> discord.ui.Button[discord.ui.LayoutView]:
    return discord.ui.Button(label=label, style=discord.ButtonStyle.danger, custom_id=custom_id)


def _privacy_of(interaction: discord.Interaction) -> Privacy:
    """Return the service for a button that discord.py makes itself: nobody can hand it what it uses."""
    return cast("MnemoBot", interaction.client).services.privacy


def _messages(count: int) -> str:
    return plural(count, "message")


async def setup(bot: MnemoBot) -> None:
    """Add the cog, and the buttons whose messages may be older than this process."""
    bot.add_dynamic_items(ForgetButton, OptOutButton)
    await bot.add_cog(PrivacyCog(bot.services.privacy, bot.services.governance, bot.services.catch_up))
