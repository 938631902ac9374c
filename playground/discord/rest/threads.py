"""Threads. https://docs.discord.com/developers/resources/channel#start-thread-from-message"""

from __future__ import annotations

from datetime import datetime

from playground.discord import drafts, payloads, threads
from playground.discord.errors import DiscordError, Problem
from playground.discord.forms import array, boolean, fields, integer, one_of, snowflake, text
from playground.discord.records import Channel, ChannelType, Json
from playground.discord.rest.channels import ARCHIVE_MINUTES
from playground.discord.rest.messages import shown
from playground.discord.rest.routes import Answer, Call, Routes

routes = Routes()

_any_thread = {
    "name": text(1, 100),
    "auto_archive_duration": ARCHIVE_MINUTES,
    "rate_limit_per_user": integer(0, 21600),
}
_FROM_MESSAGE = fields(_any_thread, required=["name"])
_ALONE = fields(
    _any_thread
    | {
        "type": one_of(int(ChannelType.PUBLIC_THREAD), int(ChannelType.PRIVATE_THREAD)),
        "invitable": boolean,
        "message": drafts.CREATE,
        "applied_tags": array(snowflake, maximum=0),
    },
    required=["name"],
)
_ARCHIVED = fields({"before": text(), "limit": integer(2, 100)})


def _thread(call: Call) -> Channel:
    channel = call.state.channel(call.id("channel_id"))
    call.state.require(call.bot_id, channel)
    if not channel.is_thread:
        raise DiscordError(Problem.NOT_IN_THIS_CHANNEL_TYPE)
    return channel


@routes.add("POST", "/channels/{channel_id}/messages/{message_id}/threads", body=_FROM_MESSAGE)
def create_thread_from_message(call: Call) -> Answer:
    """Open a thread under a message."""
    channel_id, message_id = call.id("channel_id"), call.id("message_id")
    thread = threads.from_message(call.state, call.bot_id, channel_id, message_id, call.body)
    return Answer(201, payloads.channel(call.state, thread, call.bot_id))


@routes.add("POST", "/channels/{channel_id}/threads", body=_ALONE, query=fields({"use_nested_fields": boolean}))
def create_thread(call: Call) -> Answer:
    """Open a thread alone, or, with a message, a post in a forum."""
    channel_id = call.id("channel_id")
    if call.body.get("message") is None:
        thread = threads.alone(call.state, call.bot_id, channel_id, call.body)
        return Answer(201, payloads.channel(call.state, thread, call.bot_id))
    draft = drafts.draft(call.body["message"], call.files)
    thread, message = threads.post(call.state, call.bot_id, channel_id, call.body, draft)
    return Answer(201, payloads.channel(call.state, thread, call.bot_id) | {"message": shown(call, message)})


@routes.add("PUT", "/channels/{channel_id}/thread-members/@me")
def join_thread(call: Call) -> None:
    """Join a thread."""
    threads.join(call.state, _thread(call), call.bot_id)


@routes.add("DELETE", "/channels/{channel_id}/thread-members/@me")
def leave_thread(call: Call) -> None:
    """Leave a thread."""
    threads.leave(call.state, _thread(call), call.bot_id)


@routes.add("PUT", "/channels/{channel_id}/thread-members/{user_id}")
def add_thread_member(call: Call) -> None:
    """Add somebody to a thread."""
    threads.join(call.state, _thread(call), call.state.user(call.id("user_id")).id)


@routes.add("GET", "/channels/{channel_id}/thread-members", query=fields({"with_member": boolean}))
def list_thread_members(call: Call) -> list[Json]:
    """Who is in a thread."""
    thread = _thread(call)
    return [payloads.thread_member(thread, user_id) for user_id in thread.member_ids]


@routes.add("GET", "/channels/{channel_id}/threads/archived/public", query=_ARCHIVED)
def list_public_archived_threads(call: Call) -> Json:
    """Archived public threads, the latest archived first: up to ``limit`` (50) archived before a time."""
    found = threads.archived_public(call.state, call.bot_id, call.id("channel_id"))
    shown_threads = [payloads.channel(call.state, each, call.bot_id) for each in found]
    if before := call.query.get("before"):
        limit_time = datetime.fromisoformat(before)
        shown_threads = [
            each
            for each in shown_threads
            if datetime.fromisoformat(each["thread_metadata"]["archive_timestamp"]) < limit_time
        ]
    limit = call.query.get("limit") or 50
    joined = [each["member"] for each in shown_threads[:limit] if "member" in each]
    return {"threads": shown_threads[:limit], "members": joined, "has_more": len(shown_threads) > limit}
