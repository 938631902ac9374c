"""Answers to slash commands and buttons that only the caller sees, the ones about errors included.

All of them can be given twice without harm: Discord, or the way to it, may fail after it took one.
"""

from __future__ import annotations

import io
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

import discord
from discord import app_commands

from bot.errors import NotPermitted, UserFacingError
from bot.introduction import OPTED_OUT
from bot.replies import nonce
from bot.rest import FAILURES, insist
from storage.errors import StorageError
from storage.records import Place

if TYPE_CHECKING:
    from bot.client import MnemoBot

T = TypeVar("T")

AnyCommand: TypeAlias = app_commands.Command[Any, ..., Any] | app_commands.ContextMenu

log = logging.getLogger(__name__)

NEUTRAL = "Something went wrong on my side; the host's log says what. Please try again."
NO_MEMORY = "I cannot use my memory right now; the host's log says why. Please try again later."
BROKEN_OFF = "Discord broke off while I answered. It may be done all the same: please look before you try again."
DONE_LATE = (
    "I am done with what you asked me for, but it took longer than the 15 minutes that Discord waits for an answer: "
    "ask again to see it."
)

#: What makes somebody a moderator.
MODERATING = "the permission Manage Messages, Manage Channels or Manage Server"

I_AM_MUTE = "I may not write here: I need the permission Send Messages (in a thread: Send Messages in Threads)."
YOU_ARE_MUTE = "You may not write here. In a direct message I answer you, too."

# https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
_ALREADY_ACKNOWLEDGED = 40060
_EXPIRED = (50027, 10015)


class Repeated(Exception):
    """Discord delivered an interaction a second time; the first is being answered."""


async def defer(interaction: discord.Interaction, **how: bool) -> None:
    """Tell Discord that an answer will come, before anything is done. Raises :class:`Repeated`."""
    await acknowledge(interaction, lambda: interaction.response.defer(**how))


async def acknowledge(interaction: discord.Interaction, first: Callable[[], Awaitable[object]]) -> None:
    """Give the *first* answer, for which Discord waits three seconds. Raises :class:`Repeated`."""
    taken = cast("MnemoBot", interaction.client).taken_interactions
    if interaction.id in taken:
        raise Repeated
    taken.append(interaction.id)
    await _acknowledge(interaction, first)


async def _acknowledge(interaction: discord.Interaction, first: Callable[[], Awaitable[object]]) -> None:
    try:
        await insist(interaction.client, first)
    except discord.HTTPException as error:
        if error.code != _ALREADY_ACKNOWLEDGED:  # an attempt before this one had come through
            raise


async def answer(
    interaction: discord.Interaction, text: str | None = None, *, files: Sequence[discord.File] = (), **shown: Any
) -> None:
    """Show the answer to a deferred interaction. An edit of what stands there: once, however often it is sent.

    Once Discord takes it no more, a message in the channel says that it is done, without what only the caller was to see.
    """
    attached = [(file.filename, file.fp.read()) for file in files]

    async def edit() -> None:
        again = [discord.File(io.BytesIO(data), name) for name, data in attached]  # an attempt closes its files
        await interaction.edit_original_response(content=text, attachments=again, **shown)

    await _in_time(interaction, edit, DONE_LATE if files or shown else text or DONE_LATE)


async def whisper(interaction: discord.Interaction, text: str) -> None:
    """Say *text* to the caller alone, whether or not the interaction was answered before."""
    match interaction.response.type:
        case None:
            await _acknowledge(interaction, lambda: interaction.response.send_message(text, ephemeral=True))
        case discord.InteractionResponseType.deferred_channel_message:
            await answer(interaction, text)
        case _:
            await _in_time(interaction, lambda: interaction.followup.send(text, ephemeral=True), text)


async def _in_time(interaction: discord.Interaction, show: Callable[[], Awaitable[object]], otherwise: str) -> None:
    try:
        await insist(interaction.client, show)
    except discord.HTTPException as error:
        if error.code not in _EXPIRED:
            raise
        await _say_aloud(interaction, otherwise)


async def _say_aloud(interaction: discord.Interaction, text: str) -> None:
    assert interaction.channel_id is not None, "interactions come from channels"
    bot, caller = cast("MnemoBot", interaction.client), interaction.user
    channel = bot.get_partial_messageable(interaction.channel_id, guild_id=interaction.guild_id)
    how: dict[str, Any] = {
        "nonce": nonce(interaction.id, 0, 0),
        "allowed_mentions": discord.AllowedMentions(users=[caller]),
    }
    await insist(bot, lambda: channel.send(f"{caller.mention} {text}", **how))


async def answer_error(interaction: discord.Interaction, error: Exception) -> None:
    """Tell the caller what went wrong in one sentence, and the host the rest."""
    cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
    if isinstance(cause, Repeated):
        return
    try:
        await whisper(interaction, _sentence(cause))
    except FAILURES as failure:
        log.warning("an answer to an interaction could not be shown (%s)", failure)


@asynccontextmanager
async def answering(interaction: discord.Interaction) -> AsyncIterator[None]:
    """Tell the caller what goes wrong in here: of menus and buttons discord.py would only log it, and they would see nothing."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 whatever it is, one sentence tells of it
        await answer_error(interaction, error)


def _sentence(cause: Exception) -> str:
    if isinstance(cause, UserFacingError):
        return str(cause)
    if isinstance(cause, app_commands.CommandNotFound):
        return "This command is not mine any more; restart Discord to see the current ones."
    if isinstance(cause, StorageError):
        log.error("%s", cause)
        return NO_MEMORY
    if isinstance(cause, FAILURES) and not isinstance(cause, app_commands.AppCommandError):
        log.warning("an answer to an interaction could not be shown (%s)", cause)
        return BROKEN_OFF
    log.error("an interaction failed", exc_info=cause)
    return NEUTRAL


def is_manager(interaction: discord.Interaction) -> bool:
    """Whether the caller manages the channel or the server; in a direct message anyone does.

    Discord's own command permissions are only a hint that a server's admin can override, so this is asked each time.
    """
    allowed = interaction.permissions
    return interaction.guild_id is None or allowed.manage_channels or allowed.manage_guild


def manages_server(interaction: discord.Interaction) -> bool:
    """Whether the caller manages the whole server, which a channel's own permissions cannot say."""
    return interaction.guild_id is not None and interaction.permissions.manage_guild


