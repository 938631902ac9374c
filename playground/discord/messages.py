"""Messages: sending, editing, deleting, listing, with Discord's rules for whoever does it, person or bot.

What a request may hold is in ``drafts.py``; reactions, threads and interactions have rooms of their own.
"""

from __future__ import annotations

import time
from itertools import islice

from playground.discord import components, drafts, mentions, payloads, pictures
from playground.discord.drafts import Draft, Upload
from playground.discord.errors import DiscordError, Problem, invalid_field
from playground.discord.permissions import Permission
from playground.discord.records import WRITTEN, Channel, ChannelType, Json, Message, MessageFlag, MessageType
from playground.discord.snowflakes import created_at
from playground.discord.state import State

#: How long a nonce is remembered. Discord's documentation says "the past few minutes".
NONCE_SECONDS = 300.0
#: What only its author may change, and what makes a message an edited one.
_AUTHORS_OWN = {"content", "embeds", "components", "attachments"}
#: Messages that are older cannot be deleted in bulk.
_BULK_DELETE_SECONDS = 14 * 24 * 3600.0
_BULK_DELETE_COUNT = range(2, 101)


def announce(state: State, kind: str, message: Message) -> None:
    """Tell everyone who can see it that a message is new or changed. The bot gets no event for an ephemeral one."""
    channel = state.channels[message.channel_id]
    data = payloads.message(state, message, state.bot.id)
    if channel.guild_id:
        data["guild_id"] = str(channel.guild_id)
        data["member"] = payloads.partial_member(state, channel.guild_id, message.author_id)
    if kind == "MESSAGE_CREATE" and message.nonce is not None:
        data["nonce"] = message.nonce
    if message.only_for is None:
        state.emit(kind, data, channel)
    else:
        state.hub.show(kind, data, message.only_for)


def send(state: State, author_id: int, channel_id: int, draft: Draft) -> Message:
    """Send a message; the one that is there already, if the draft says so and its nonce was used a moment ago."""
    channel = state.channel(channel_id)
    _require_sending(state, author_id, channel, draft)
    draft.check()
    if draft.enforce_nonce and draft.nonce is not None and (sent := _with_nonce(state, author_id, draft.nonce)):
        return sent
    replied_to = _replied_to(state, author_id, channel, draft.reference)
    if channel.archived:
        _unarchive(state, author_id, channel)
    message = compose(state, author_id, channel, draft, replied_to)
    publish(state, message)
    return message


def compose(state: State, author_id: int, channel: Channel, draft: Draft, replied_to: Message | None) -> Message:
    """The message that a draft makes; nobody knows of it yet."""
    mentioned = mentions.resolve(
        state,
        channel,
        author_id,
        _words(draft.content, draft.components),
        draft.allowed_mentions,
        replied_to.author_id if replied_to else None,
    )
    return Message(
        id=state.ids.next(),
        channel_id=channel.id,
        author_id=author_id,
        content=draft.content,
        type=MessageType.REPLY if replied_to else MessageType.DEFAULT,
        embeds=draft.embeds,
        components=draft.components,
        attachments=[_keep_upload(state, upload) for upload in draft.uploads],
        flags=draft.flags,
        tts=draft.tts,
        mention_ids=mentioned.user_ids,
        mention_role_ids=mentioned.role_ids,
        mention_everyone=mentioned.everyone,
        reference_channel_id=replied_to.channel_id if replied_to else None,
        reference_id=replied_to.id if replied_to else None,
        nonce=draft.nonce,
    )


def publish(state: State, message: Message) -> None:
    """Take a composed message in, and tell of it. Its author no longer types."""
    state.add_message(message)
    if message.only_for is None:
        channel = state.channels[message.channel_id]
        channel.last_message_id = message.id
        channel.message_count += message.id != channel.id
        state.save(channel)
    state.typing.pop((message.channel_id, message.author_id), None)
    announce(state, "MESSAGE_CREATE", message)


def edit(
    state: State, actor_id: int, channel_id: int, message_id: int, body: Json, files: dict[int, Upload]
) -> Message:
    """Change one's own message. Of another's, who manages messages may hide the embeds, nothing else."""
    channel = state.channel(channel_id)
    state.require(actor_id, channel)
    message = state.message(channel_id, message_id)
    if message.author_id != actor_id and set(body) & _AUTHORS_OWN:
        raise DiscordError(Problem.NOT_THE_AUTHOR)
    if message.author_id != actor_id:
        state.require(actor_id, channel, Permission.MANAGE_MESSAGES)
    if message.type not in WRITTEN:
        raise DiscordError(Problem.SYSTEM_MESSAGE)
    if files:
        state.require(actor_id, channel, Permission.ATTACH_FILES)
    change(state, message, body, files)
    return message


