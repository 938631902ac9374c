"""How Discord writes things down: records in, the JSON of the API out. Ids are strings there, times ISO 8601.

Who may see what is decided before. Shapes: https://docs.discord.com/developers/resources
"""

from __future__ import annotations

from typing import Any

from playground.discord import layouts
from playground.discord.records import Channel, ChannelType, Guild, Json, Member, Message, MessageFlag, Role, User
from playground.discord.snowflakes import created_at, timestamp
from playground.discord.state import State

#: Flags of an application that has the privileged intents, each in the form for bots in fewer than 100 guilds.
#: Source: https://docs.discord.com/developers/resources/application#application-object-application-flags
_PRESENCE_LIMITED, _MEMBERS_LIMITED, _CONTENT_LIMITED = 1 << 13, 1 << 15, 1 << 19


def user(record: User) -> Json:
    """A user."""
    payload = {
        "id": str(record.id),
        "username": record.username,
        "global_name": None if record.bot else record.display_name,
        "discriminator": "0000" if record.bot else "0",
        "avatar": None,
        "avatar_decoration_data": None,
        "banner": None,
        "accent_color": None,
        "primary_guild": None,
        "public_flags": 0,
        "flags": 0,
    }
    return payload | {"bot": True} if record.bot else payload


def current_user(record: User) -> Json:
    """The bot, as it sees itself."""
    own = {"mfa_enabled": True, "locale": "en-US", "premium_type": 0, "email": None, "verified": True}
    return user(record) | own


def application_flags(state: State) -> int:
    """The intents that the application has been granted, as flags."""
    return _PRESENCE_LIMITED | _MEMBERS_LIMITED | (_CONTENT_LIMITED if state.message_content_intent else 0)


def application(state: State, bot: User) -> Json:
    """The bot's application. Its id is the bot's, as it is for all that are younger than 2016."""
    guild_count = sum(member.user_id == bot.id for member in state.members.values())
    return {
        "id": str(bot.id),
        "name": bot.username,
        "icon": None,
        "description": "",
        "type": None,
        "bot": user(bot),
        "bot_public": False,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": application_flags(state),
        "flags_new": str(application_flags(state)),
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "owner": user(_owner(state)),
        "approximate_guild_count": guild_count,
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "team": None,
        "eligible_oauth2_scopes": ["bot", "applications.commands"],
    }


def _owner(state: State) -> User:
    first_guild = next(iter(state.guilds.values()))
    return state.users[first_guild.owner_id]


def role(record: Role) -> Json:
    """A role."""
    payload = {
        "id": str(record.id),
        "name": record.name,
        "permissions": str(int(record.permissions)),
        "position": record.position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": record.bot_id is not None,
        "mentionable": False,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }
    return payload | {"tags": {"bot_id": str(record.bot_id)}} if record.bot_id else payload


def member(state: State, record: Member, *, with_user: bool = True) -> Json:
    """A member; in a message it comes without its user, who stands beside it as the author."""
    payload = {
        "nick": record.nick,
        "roles": [str(role_id) for role_id in record.roles],
        "joined_at": timestamp(created_at(record.id)),
        "premium_since": None,
        "communication_disabled_until": None,
        "avatar": None,
        "banner": None,
        "deaf": False,
        "mute": False,
        "pending": False,
        "flags": 0,
    }
    return payload | {"user": user(state.users[record.user_id])} if with_user else payload


def partial_member(state: State, guild_id: int | None, user_id: int) -> Json | None:
    """A member without its user; None outside of guilds."""
    record = state.members.get((guild_id, user_id)) if guild_id else None
    return member(state, record, with_user=False) if record else None


def guild(state: State, record: Guild) -> Json:
    """A guild, without what changes often (channels, members)."""
    return {
        "id": str(record.id),
        "name": record.name,
        "owner_id": str(record.owner_id),
        "roles": [role(each) for each in state.guild_roles(record.id)],
        "icon": None,
        "splash": None,
        "discovery_splash": None,
        "banner": None,
        "description": None,
        "emojis": [],
        "stickers": [],
        "features": [],
        "region": "deprecated",
        "afk_channel_id": None,
        "afk_timeout": 300,
        "application_id": None,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "rules_channel_id": None,
        "public_updates_channel_id": None,
        "safety_alerts_channel_id": None,
        "widget_enabled": False,
        "widget_channel_id": None,
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "nsfw": False,
        "nsfw_level": 0,
        "vanity_url_code": None,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "premium_progress_bar_enabled": False,
        "preferred_locale": "en-US",
        "max_members": 500_000,
    }


def channel(state: State, record: Channel, viewer_id: int | None = None) -> Json:
    """A channel of any kind. *viewer_id* is left out of a DM's recipients, and gets its own membership of a thread."""
    payload: Json = {
        "id": str(record.id),
        "type": int(record.type),
        "flags": 0,
        "last_message_id": _text_or_none(record.last_message_id),
    }
    if record.is_dm:
        recipients = [user(state.users[each]) for each in record.member_ids if each != viewer_id]
        return payload | {"recipients": recipients}
    payload |= {"guild_id": str(record.guild_id), "name": record.name, "rate_limit_per_user": record.slowmode_seconds}
    payload["parent_id"] = _text_or_none(record.parent_id)
    return payload | (_thread_part(state, record, viewer_id) if record.is_thread else _guild_channel_part(record))