def require_manager(interaction: discord.Interaction) -> None:
    """Raise :class:`NotPermitted` unless :func:`is_manager`."""
    if not is_manager(interaction):
        raise NotPermitted("You need the permission Manage Channels or Manage Server for this.")


def place_of(interaction: discord.Interaction) -> Place:
    """Return where a command or button was used."""
    assert interaction.channel_id is not None, "commands are used in channels"
    channel = interaction.channel
    parent_id = channel.parent_id if isinstance(channel, discord.Thread) else None
    return Place(interaction.channel_id, interaction.guild_id, parent_id)


def roles_of(interaction: discord.Interaction) -> Collection[int]:
    """Return the ids of the caller's roles."""
    return interaction.user._roles if isinstance(interaction.user, discord.Member) else ()


def require_server_manager(interaction: discord.Interaction) -> None:
    """Raise :class:`NotPermitted` unless :func:`manages_server`."""
    if not manages_server(interaction):
        raise NotPermitted("You need the permission Manage Server for this.")


def require_resetter(interaction: discord.Interaction) -> None:
    """Raise :class:`NotPermitted` unless the caller manages the channel, or the server's managers let them reset it."""
    governance = cast("MnemoBot", interaction.client).services.governance
    guild_id = interaction.guild_id
    if guild_id is None or not governance.may_reset(guild_id, interaction.user.id, roles_of(interaction)):
        require_manager(interaction)


def require_talker(interaction: discord.Interaction) -> None:
    """Raise :class:`NotPermitted` unless the caller may talk with us here: for what lets the model write."""
    governance = cast("MnemoBot", interaction.client).services.governance
    if refusal := governance.refusal(place_of(interaction), interaction.user.id, roles_of(interaction)):
        raise NotPermitted(refusal)


def unheard(interaction: discord.Interaction) -> str | None:
    """Return why we hear nothing that the caller says here, as a sentence; None if we do."""
    services = cast("MnemoBot", interaction.client).services
    if services.privacy.has_opted_out(interaction.user.id):
        return OPTED_OUT
    return services.governance.refusal(place_of(interaction), interaction.user.id, roles_of(interaction))


def require_heard(interaction: discord.Interaction) -> None:
    """Raise :class:`NotPermitted` if the caller is :func:`unheard`: for what takes up words of theirs."""
    if why := unheard(interaction):
        raise NotPermitted(why)


def may_write(interaction: discord.Interaction, may: discord.Permissions) -> bool:
    """Whether who *may* do this here, we or the caller, may write here."""
    in_thread = isinstance(interaction.channel, discord.Thread)
    return interaction.guild_id is None or (may.send_messages_in_threads if in_thread else may.send_messages)


def require_writers(interaction: discord.Interaction) -> None:
    """Raise :class:`NotPermitted` unless we hear the caller here, and both of us may write here."""
    require_heard(interaction)
    for may, sentence in ((interaction.app_permissions, I_AM_MUTE), (interaction.permissions, YOU_ARE_MUTE)):
        if not may_write(interaction, may):
            raise NotPermitted(sentence)


def is_moderator(interaction: discord.Interaction) -> bool:
    """Whether the caller looks after messages here: may delete those of others, or manages the channel."""
    return is_manager(interaction) or interaction.permissions.manage_messages


def require_moderator(interaction: discord.Interaction) -> None:
    """Raise :class:`NotPermitted` unless :func:`is_moderator`."""
    if not is_moderator(interaction):
        raise NotPermitted(f"You need {MODERATING} for this: what is pinned stands in everybody's prompts.")


def reads_history(interaction: discord.Interaction) -> bool:
    """Whether the caller could read here, on Discord, what was said before."""
    return interaction.guild_id is None or interaction.permissions.read_message_history


def require_history(interaction: discord.Interaction) -> None:
    """Raise :class:`NotPermitted` unless :func:`reads_history`."""
    if not reads_history(interaction):
        raise NotPermitted("You need the permission Read Message History for this.")


class _Refused(NotPermitted, app_commands.CheckFailure):
    """What :class:`NotPermitted` is in a check: discord.py hands on only errors of its own kind."""


def only_if(require: Callable[[discord.Interaction], None]) -> Callable[[T], T]:
    """Keep a command from whom *require* raises :class:`NotPermitted` for; ``/help`` does not tell them of it either."""

    def check(interaction: discord.Interaction) -> bool:
        try:
            require(interaction)
        except NotPermitted as refused:
            raise _Refused(str(refused)) from None
        return True

    return app_commands.check(check)


async def may_use(interaction: discord.Interaction, command: AnyCommand) -> bool:
    """Whether the caller may use a command here: what :func:`only_if` says, and where the command is to be used."""
    root = command.root_parent or command if isinstance(command, app_commands.Command) else command
    in_private, contexts = interaction.guild_id is None, root.allowed_contexts
    if (in_private and root.guild_only) or not (
        contexts is None or (contexts.dm_channel if in_private else contexts.guild)
    ):
        return False
    try:
        return all([await discord.utils.maybe_coroutine(check, interaction) for check in command.checks])
    except app_commands.CheckFailure:
        return False
