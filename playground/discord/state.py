"""The world as it is now: every record in memory, saved as it changes, found by its id or refused as Discord refuses.

It knows no rules beyond "is it there" and "may they": those live in the rooms that change it.
"""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path
from typing import TypeVar

from playground.discord import permissions
from playground.discord.errors import DiscordError, Problem
from playground.discord.events import Hub
from playground.discord.limits import SessionStarts
from playground.discord.permissions import Permission
from playground.discord.records import Channel, ChannelType, Guild, Json, Member, Message, Record, Role, User
from playground.discord.snowflakes import Snowflakes
from playground.discord.store import Store

AnyRecord = TypeVar("AnyRecord", bound=Record)
Anything = TypeVar("Anything")


class State:
    """Records by id. Change one, then :meth:`save` it."""

    def __init__(self, path: Path | None) -> None:
        self.store = Store(path)
        self.hub = Hub()
        self.users = self._load(User)
        self.guilds = self._load(Guild)
        self.roles = self._load(Role)
        self.members = {(member.guild_id, member.user_id): member for member in self._load(Member).values()}
        channels = map(Channel.from_document, self.store.load("Channel"))
        self.channels = {channel.id: channel for channel in channels}
        self.commands: dict[int, Json] = {int(command["id"]): command for command in self.store.load("command")}
        #: By channel, then by id; oldest first.
        self.messages: defaultdict[int, dict[int, Message]] = defaultdict(dict)
        for message in self._load(Message).values():
            self.messages[message.channel_id][message.id] = message
        #: What only one person sees; gone when the program ends, as it is when one reloads Discord.
        self.ephemeral: dict[int, Message] = {}
        #: Who is typing: by channel and user, the time (monotonic, seconds) at which it started.
        self.typing: dict[tuple[int, int], float] = {}
        self.ids = Snowflakes(self.store.last_id)
        #: Where uploads and the gateway are; the server sets it, for its port changes from run to run.
        self.cdn_url = ""
        self.gateway_url = ""
        #: Whether the application has the privileged intent; without it, it reads only what concerns it.
        self.message_content_intent = True
        #: Nonces up to this message's are forgotten already, however young.
        self.nonces_forgotten_up_to = 0
        #: How often the bot may still identify; None while nobody counts.
        self.session_starts: SessionStarts | None = None
        #: Whether the bot is connected to the gateway.
        self.bot_online = False

    def _load(self, kind: type[AnyRecord]) -> dict[int, AnyRecord]:
        records = (kind(**document) for document in self.store.load(kind.__name__))
        return {record.id: record for record in records}

    # saving

    def save(self, *records: Record) -> None:
        """Keep records as they are now."""
        for record in records:
            self.store.put(type(record).__name__, record.id, record.document())
        self.store.last_id = self.ids.last

    def add_user(self, user: User) -> None:
        """Take in a new user."""
        self.users[user.id] = user
        self.save(user)

    def add_role(self, role: Role) -> None:
        """Take in a new role."""
        self.roles[role.id] = role
        self.save(role)

    def add_member(self, member: Member) -> None:
        """Take in a new member."""
        self.members[member.guild_id, member.user_id] = member
        self.save(member)

    def remove_role(self, role: Role) -> None:
        """Forget a role."""
        del self.roles[role.id]
        self.store.delete("Role", role.id)

    def remove_member(self, member: Member) -> None:
        """Forget that somebody is in a guild."""
        del self.members[member.guild_id, member.user_id]
        self.store.delete("Member", member.id)

    def add_channel(self, channel: Channel) -> None:
        """Take in a new channel."""
        self.channels[channel.id] = channel
        self.save(channel)

    def add_message(self, message: Message) -> None:
        """Take in a new message; one that only one person sees is not kept on disk."""
        if message.only_for is not None:
            self.ephemeral[message.id] = message
            return
        self.messages[message.channel_id][message.id] = message
        self.save(message)

    def save_message(self, message: Message) -> None:
        """Keep a message that changed."""
        if message.only_for is None:
            self.save(message)

    def remove_message(self, message: Message) -> None:
        """Forget a message and what was uploaded with it."""
        for attachment in message.attachments:
            self.store.delete_file(int(attachment["id"]))
        if self.ephemeral.pop(message.id, None) is None:
            del self.messages[message.channel_id][message.id]
            self.store.delete("Message", message.id)

    def remove_channel(self, channel: Channel) -> None:
        """Forget a channel and everything said in it."""
        private = [each for each in self.ephemeral.values() if each.channel_id == channel.id]
        for message in [*self.messages[channel.id].values(), *private]:
            self.remove_message(message)
        del self.messages[channel.id]
        del self.channels[channel.id]
        self.store.delete("Channel", channel.id)

    # finding

    def user(self, user_id: int) -> User:
        """The user; 10013 if there is none."""
        return _found(self.users.get(user_id), Problem.UNKNOWN_USER)

    def guild(self, guild_id: int) -> Guild:
        """The guild; 10004 if there is none."""
        return _found(self.guilds.get(guild_id), Problem.UNKNOWN_GUILD)

    def member(self, guild_id: int, user_id: int) -> Member:
        """The member; 10007 if there is none."""
        return _found(self.members.get((guild_id, user_id)), Problem.UNKNOWN_MEMBER)

    def channel(self, channel_id: int) -> Channel:
        """The channel; 10003 if there is none."""
        return _found(self.channels.get(channel_id), Problem.UNKNOWN_CHANNEL)

    def message(self, channel_id: int, message_id: int) -> Message:
        """The message, ephemeral ones excluded; 10008 if there is none."""
        return _found(self.messages.get(channel_id, {}).get(message_id), Problem.UNKNOWN_MESSAGE)

    @property
    def bot(self) -> User:
        """The one bot. Its application has the same id."""
        return next(user for user in self.users.values() if user.bot)

    def only_for(self, channel: Channel) -> int | None:
        """The one person who can see a channel at all: a DM's human end; None elsewhere."""
        return next((each for each in channel.member_ids if each != self.bot.id), None) if channel.is_dm else None

    def emit(self, kind: str, data: Json, channel: Channel) -> None:
        """Tell the bot and everyone who watches what happened in a channel."""
        self.hub.dispatch(kind, data, channel.id)
        self.hub.show(kind, data, self.only_for(channel))

    def guild_roles(self, guild_id: int) -> list[Role]:
        """A guild's roles, @everyone first."""
        roles = (role for role in self.roles.values() if role.guild_id == guild_id)
        return sorted(roles, key=lambda role: (role.position, role.id))

    def is_there(self, message: Message) -> bool:
        """Whether a message, ephemeral or not, was not deleted since."""
        return message.id in self.ephemeral or message.id in self.messages.get(message.channel_id, {})

    def threads(self, parent_id: int) -> list[Channel]:
        """The threads in a channel."""
        return [channel for channel in self.channels.values() if channel.is_thread and channel.parent_id == parent_id]

    def now_typing(self, channel_id: int) -> list[int]:
        """Who is typing in a channel at this moment."""
        expired = time.monotonic() - TYPING_SECONDS
        return [user for (channel, user), since in self.typing.items() if channel == channel_id and since > expired]

    # permissions

    def guild_permissions(self, guild_id: int, user_id: int) -> int:
        """What a member may do in the guild at large; nothing for somebody who is no member."""
        member = self.members.get((guild_id, user_id))
        if member is None:
            return 0
        roles = [self.roles[role].permissions for role in [guild_id, *member.roles]]
        return permissions.base(roles, owner=self.guilds[guild_id].owner_id == user_id)

    def permissions(self, user_id: int, channel: Channel) -> int:
        """What a user may do in a channel. A thread has its parent's permissions."""
        if channel.is_dm:
            return permissions.IN_A_DM if user_id in channel.member_ids else 0
        if channel.is_thread and channel.parent_id is not None:
            bits = self.permissions(user_id, self.channels[channel.parent_id])
            private = channel.type == ChannelType.PRIVATE_THREAD
            if private and user_id not in channel.member_ids and not bits & Permission.MANAGE_THREADS:
                return 0
            return bits
        assert channel.guild_id is not None
        member = self.members.get((channel.guild_id, user_id))
        if member is None:
            return 0
        return permissions.in_channel(
            self.guild_permissions(channel.guild_id, user_id),
            channel.overwrites,
            everyone_id=channel.guild_id,
            role_ids=member.roles,
            user_id=user_id,
        )

    def may(self, user_id: int, channel: Channel, needed: Permission) -> bool:
        """Whether a user has all of *needed* in a channel."""
        return self.permissions(user_id, channel) & needed == needed

    def require(self, user_id: int, channel: Channel, needed: Permission = Permission.NONE) -> None:
        """Refuse with 50001 who cannot see the channel, with 50013 who lacks something else."""
        if not self.may(user_id, channel, Permission.VIEW_CHANNEL):
            raise DiscordError(Problem.MISSING_ACCESS)
        if not self.may(user_id, channel, needed):
            raise DiscordError(Problem.MISSING_PERMISSIONS)

    def close(self) -> None:
        """Tell those who watch that it is over, and release the file."""
        self.store.last_id = self.ids.last
        self.hub.close()
        self.store.close()


#: A typing indicator that is not renewed goes away after so long.
#: Source: https://docs.discord.com/developers/resources/channel#trigger-typing-indicator
TYPING_SECONDS = 10.0


def _found(record: Anything | None, problem: Problem) -> Anything:
    if record is None:
        raise DiscordError(problem)
    return record
