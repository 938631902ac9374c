"""The little Discord's world as its people see and use it: say, edit, react, run a command, press a button, watch.

This is what a page, a terminal or a test holds. It decides nothing itself: the rules are in the rooms it calls, the same
for people as for the bot, whose side is ``rest/`` and ``gateway/``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from playground.discord import (
    channels,
    commands,
    drafts,
    guilds,
    invocations,
    messages,
    payloads,
    reactions,
    seed,
    threads,
)
from playground.discord.drafts import Draft, Upload
from playground.discord.errors import DiscordError, Problem, invalid_field
from playground.discord.events import Event, Watch
from playground.discord.interactions import Interaction, Interactions, InteractionType
from playground.discord.permissions import Permission
from playground.discord.records import Channel, ChannelType, Json, Message, User
from playground.discord.state import State

File = tuple[str, str, bytes]

#: Whose holders look after what others write; nobody has it at first.
MODERATOR = "Moderator"

#: Nobody fills a form in faster, in seconds; discord.py knows one only once it has heard that it is shown.
FORM_SECONDS = 0.1


class World:
    """Everything there is. Ids are ints; what is read is Discord-shaped JSON; refusals are :class:`DiscordError`.

    Nothing here gives way to other tasks before its effect, except ``autocomplete`` and ``wait_for``: after
    ``await world.say(...)`` no event that follows from it was missed by an immediate ``await world.wait_for(...)``.
    """

    #: The token of the one bot.
    BOT_TOKEN: Final = "cGxheWdyb3VuZA.little.discord"  # noqa: S105 it opens nothing but this playground

    def __init__(self, state: State) -> None:
        self.state = state
        self.interactions = Interactions(state)

    @classmethod
    def open(cls, path: Path | None) -> World:
        """The world that is kept in a file, made if it is not there; with None, a new one in memory.

        Raises :class:`WorldInUse` while another process has the file open.
        """
        state = State(path)
        with state.store.atomically():
            seed.found(state)
        return cls(state)

    def close(self) -> None:
        """End all watches and release the file."""
        self.interactions.close()
        self.state.close()

    # reading

    @property
    def bot(self) -> Json:
        """The bot's user."""
        return payloads.user(self.state.bot)

    @property
    def bot_id(self) -> int:
        """The bot's id, and its application's."""
        return self.state.bot.id

    @property
    def guild_id(self) -> int:
        """The one guild of a fresh world, in which everything happens that names no other."""
        return next(iter(self.state.guilds))

    @property
    def users(self) -> dict[int, Json]:
        """Everyone, the bot too; not the guild's owner, who is only there because every guild has one."""
        owner_id = self.state.guild(self.guild_id).owner_id
        return {user.id: payloads.user(user) for user in self.state.users.values() if user.id != owner_id}

    @property
    def channels(self) -> dict[int, Json]:
        """Text channels, forums, threads and direct messages, in the order of their making."""
        return {channel.id: payloads.channel(self.state, channel) for channel in self.state.channels.values()}

    def messages(self, channel_id: int, *, viewer_id: int | None = None) -> list[Json]:
        """What stands in a channel, oldest first; with a viewer, also what only they see."""
        private = [each for each in self.state.ephemeral.values() if each.channel_id == channel_id]
        own = [each for each in private if viewer_id is not None and each.only_for == viewer_id]
        found = sorted([*self.state.messages[self.state.channel(channel_id).id].values(), *own], key=lambda m: m.id)
        return [payloads.message(self.state, each, viewer_id or self.bot_id) for each in found]

    def commands(self, *, user_id: int | None = None, channel_id: int | None = None) -> list[Json]:
        """The commands that the bot has registered; with a user and a channel, those that are offered there."""
        if user_id is None or channel_id is None:
            return list(self.state.commands.values())
        return commands.usable(self.state, user_id, self.state.channel(channel_id))

    def visible_channels(self, user_id: int) -> list[int]:
        """The channels that a user can see."""
        return [channel.id for channel in channels.visible(self.state, user_id)]

    def may(self, user_id: int, channel_id: int, needed: Permission) -> bool:
        """Whether a user has permissions in a channel."""
        return self.state.may(user_id, self.state.channel(channel_id), needed)

    def typing(self, channel_id: int) -> list[int]:
        """Who is typing in a channel at this moment."""
        return self.state.now_typing(channel_id)

    def user_id(self, username: str) -> int:
        """The user of this name; KeyError if there is none."""
        return _only(username, {user.username: user.id for user in self.state.users.values()})

    def channel_id(self, name: str) -> int:
        """The channel or thread of this name in the first guild; KeyError if there is none."""
        return _only(name, {each.name: each.id for each in self._first_channels() if each.name})

    @property
    def bot_online(self) -> bool:
        """Whether the bot is connected to the gateway."""
        return self.state.bot_online

    # watching

    def watch(self) -> Watch:
        """``with world.watch() as events: async for event in events: ...``"""
        return Watch(self.state.hub)

    async def wait_for(self, wanted: Callable[[Event], bool], timeout: float = 5.0) -> Event:  # noqa: ASYNC109
        """The first event from now on that fits; TimeoutError if none comes within *timeout* seconds."""
        with self.watch() as events:
            async with asyncio.timeout(timeout):
                async for event in events:
                    if wanted(event):
                        return event
        raise RuntimeError("the world was closed while somebody waited for an event")

    # making

    def seed(self) -> None:
        """Make #general and #random, a role Moderator, Nemo and Marlin (an admin), a thread "a-thread", and the bot's direct
        messages with both.

        What is there already stays as it is.
        """
        for name in ("general", "random"):
            if name not in self._names():
                self.create_channel(name)
        if MODERATOR not in {role.name for role in self.state.guild_roles(self.guild_id)}:
            self.create_role(
                MODERATOR, Permission.MANAGE_MESSAGES | Permission.MANAGE_THREADS | Permission.MODERATE_MEMBERS
            )
        admin = guilds.admin_role(self.state, self.guild_id)
        for username, roles in (("nemo", []), ("marlin", [admin])):
            if username not in {user.username for user in self.state.users.values()}:
                self.add_member(self.create_user(username, display_name=username.capitalize()), roles=roles)
            self.dm(self.user_id(username))
        if "a-thread" not in self._names():
            self.create_thread(self.user_id("nemo"), self.channel_id("general"), "a-thread")

    def create_channel(
        self,
        name: str,
        *,
        kind: ChannelType = ChannelType.TEXT,
        topic: str | None = None,
        guild_id: int | None = None,
    ) -> int:
        """Make a text channel or a forum."""
        return channels.create(self.state, guild_id or self.guild_id, name, kind, topic).id

    def create_thread(
        self, user_id: int, channel_id: int, name: str, *, message_id: int | None = None, content: str | None = None
    ) -> int:
        """Open a thread: under a message, alone, or (with *content*) a post in a forum."""
        body: Json = {"name": name, "type": ChannelType.PUBLIC_THREAD}
        if message_id is not None:
            return threads.from_message(self.state, user_id, channel_id, message_id, body).id
        if content is not None:
            return threads.post(self.state, user_id, channel_id, body, Draft(content.strip()))[0].id
        return threads.alone(self.state, user_id, channel_id, body).id

    def archive_thread(self, thread_id: int, *, locked: bool = False) -> None:
        """Archive a thread, as Discord does after some days without a word."""
        thread = self.state.channel(thread_id)
        owner_id = self.state.guild(thread.guild_id or self.guild_id).owner_id
        threads.change(self.state, owner_id, thread, {"archived": True, "locked": locked})

    def create_user(self, username: str, *, display_name: str | None = None) -> int:
        """Make a person, who is in no guild yet."""
        user = User(self.state.ids.next(), username, display_name or username)
        self.state.add_user(user)
        return user.id

    def rename(self, user_id: int, display_name: str) -> None:
        """Change a person's display name."""
        user = self.state.user(user_id)
        user.display_name = display_name
        self.state.save(user)

    def create_guild(self, name: str, owner_id: int) -> int:
        """Make another guild. The bot is not in it yet, and neither is anyone but its owner."""
        return guilds.found(self.state, name, owner_id).id

    def add_bot(self, guild_id: int | None = None) -> None:
        """Let the bot join a guild."""
        guilds.add_bot(self.state, guild_id or self.guild_id)

    def add_member(
        self, user_id: int, *, roles: Sequence[int] = (), nick: str | None = None, guild_id: int | None = None
    ) -> None:
        """Let a person join a guild."""
        guilds.add_member(self.state, guild_id or self.guild_id, user_id, roles, nick)

    def remove_member(self, user_id: int, *, guild_id: int | None = None) -> None:
        """Let a person leave a guild; let the bot be removed from it."""
        guilds.remove_member(self.state, guild_id or self.guild_id, user_id)

    def set_roles(self, user_id: int, roles: Sequence[int], *, guild_id: int | None = None) -> None:
        """Give a member these roles, in place of those that they had."""
        guilds.set_roles(self.state, guild_id or self.guild_id, user_id, roles)

    def create_role(self, name: str, permissions: int, *, guild_id: int | None = None) -> int:
        """Make a role."""
        return guilds.add_role(self.state, guild_id or self.guild_id, name, permissions).id

    def change_role(self, role_id: int, permissions: int) -> None:
        """Change what a role allows. A guild's id is the role @everyone's."""
        guilds.change_role(self.state, role_id, permissions)

    def delete_role(self, role_id: int) -> None:
        """Delete a role."""
        guilds.delete_role(self.state, role_id)

    def set_permissions(self, channel_id: int, target_id: int, allow: int = 0, deny: int = 0) -> None:
        """Set a channel's overwrite for a role or a user. The guild's id is @everyone's."""
        channels.set_permissions(self.state, self.state.channel(channel_id), target_id, allow, deny)

    def set_accepts_dms(self, user_id: int, accepts: bool) -> None:
        """Let a person close or open their direct messages; into closed ones the bot cannot write (50007)."""
        user = self.state.user(user_id)
        user.accepts_dms = accepts
        self.state.save(user)

    def delete_channel(self, channel_id: int) -> None:
        """Delete a channel or a thread."""
        channels.delete(self.state, self.state.channel(channel_id))

    def dm(self, user_id: int) -> int:
        """The direct messages between a person and the bot."""
        return channels.direct(self.state, user_id, self.bot_id).id

    # acting as a person

    async def say(
        self,
        user_id: int,
        channel_id: int,
        content: str,
        *,
        reply_to: int | None = None,
        attachments: Sequence[File] = (),
    ) -> Json:
        """Send a message of up to 4,000 characters. ``<@id>`` mentions."""
        draft = Draft(
            content=_person_content(content),
            uploads=[Upload(filename, data) for filename, _, data in attachments],
            reference={"message_id": reply_to} if reply_to else None,
        )
        return self._shown(messages.send(self.state, user_id, channel_id, draft), user_id)

    async def edit(
        self, user_id: int, channel_id: int, message_id: int, content: str, *, keep: Sequence[int] | None = None
    ) -> Json:
        """Change the text of one's own message; with *keep*, only the attachments with these ids stay."""
        body: Json = {"content": _person_content(content)}
        if keep is not None:
            body["attachments"] = [{"id": str(attachment_id)} for attachment_id in keep]
        return self._shown(messages.edit(self.state, user_id, channel_id, message_id, body, {}), user_id)

    async def delete(self, user_id: int, channel_id: int, message_id: int) -> None:
        """Delete one's own message, or any as an admin; also dismiss what only this person sees."""
        if (private := self.state.ephemeral.get(message_id)) and private.only_for == user_id:
            messages.remove(self.state, private)
            return
        messages.delete(self.state, user_id, channel_id, message_id)

    async def bulk_delete(self, user_id: int, channel_id: int, message_ids: Sequence[int]) -> None:
        """Delete several messages at once."""
        messages.bulk_delete(self.state, user_id, channel_id, list(message_ids))

    async def type(self, user_id: int, channel_id: int) -> None:
        """Type."""
        messages.type_in(self.state, user_id, channel_id)

    async def react(self, user_id: int, channel_id: int, message_id: int, emoji: str) -> None:
        """Put an emoji under a message."""
        reactions.add(self.state, user_id, channel_id, message_id, emoji)

    async def unreact(self, user_id: int, channel_id: int, message_id: int, emoji: str) -> None:
        """Take it away again."""
        reactions.remove(self.state, user_id, channel_id, message_id, emoji)

    async def slash(
        self, user_id: int, channel_id: int, path: str, options: Mapping[str, Any] | None = None
    ) -> Interaction:
        """Run a slash command. Users, channels and roles are given by id, attachments as (name, type, bytes)."""
        channel = self.state.channel(channel_id)
        data = invocations.slash(self.state, user_id, channel, path, options or {})
        return self.interactions.start(InteractionType.COMMAND, user_id, channel, path, data)

    async def context_menu(self, user_id: int, channel_id: int, name: str, message_id: int) -> Interaction:
        """Run a command from a message's menu; one for users is run on the message's author."""
        channel = self.state.channel(channel_id)
        target = messages.fetch(self.state, user_id, channel_id, message_id)
        data = invocations.context_menu(self.state, user_id, channel, name, target, target.author_id)
        return self.interactions.start(InteractionType.COMMAND, user_id, channel, name, data, target=target)

    async def click(
        self, user_id: int, channel_id: int, message_id: int, custom_id: str, values: Sequence[Any] | None = None
    ) -> Interaction:
        """Press a button, or pick values in a menu."""
        channel = self.state.channel(channel_id)
        message = self._seen(user_id, channel_id, message_id)
        data = invocations.component(self.state, channel, message, custom_id, values)
        return self.interactions.start(InteractionType.COMPONENT, user_id, channel, custom_id, data, source=message)

    async def submit_modal(self, user_id: int, modal: Json, values: Mapping[str, Any]) -> Interaction:
        """Send what was entered into an :attr:`Interaction.modal`, by ``custom_id``."""
        await asyncio.sleep(FORM_SECONDS)
        opener = self.interactions.find(int(modal["interaction_id"]))
        if opener is None or opener.user_id != user_id or opener.modal is None:
            raise DiscordError(Problem.UNKNOWN_INTERACTION)
        channel = self.state.channel(opener.channel_id)
        data = invocations.modal(self.state, channel, opener.modal, values)
        return self.interactions.start(
            InteractionType.MODAL_SUBMIT, user_id, channel, modal["custom_id"], data, source=opener.source
        )

    async def autocomplete(
        self, user_id: int, channel_id: int, path: str, option: str, partial_options: Mapping[str, Any]
    ) -> list[Json]:
        """The choices that the bot offers for what is typed so far; TimeoutError if it does not answer in time."""
        channel = self.state.channel(channel_id)
        data = invocations.autocomplete(self.state, user_id, channel, path, option, partial_options)
        interaction = self.interactions.start(InteractionType.AUTOCOMPLETE, user_id, channel, path, data)
        await interaction.wait_answered()
        if interaction.choices is None:
            raise TimeoutError(f"the bot offered no choices for {option}")
        return interaction.choices

    def _seen(self, user_id: int, channel_id: int, message_id: int) -> Message:
        private = self.state.ephemeral.get(message_id)
        if private and private.only_for == user_id:
            return private
        return messages.fetch(self.state, user_id, channel_id, message_id)

    def _shown(self, message: Message, viewer_id: int) -> Json:
        return payloads.message(self.state, message, viewer_id)

    def _first_channels(self) -> list[Channel]:
        return [each for each in self.state.channels.values() if each.guild_id == self.guild_id]

    def _names(self) -> set[str | None]:
        return {channel.name for channel in self._first_channels()}


def _person_content(content: str) -> str:
    if len(content) > drafts.PERSON_CONTENT:
        message = f"Must be {drafts.PERSON_CONTENT} or fewer in length."
        raise invalid_field("content", "BASE_TYPE_MAX_LENGTH", message)
    return content.strip()


def _only(name: str, ids: Mapping[str, int]) -> int:
    if name not in ids:
        raise KeyError(f"there is no {name!r}; there are {', '.join(sorted(ids))}")
    return ids[name]