def change(state: State, message: Message, body: Json, files: dict[int, Upload]) -> None:
    """Put what *body* holds in place of what the message had, and tell of it. What is not in it stays."""
    kept = _kept_attachments(message, body)
    _check_changed(message, body, files, kept)
    if "content" in body:
        message.content = (body["content"] or "").strip()
    if "embeds" in body:
        message.embeds = drafts.embeds(body)
    if "components" in body:
        message.components = components.number(body["components"] or [])
    if body.get("flags") is not None:
        own = MessageFlag.SUPPRESS_EMBEDS | MessageFlag.IS_COMPONENTS_V2
        v2 = message.flags & MessageFlag.IS_COMPONENTS_V2
        message.flags = message.flags & ~own | body["flags"] | v2
    if "content" in body or ("components" in body and message.flags & MessageFlag.IS_COMPONENTS_V2):
        _mention_anew(state, message, body.get("allowed_mentions"))
    for dropped in [each for each in message.attachments if each not in kept]:
        state.store.delete_file(int(dropped["id"]))
    message.attachments = kept + [_keep_upload(state, upload) for upload in drafts.uploads(body, files)]
    if set(body) & _AUTHORS_OWN or files:
        message.edited_at = time.time()
    state.save_message(message)
    announce(state, "MESSAGE_UPDATE", message)


def _check_changed(message: Message, body: Json, files: dict[int, Upload], kept: list[Json]) -> None:
    """Check what the message would become, before anything of it changes."""
    content = body["content"] or "" if "content" in body else message.content
    would_be = Draft(
        content=content.strip(),
        embeds=body["embeds"] or [] if "embeds" in body else message.embeds,
        components=body["components"] or [] if "components" in body else message.components,
        uploads=drafts.uploads(body, files) + [Upload(each["filename"], b"") for each in kept],
        flags=message.flags | (body.get("flags") or 0),
    )
    would_be.check()


def delete(state: State, actor_id: int, channel_id: int, message_id: int) -> None:
    """Delete one's own message, or any if one manages messages."""
    channel = state.channel(channel_id)
    state.require(actor_id, channel)
    message = state.message(channel_id, message_id)
    if message.author_id != actor_id:
        if channel.is_dm:
            raise DiscordError(Problem.NOT_IN_A_DM)
        state.require(actor_id, channel, Permission.MANAGE_MESSAGES)
    remove(state, message)


def remove(state: State, message: Message) -> None:
    """Take a message out, and tell of it."""
    channel = state.channels[message.channel_id]
    state.remove_message(message)
    data = {"id": str(message.id)} | _place(channel)
    if message.only_for is None:
        state.emit("MESSAGE_DELETE", data, channel)
    else:
        state.hub.show("MESSAGE_DELETE", data, message.only_for)


def bulk_delete(state: State, actor_id: int, channel_id: int, message_ids: list[int]) -> None:
    """Delete 2 to 100 messages at once, none older than two weeks. Ids that are not there are passed over."""
    channel = state.channel(channel_id)
    if channel.is_dm:
        raise DiscordError(Problem.NOT_IN_A_DM)
    state.require(actor_id, channel, Permission.MANAGE_MESSAGES)
    if len(message_ids) not in _BULK_DELETE_COUNT:
        raise DiscordError(Problem.BULK_DELETE_COUNT)
    if any(created_at(each) < time.time() - _BULK_DELETE_SECONDS for each in message_ids):
        raise DiscordError(Problem.BULK_DELETE_AGE)
    there = state.messages[channel_id]
    gone = [there[each] for each in dict.fromkeys(message_ids) if each in there]
    for message in gone:
        state.remove_message(message)
    state.emit("MESSAGE_DELETE_BULK", {"ids": [str(each.id) for each in gone]} | _place(channel), channel)