def _guild_channel_part(record: Channel) -> Json:
    part: Json = {
        "topic": record.topic,
        "position": record.position,
        "nsfw": False,
        "permission_overwrites": [
            {"id": str(each.target_id), "type": int(each.type), "allow": str(each.allow), "deny": str(each.deny)}
            for each in record.overwrites
        ],
    }
    forum: Json = {
        "available_tags": [],
        "default_reaction_emoji": None,
        "default_sort_order": None,
        "default_forum_layout": 0,
    }
    return part | forum if record.type == ChannelType.FORUM else part


def _thread_part(state: State, record: Channel, viewer_id: int | None) -> Json:
    part: Json = {
        "owner_id": str(record.owner_id),
        "message_count": record.message_count,
        "total_message_sent": record.message_count,
        "member_count": len(record.member_ids),
        "thread_metadata": {
            "archived": record.archived,
            "locked": record.locked,
            "auto_archive_duration": record.auto_archive_minutes,
            "archive_timestamp": timestamp(record.archive_changed_at),
            "create_timestamp": timestamp(created_at(record.id)),
        },
    }
    if record.type == ChannelType.PRIVATE_THREAD:
        part["thread_metadata"]["invitable"] = True
    if record.parent_id and state.channels[record.parent_id].type == ChannelType.FORUM:
        part["applied_tags"] = []
    if viewer_id in record.member_ids:
        part["member"] = thread_member(record, viewer_id)
    return part


def thread_member(thread: Channel, user_id: int) -> Json:
    """Somebody's membership of a thread."""
    joined = timestamp(created_at(thread.id))
    return {"id": str(thread.id), "user_id": str(user_id), "join_timestamp": joined, "flags": 0}


def message(state: State, record: Message, viewer_id: int, *, with_reference: bool = True) -> Json:
    """A message. *viewer_id* decides which reactions are ``me``; a referenced message comes without its own reference."""
    attachments = [attachment(state, record, each) for each in record.attachments]
    payload: Json = {
        "id": str(record.id),
        "channel_id": str(record.channel_id),
        "type": int(record.type),
        "author": user(state.users[record.author_id]),
        "content": record.content,
        "timestamp": timestamp(created_at(record.id)),
        "edited_timestamp": timestamp(record.edited_at) if record.edited_at else None,
        "tts": record.tts,
        "mention_everyone": record.mention_everyone,
        "mentions": [user(state.users[each]) for each in record.mention_ids],
        "mention_roles": [str(each) for each in record.mention_role_ids],
        "attachments": attachments,
        "embeds": _with_urls(record.embeds, attachments),
        "components": layouts.shown(record.components, attachments),
        "pinned": False,
        "flags": int(record.flags),
    }
    if record.reactions:
        payload["reactions"] = [reaction(key, users, viewer_id) for key, users in record.reactions.items()]
    if record.interaction:
        payload |= _interaction_part(record)
    if record.flags & MessageFlag.HAS_THREAD and record.id in state.channels:
        payload["thread"] = channel(state, state.channels[record.id], viewer_id)
    return payload | (_reference_part(state, record, viewer_id) if with_reference and record.reference_id else {})


def _interaction_part(record: Message) -> Json:
    metadata = record.interaction or {}
    part = {"interaction_metadata": metadata}
    if "name" in metadata:  # the older form, which says which command it was
        part["interaction"] = {key: metadata[key] for key in ("id", "type", "name", "user")}
    return part | {"webhook_id": str(record.author_id), "application_id": str(record.author_id)}


def _reference_part(state: State, record: Message, viewer_id: int) -> Json:
    assert record.reference_channel_id is not None
    reference = {"type": 0, "message_id": str(record.reference_id), "channel_id": str(record.reference_channel_id)}
    here = state.channels[record.channel_id]
    if here.guild_id:
        reference["guild_id"] = str(here.guild_id)
    target = state.messages.get(record.reference_channel_id, {}).get(record.reference_id or 0)
    if target is None:
        target = state.ephemeral.get(record.reference_id or 0)
    referenced = message(state, target, viewer_id, with_reference=False) if target else None
    return {"message_reference": reference, "referenced_message": referenced}


def attachment(state: State, record: Message, kept: Json) -> Json:
    """An attachment, with where it can be fetched now."""
    url = f"{state.cdn_url}/attachments/{record.channel_id}/{kept['id']}/{kept['filename']}"
    return kept | {"url": url, "proxy_url": url} | ({"ephemeral": True} if record.only_for else {})


def _with_urls(node: Any, attachments: list[Json]) -> Any:
    """Embeds with what they call ``attachment://name`` replaced by where it can be fetched."""
    if isinstance(node, list):
        return [_with_urls(each, attachments) for each in node]
    if isinstance(node, dict):
        return {key: _with_urls(value, attachments) for key, value in node.items()}
    return next((each["url"] for each in attachments if node == f"attachment://{each['filename']}"), node)


def reaction(key: str, user_ids: list[int], viewer_id: int) -> Json:
    """How often an emoji was put under a message."""
    return {
        "emoji": emoji(key),
        "count": len(user_ids),
        "count_details": {"burst": 0, "normal": len(user_ids)},
        "burst_colors": [],
        "me_burst": False,
        "me": viewer_id in user_ids,
    }


def emoji(key: str) -> Json:
    """A Unicode emoji. (This world has no custom ones.)"""
    return {"id": None, "name": key}


def _text_or_none(snowflake: int | None) -> str | None:
    return None if snowflake is None else str(snowflake)
