"""The gateway of a bot that is in thousands of servers: it lets one bot in and sends a GUILD_CREATE for each, as Discord does.

What is in them is made up, the same for the same seed: roles, channels with topics and permissions, threads, emojis, stickers,
and the few members of which Discord tells a bot without the intent for members (itself, and who is in a voice channel).
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from aiohttp import WSMsgType, web

Json = dict[str, Any]

BOT_ID = 1_100_000_000_000_000_000
FIRST_ID = BOT_ID + 1_000_000_000

_DISPATCH, _HEARTBEAT, _IDENTIFY, _HELLO, _ACK = 0, 1, 2, 10, 11
_CATEGORY, _TEXT, _VOICE, _THREAD = 4, 0, 2, 11
_SEES_AND_SPEAKS = 1024 | 2048 | 65536 | 2**31

_LETTERS = "abcdefghiklmnoprstuvw"
_FEATURES = (
    "COMMUNITY NEWS SOUNDBOARD INVITE_SPLASH ANIMATED_ICON WELCOME_SCREEN_ENABLED TEXT_IN_VOICE_ENABLED AUTO_MODERATION "
    "MEMBER_VERIFICATION_GATE_ENABLED PREVIEW_ENABLED CHANNEL_ICON_EMOJIS_GENERATED"
)

#: What people say afterwards, in so many messages: as many as discord.py remembers by default.
MESSAGES = 1_000


class ManyServers:
    """Servers, *servers* of them, each with *channels* channels."""

    def __init__(self, servers: int, channels: int) -> None:
        self._servers, self._channels = servers, channels
        self._chance = random.Random(1)
        self._last_id = FIRST_ID
        self._sequence = 0
        self._words = ["".join(self._chance.choices(_LETTERS, k=self._chance.randint(3, 9))) for _ in range(2_000)]
        #: Set once the bot was told of everything.
        self.done = asyncio.Event()

    def routes(self) -> list[web.AbstractRouteDef]:
        """What Discord answers to a bot that starts."""
        return [
            web.get("/gateway", self._gateway),
            web.get("/api/v10/users/@me", _answering(_user(BOT_ID, "Mnemo", bot=True))),
            web.get("/api/v10/oauth2/applications/@me", _answering(_application())),
            web.get("/api/v10/gateway/bot", self._gateway_bot),
            web.put("/api/v10/applications/{id}/commands", _answering([])),
            web.route("*", "/api/{rest:.*}", _answering({"message": "Missing Access", "code": 50001}, 403)),
        ]

    async def _gateway_bot(self, request: web.Request) -> web.Response:
        limit = {"total": 1000, "remaining": 999, "reset_after": 0, "max_concurrency": 1}
        return _response({"url": f"ws://{request.host}/gateway", "shards": 1, "session_start_limit": limit})

    async def _gateway(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False, max_msg_size=0)
        await socket.prepare(request)
        await socket.send_str(json.dumps({"op": _HELLO, "d": {"heartbeat_interval": 41_250}}))
        async for message in socket:
            if message.type != WSMsgType.TEXT:
                break
            op = json.loads(message.data)["op"]
            if op == _HEARTBEAT:
                await socket.send_str(json.dumps({"op": _ACK}))
            elif op == _IDENTIFY:
                await self._tell_all(socket, f"ws://{request.host}/gateway")
        return socket

    async def _tell_all(self, socket: web.WebSocketResponse, address: str) -> None:
        ids = [self._new_id() for _ in range(self._servers)]
        ready = {
            "v": 10,
            "user": _user(BOT_ID, "Mnemo", bot=True),
            "guilds": [{"id": one, "unavailable": True} for one in ids],
            "session_id": "many",
            "resume_gateway_url": address,
            "shard": [0, 1],
            "application": {"id": str(BOT_ID), "flags": 1 << 19},
            "private_channels": [],
        }
        await self._tell(socket, "READY", ready)
        channels = []
        for one in ids:
            server = self.server(one)
            channels += [(one, channel["id"]) for channel in server["channels"] if channel["type"] == _TEXT]
            await self._tell(socket, "GUILD_CREATE", server)
        for server_id, channel_id in self._chance.sample(channels, min(MESSAGES, len(channels))):
            await self._tell(socket, "MESSAGE_CREATE", self._message(server_id, channel_id))
        self.done.set()

    async def _tell(self, socket: web.WebSocketResponse, kind: str, data: Json) -> None:
        self._sequence += 1
        await socket.send_str(json.dumps({"op": _DISPATCH, "s": self._sequence, "t": kind, "d": data}))

    def _new_id(self) -> str:
        self._last_id += self._chance.randrange(1, 1_000_000)
        return str(self._last_id)

    def _name(self) -> str:
        return "-".join(self._chance.sample(self._words, self._chance.randint(1, 2)))

    def _text(self, longest: int) -> str:
        return " ".join(self._chance.choices(self._words, k=self._chance.randint(3, longest)))

    def server(self, server_id: str) -> Json:
        """Return the GUILD_CREATE of a server."""
        chance = self._chance
        roles = [_role(server_id, "@everyone", 0)]
        roles += [_role(self._new_id(), self._name().title(), place) for place in range(1, chance.randint(10, 30))]
        roles[1] |= {"name": "Mnemo", "managed": True, "tags": {"bot_id": str(BOT_ID)}}
        channels = list(self._some_channels([role["id"] for role in roles]))
        voices = [channel["id"] for channel in channels if channel["type"] == _VOICE]
        own_role = roles[1]["id"]
        talkers = [
            self._member([role["id"] for role in roles[2:5]]) for _ in range(chance.randint(2, 8) if voices else 0)
        ]
        return {
            "id": server_id,
            "name": self._text(5).title(),
            "owner_id": self._new_id(),
            "icon": f"{chance.getrandbits(128):032x}",
            "description": None,
            "features": _FEATURES.split()[: chance.randint(0, 11)],
            "roles": roles,
            "emojis": [self._emoji() for _ in range(chance.randint(0, 100))],
            "stickers": [self._sticker(server_id) for _ in range(chance.randint(0, 5))],
            "channels": channels,
            "threads": [self._thread(server_id, channels) for _ in range(chance.randint(0, 6))],
            "members": [_member(_user(BOT_ID, "Mnemo", bot=True), [own_role]), *talkers],
            "voice_states": [_voice_state(one["user"]["id"], chance.choice(voices)) for one in talkers],
            "member_count": chance.randint(20, 5_000),
            "joined_at": "2025-03-01T12:00:00.000000+00:00",
            "large": False,
            "unavailable": False,
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
            "system_channel_flags": 0,
            "verification_level": 1,
            "default_message_notifications": 1,
            "explicit_content_filter": 2,
            "mfa_level": 0,
            "nsfw_level": 0,
            "premium_tier": 1,
            "premium_subscription_count": 3,
            "preferred_locale": "en-US",
            "afk_timeout": 300,
            "max_members": 500_000,
            "premium_progress_bar_enabled": False,
        }

    def _some_channels(self, role_ids: list[str]) -> Iterator[Json]:
        parent = None
        for place in range(self._channels):
            kind = _CATEGORY if place % 6 == 0 else _VOICE if place % 6 == 5 else _TEXT
            channel = {
                "id": self._new_id(),
                "type": kind,
                "name": self._name(),
                "position": place,
                "flags": 0,
                "parent_id": None if kind == _CATEGORY else parent,
                "permission_overwrites": [
                    {"id": one, "type": 0, "allow": "1024", "deny": "2048"}
                    for one in self._chance.sample(role_ids, self._chance.randint(1, 8))
                ],
            }
            if kind == _CATEGORY:
                parent = channel["id"]
            else:
                channel |= {"last_message_id": self._new_id(), "rate_limit_per_user": 0, "nsfw": False}
            if kind == _TEXT:
                channel["topic"] = self._text(20) if self._chance.random() < 0.6 else None
            elif kind == _VOICE:
                channel |= {"bitrate": 64_000, "user_limit": 0, "rtc_region": None}
            yield channel

    def _thread(self, server_id: str, channels: list[Json]) -> Json:
        texts = [channel["id"] for channel in channels if channel["type"] == _TEXT]
        return {
            "id": self._new_id(),
            "guild_id": server_id,
            "type": _THREAD,
            "name": self._text(6),
            "parent_id": self._chance.choice(texts),
            "owner_id": self._new_id(),
            "last_message_id": self._new_id(),
            "message_count": 12,
            "member_count": 4,
            "rate_limit_per_user": 0,
            "flags": 0,
            "thread_metadata": {
                "archived": False,
                "auto_archive_duration": 4320,
                "archive_timestamp": "2026-01-01T00:00:00.000000+00:00",
                "locked": False,
                "create_timestamp": "2026-01-01T00:00:00.000000+00:00",
            },
        }

    def _emoji(self) -> Json:
        name = self._name().replace("-", "_")
        return {
            "id": self._new_id(),
            "name": name,
            "roles": [],
            "require_colons": True,
            "managed": False,
            "animated": False,
            "available": True,
        }

    def _sticker(self, server_id: str) -> Json:
        return {
            "id": self._new_id(),
            "name": self._name(),
            "description": self._text(6),
            "tags": "wave",
            "type": 2,
            "format_type": 1,
            "available": True,
            "guild_id": server_id,
        }

    def _message(self, server_id: str, channel_id: str) -> Json:
        author = self._member([])
        return {
            "id": self._new_id(),
            "type": 0,
            "channel_id": channel_id,
            "guild_id": server_id,
            "author": author.pop("user"),
            "member": author,
            "content": self._text(20),
            "timestamp": "2026-01-01T00:00:00.000000+00:00",
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "attachments": [],
            "embeds": [],
            "components": [],
            "pinned": False,
            "flags": 0,
        }

    def _member(self, role_ids: list[str]) -> Json:
        return _member(_user(int(self._new_id()), self._name()), role_ids)


def _answering(body: object, status: int = 200) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        return _response(body, status)

    return answer


def _response(body: object, status: int = 200) -> web.Response:
    # discord.py parses JSON only under exactly this type.
    return web.Response(status=status, body=json.dumps(body).encode(), content_type="application/json")


def _application() -> Json:
    return {
        "id": str(BOT_ID),
        "name": "Mnemo",
        "icon": None,
        "description": "",
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "",
        "flags": 1 << 19,
        "owner": _user(BOT_ID + 1, "owner"),
    }


def _user(user_id: int, name: str, *, bot: bool = False) -> Json:
    return {
        "id": str(user_id),
        "username": name,
        "global_name": None if bot else name.title(),
        "discriminator": "0",
        "avatar": f"{user_id:032x}",
        "bot": bot,
        "public_flags": 0,
    }


def _member(user: Json, role_ids: list[str]) -> Json:
    return {
        "user": user,
        "nick": None,
        "avatar": None,
        "roles": role_ids,
        "joined_at": "2025-03-01T12:00:00.000000+00:00",
        "premium_since": None,
        "deaf": False,
        "mute": False,
        "flags": 0,
        "pending": False,
        "communication_disabled_until": None,
    }


def _voice_state(user_id: str, channel_id: str) -> Json:
    flags = dict.fromkeys(("deaf", "mute", "self_deaf", "self_mute", "self_video", "suppress"), False)
    return {"user_id": user_id, "channel_id": channel_id, "session_id": "voice", **flags}


def _role(role_id: str, name: str, position: int) -> Json:
    return {
        "id": role_id,
        "name": name,
        "permissions": str(_SEES_AND_SPEAKS),
        "position": position,
        "color": 3_447_003,
        "colors": {"primary_color": 3_447_003, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": False,
        "mentionable": False,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }
