"""The Discord client: what it asks of Discord, which cogs it loads, and the services that it hands them. No feature is here."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

import discord
import yarl
from discord import app_commands
from discord.ext import commands

from bot.answers import answer_error
from bot.brain import Myself
from bot.budgets import Budgets
from bot.caches import Names, SlimState
from bot.catch_up import CatchUp
from bot.closed import ClosedChannels
from bot.compactor import Compactor
from bot.conversation import Conversations
from bot.forms import Form, hand_back
from bot.governance import Governance
from bot.history import History
from bot.host import Host
from bot.invalid_requests import InvalidRequests
from bot.listening import Listener
from bot.memories import Memories
from bot.pace import Pace
from bot.pins import Pins
from bot.privacy import Privacy
from bot.registration import Registration
from bot.reply_actions import ReplyActions
from bot.rest import REQUEST_SECONDS
from bot.speaker import DiscordSpeaker
from bot.threads import Threads
from bot.usage import UsageReports
from bot.view import Viewer

COGS = (
    "cogs.conversation",
    "cogs.replies",
    "cogs.memory",
    "cogs.governance",
    "cogs.privacy",
    "cogs.message_menu",
    "cogs.threads",
    "cogs.usage",
    "cogs.budgets",
    "cogs.help",
    "cogs.joining",
    "cogs.host",
    "cogs.housekeeping",
    "cogs.catch_up",
)


@dataclass(frozen=True, slots=True)
class Services:
    """What cogs use."""

    conversations: Conversations
    reply_actions: ReplyActions
    pins: Pins
    threads: Threads
    catch_up: CatchUp
    memories: Memories
    privacy: Privacy
    compactor: Compactor
    viewer: Viewer
    usage: UsageReports
    registration: Registration
    host: Host
    governance: Governance
    budgets: Budgets
    catch_up_messages: int


class _Tree(app_commands.CommandTree[commands.Bot]):
    async def on_error(self, interaction: discord.Interaction, error: app_commands.AppCommandError) -> None:
        await answer_error(interaction, error)


class MnemoBot(commands.Bot):
    """discord.py's bot without what Mnemo does not use: no prefix commands, no caches but the *names* of things."""

    def __init__(self, services: Services) -> None:
        invalid_requests = InvalidRequests()
        self.names = Names()
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            tree_cls=_Tree,
            intents=discord.Intents(guilds=True, guild_messages=True, dm_messages=True, message_content=True),
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            http_trace=invalid_requests.trace(),
            max_ratelimit_timeout=REQUEST_SECONDS,
        )
        self.services = services
        self.invalid_requests = invalid_requests
        self.pace = Pace(time.monotonic())
        self.closed_channels = ClosedChannels()
        #: The forms that are open, by their ids.
        self.forms: WeakValueDictionary[str, Form] = WeakValueDictionary()
        #: The ids of the newest interactions, for Discord may deliver one twice.
        self.taken_interactions: deque[int] = deque(maxlen=1_000)
        self.listener = Listener(
            self, services.conversations, services.privacy, self.names, services.governance, self.speaker_for
        )

    def _get_state(self, **options: Any) -> SlimState:
        """Make the state that discord.py would make otherwise; it asks for it here."""
        return SlimState(
            self.names,
            dispatch=self.dispatch,
            handlers=self._handlers,
            hooks=self._hooks,
            http=self.http,
            **options,
        )

    async def setup_hook(self) -> None:
        """Load the cogs, tell Discord of the commands, and start answering: what waits first, live events as they come."""
        history = History(self, self.services.conversations, self.listener, self.services.catch_up_messages)
        assert self.user is not None, "this is called once we are logged in"
        await self.services.catch_up.attach(history.look, self.user.id)
        for cog in COGS:
            if cog not in self.extensions:  # a login that fails later is tried again, with this
                await self.load_extension(cog)
        await self.services.registration.register(self.tree)
        self.services.conversations.attach(self.speaker_for, Myself(self.user.id, self.user.name))
        await self.services.conversations.resume()

    async def before_identify_hook(self, *_: object, **__: object) -> None:
        """Count the IDENTIFY; its wait was before the connection was made."""
        self.pace.identified(time.monotonic())

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Hand an event on; the names of all are told here, also of those that discord.py drops."""
        if event == "socket_event_type":
            self.closed_channels.hear(*args)
        super().dispatch(event, *args, **kwargs)

    async def on_message(self, message: discord.Message, /) -> None:
        """Leave messages to the cogs: there are no prefix commands."""

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Answer what discord.py passes over: forms that it does not know any more."""
        if interaction.type is discord.InteractionType.modal_submit:
            await hand_back(interaction)

    def speaker_for(self, channel_id: int) -> DiscordSpeaker:
        """Return the channel as a place where replies appear."""
        return DiscordSpeaker(self, channel_id, self.closed_channels)


# discord.py warns at each start that it cannot speak; nobody wants it to.
discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False


def point_at(api_url: str, gateway_url: str, cdn_url: str) -> None:
    """Let discord.py use these addresses, for the whole process: a proxy, or a server that speaks Discord's protocol."""
    discord.http.Route.BASE = api_url
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)
    discord.Asset.BASE = cdn_url
