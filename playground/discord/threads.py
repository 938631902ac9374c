"""Threads and forum posts: opening, joining, changing and listing them.

Messages in them are messages as in any channel. Source: https://docs.discord.com/developers/topics/threads
"""

from __future__ import annotations

import time

from playground.discord import messages, payloads
from playground.discord.drafts import Draft
from playground.discord.errors import DiscordError, Problem, invalid_field
from playground.discord.permissions import Permission
from playground.discord.records import Channel, ChannelType, Json, Message, MessageFlag, MessageType
from playground.discord.state import State


def from_message(state: State, actor_id: int, channel_id: int, message_id: int, body: Json) -> Channel:
    """Open a thread under a message. It gets the message's id, and the message says that it has one."""
    parent = _parent(state, actor_id, channel_id, Permission.CREATE_PUBLIC_THREADS)
    message = messages.fetch(state, actor_id, channel_id, message_id)
    if message.flags & MessageFlag.HAS_THREAD:
        raise DiscordError(Problem.THREAD_EXISTS)
    thread = _open(state, actor_id, parent, ChannelType.PUBLIC_THREAD, body, thread_id=message.id)
    message.flags |= MessageFlag.HAS_THREAD
    state.save_message(message)
    messages.announce(state, "MESSAGE_UPDATE", message)
    starter = Message(state.ids.next(), thread.id, message.author_id, type=MessageType.THREAD_STARTER_MESSAGE)
    starter.reference_channel_id, starter.reference_id = parent.id, message.id
    messages.publish(state, starter)
    return thread


def alone(state: State, actor_id: int, channel_id: int, body: Json) -> Channel:
    """Open a thread without a message; a public one is announced in its channel."""
    kind = ChannelType(body.get("type") or ChannelType.PRIVATE_THREAD)
    public = kind == ChannelType.PUBLIC_THREAD
    needed = Permission.CREATE_PUBLIC_THREADS if public else Permission.CREATE_PRIVATE_THREADS
    if state.channel(channel_id).type == ChannelType.FORUM:
        raise invalid_field("message", "BASE_TYPE_REQUIRED", "This field is required")
    parent = _parent(state, actor_id, channel_id, needed)
    thread = _open(state, actor_id, parent, kind, body)
    if public:
        created = Message(state.ids.next(), parent.id, actor_id, thread.name or "", type=MessageType.THREAD_CREATED)
        created.reference_channel_id, created.reference_id = thread.id, thread.id
        messages.publish(state, created)
    return thread


def post(state: State, actor_id: int, channel_id: int, body: Json, draft: Draft) -> tuple[Channel, Message]:
    """Open a post in a forum. Its first message has its id."""
    parent = _parent(state, actor_id, channel_id, Permission.SEND_MESSAGES)
    if parent.type != ChannelType.FORUM:
        raise invalid_field("message", "UNKNOWN_FIELD", "Only a post in a forum has a first message.")
    draft.check()
    thread = _open(state, actor_id, parent, ChannelType.PUBLIC_THREAD, body)
    message = messages.compose(state, actor_id, thread, draft, None)
    message.id = thread.id
    messages.publish(state, message)
    return thread, message


def change(state: State, actor_id: int, thread: Channel, body: Json) -> None:
    """Rename, archive, lock or reopen. Who opened a thread may do all but lock it; who manages threads, all."""
    state.require(actor_id, thread)
    own = thread.owner_id == actor_id and body.get("locked") is None and not thread.locked
    if not own:
        state.require(actor_id, thread, Permission.MANAGE_THREADS)
    thread.name = body.get("name") or thread.name
    for name in ("archived", "locked"):
        if body.get(name) is not None:
            setattr(thread, name, body[name])
            thread.archive_changed_at = time.time()
    thread.auto_archive_minutes = body.get("auto_archive_duration") or thread.auto_archive_minutes
    if body.get("rate_limit_per_user") is not None:
        thread.slowmode_seconds = body["rate_limit_per_user"]
    state.save(thread)
    state.emit("THREAD_UPDATE", payloads.channel(state, thread), thread)


def join(state: State, thread: Channel, user_id: int) -> None:
    """Add somebody to a thread; one who is in it already is no error."""
    if user_id in thread.member_ids:
        return
    if thread.archived:
        raise DiscordError(Problem.THREAD_ARCHIVED)
    thread.member_ids.append(user_id)
    state.save(thread)
    _tell_of_members(state, thread, {"added_members": [payloads.thread_member(thread, user_id)]})


def leave(state: State, thread: Channel, user_id: int) -> None:
    """Take somebody out of a thread; one who is not in it is no error."""
    if user_id in thread.member_ids:
        thread.member_ids.remove(user_id)
        state.save(thread)
        _tell_of_members(state, thread, {"removed_member_ids": [str(user_id)]})


def active(state: State, viewer_id: int, guild_id: int) -> list[Channel]:
    """The open threads of a guild that a user can see, newest first."""
    return _visible(state, viewer_id, [each for each in state.channels.values() if each.guild_id == guild_id], False)


def archived_public(state: State, viewer_id: int, channel_id: int) -> list[Channel]:
    """The archived public threads of a channel, the latest archived first."""
    parent = state.channel(channel_id)
    state.require(viewer_id, parent, Permission.READ_MESSAGE_HISTORY)
    threads = [each for each in state.threads(parent.id) if each.type == ChannelType.PUBLIC_THREAD]
    return sorted(_visible(state, viewer_id, threads, True), key=lambda each: -each.archive_changed_at)


def _visible(state: State, viewer_id: int, channels: list[Channel], archived: bool) -> list[Channel]:
    threads = [each for each in channels if each.is_thread and each.archived == archived]
    return [each for each in reversed(threads) if state.may(viewer_id, each, Permission.VIEW_CHANNEL)]


def _parent(state: State, actor_id: int, channel_id: int, needed: Permission) -> Channel:
    parent = state.channel(channel_id)
    if parent.is_dm:
        raise DiscordError(Problem.NOT_IN_A_DM)
    if parent.is_thread:
        raise DiscordError(Problem.NOT_IN_THIS_CHANNEL_TYPE)
    state.require(actor_id, parent, needed)
    return parent


def _open(
    state: State, owner_id: int, parent: Channel, kind: ChannelType, body: Json, thread_id: int | None = None
) -> Channel:
    thread = Channel(
        id=thread_id or state.ids.next(),
        type=kind,
        guild_id=parent.guild_id,
        name=body["name"],
        parent_id=parent.id,
        owner_id=owner_id,
        member_ids=[owner_id],
        auto_archive_minutes=body.get("auto_archive_duration") or 4320,
        archive_changed_at=time.time(),
        slowmode_seconds=body.get("rate_limit_per_user") or 0,
    )
    state.add_channel(thread)
    created = payloads.channel(state, thread, state.bot.id) | {"newly_created": True}
    state.emit("THREAD_CREATE", created, thread)
    return thread


def _tell_of_members(state: State, thread: Channel, change: Json) -> None:
    place = {"id": str(thread.id), "guild_id": str(thread.guild_id), "member_count": len(thread.member_ids)}
    state.emit("THREAD_MEMBERS_UPDATE", place | change, thread)