def history(state: State, reader_id: int, channel_id: int, query: Json) -> list[Message]:
    """Messages of a channel, newest first: before, after or around an id, or the newest. None without the permission."""
    channel = state.channel(channel_id)
    state.require(reader_id, channel)
    if not state.may(reader_id, channel, Permission.READ_MESSAGE_HISTORY):
        return []
    limit = query.get("limit") or 50
    everything = list(state.messages[channel_id].values())
    if around := query.get("around"):
        older = [each for each in everything if each.id < around][-(limit // 2) :] if limit > 1 else []
        found = older + [each for each in everything if each.id >= around][: limit - len(older)]
    elif (after := query.get("after")) is not None:
        found = list(islice((each for each in everything if each.id > after), limit))
    else:
        before = query.get("before")
        found = [each for each in everything if before is None or each.id < before][-limit:]
    return found[::-1]


def fetch(state: State, reader_id: int, channel_id: int, message_id: int) -> Message:
    """One message."""
    state.require(reader_id, state.channel(channel_id), Permission.READ_MESSAGE_HISTORY)
    return state.message(channel_id, message_id)


def type_in(state: State, user_id: int, channel_id: int) -> None:
    """Show that somebody is typing. The indicator goes away by itself, or with their message."""
    channel = state.channel(channel_id)
    _require_sending(state, user_id, channel, Draft())
    state.typing[channel_id, user_id] = time.monotonic()
    data = {"user_id": str(user_id), "timestamp": int(time.time())} | _place(channel)
    if channel.guild_id:
        data["member"] = payloads.member(state, state.member(channel.guild_id, user_id))
    state.emit("TYPING_START", data, channel)


def _place(channel: Channel) -> Json:
    return {"channel_id": str(channel.id)} | ({"guild_id": str(channel.guild_id)} if channel.guild_id else {})


def _require_sending(state: State, author_id: int, channel: Channel, draft: Draft) -> None:
    if channel.type == ChannelType.FORUM:
        raise DiscordError(Problem.NOT_IN_THIS_CHANNEL_TYPE)
    needed = Permission.SEND_MESSAGES_IN_THREADS if channel.is_thread else Permission.SEND_MESSAGES
    needed |= Permission.EMBED_LINKS if draft.embeds else Permission.NONE
    needed |= Permission.ATTACH_FILES if draft.uploads else Permission.NONE
    state.require(author_id, channel, needed)
    if channel.is_dm and not all(state.users[each].accepts_dms for each in channel.member_ids if each != author_id):
        raise DiscordError(Problem.CANNOT_DM)


def _replied_to(state: State, author_id: int, channel: Channel, reference: Json | None) -> Message | None:
    """The message that a draft answers; None if it answers none, or one that is gone and need not be there."""
    if reference is None:
        return None
    if not state.may(author_id, channel, Permission.READ_MESSAGE_HISTORY):
        raise DiscordError(Problem.REPLY_NEEDS_HISTORY)
    if reference.get("channel_id") not in {None, channel.id}:
        sentence = "A message can only be answered in its own channel."
        raise invalid_field("message_reference.channel_id", "MESSAGE_REFERENCE_CHANNEL_MISMATCH", sentence)
    target = state.messages[channel.id].get(reference["message_id"])
    if target is None and reference.get("fail_if_not_exists") is not False:
        raise invalid_field("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
    if target is not None and target.type not in WRITTEN:
        code = "REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE"
        raise invalid_field("message_reference", code, "Cannot reply to a system message")
    return target


def _with_nonce(state: State, author_id: int, nonce: str | int) -> Message | None:
    """The author's message of the last minutes with this nonce, in whatever channel: a nonce is the author's own.

    One that was deleted since is not there to be returned; what is sent again is new then.
    """
    oldest = time.time() - NONCE_SECONDS
    for messages in state.messages.values():
        for message in reversed(messages.values()):
            if created_at(message.id) < oldest or message.id <= state.nonces_forgotten_up_to:
                break
            if message.author_id == author_id and message.nonce is not None and str(message.nonce) == str(nonce):
                return message
    return None


def _unarchive(state: State, author_id: int, thread: Channel) -> None:
    """Speaking in an archived thread opens it again, unless it is locked."""
    if thread.locked and not state.may(author_id, thread, Permission.MANAGE_THREADS):
        raise DiscordError(Problem.THREAD_ARCHIVED)
    thread.archived = False
    thread.archive_changed_at = time.time()
    state.save(thread)
    state.emit("THREAD_UPDATE", payloads.channel(state, thread), thread)


def _keep_upload(state: State, upload: Upload) -> Json:
    attachment_id = state.ids.next()
    state.store.put_file(attachment_id, upload.filename, upload.data)
    kept: Json = {"id": str(attachment_id), "filename": upload.filename, "size": len(upload.data)}
    if upload.content_type:
        kept["content_type"] = upload.content_type
    if upload.description:
        kept["description"] = upload.description
    return kept | pictures.measured(upload.data)


def _kept_attachments(message: Message, body: Json) -> list[Json]:
    """Of the attachments that the message has: all, or those that the body lists."""
    if "attachments" not in body:
        return message.attachments
    listed = {str(each["id"]) for each in body["attachments"] or []}
    return [each for each in message.attachments if each["id"] in listed]


def _words(content: str, tree: list[Json]) -> str:
    return f"{content}\n{components.written(tree)}"


def _mention_anew(state: State, message: Message, allowed: Json | None) -> None:
    """An edit decides anew who is mentioned, the author of the answered message included; nobody is notified again."""
    channel = state.channels[message.channel_id]
    target = state.messages[channel.id].get(message.reference_id or 0)
    replied_to = target.author_id if target and target.author_id in message.mention_ids else None
    rules = allowed or {"parse": ["users", "roles", "everyone"], "replied_user": replied_to is not None}
    words = _words(message.content, message.components)
    found = mentions.resolve(state, channel, message.author_id, words, rules, replied_to)
    message.mention_ids, message.mention_role_ids = found.user_ids, found.role_ids
    message.mention_everyone = found.everyone
