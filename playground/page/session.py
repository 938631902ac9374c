"""One person's screen: a websocket that tells what they can see and does what they ask for.

A frame from the page is ``{"id": 7, "do": "say", ...}`` and is answered by ``{"kind": "ANSWER", "id": 7, "data": ...}``, or
by an ``error`` that is a sentence. Everything else that is sent is an event: ``{"kind": ..., "data": ...}``.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from aiohttp import WSMsgType, web

from playground.discord import DiscordError, Event, Permission, World
from playground.discord.world import File
from playground.names import WorldNames
from playground.page import views
from playground.page.prompt import Prompts, PromptWatch

Json = dict[str, Any]

_PAGE_OF_HISTORY = 50


class Session:
    """Serves one websocket for one person until it closes."""

    def __init__(self, world: World, person_id: int, socket: web.WebSocketResponse, prompts: Prompts) -> None:
        self._world = world
        self._me = person_id
        self._socket = socket
        self._prompts = prompts
        self._panel = PromptWatch(prompts, lambda data: self._send({"kind": "PROMPT", "data": data}))
        self._names = WorldNames(world)
        self._actions: Mapping[str, Callable[[Json], Awaitable[Any]]] = {
            "history": self._history,
            "commands": self._commands,
            "say": self._say,
            "edit": self._edit,
            "delete": self._delete,
            "type": self._type,
            "react": self._react,
            "unreact": self._unreact,
            "slash": self._slash,
            "menu": self._menu,
            "click": self._click,
            "submit": self._submit,
            "complete": self._complete,
            "prompt": self._prompt,
            "found": self._found,
            "roles": self._roles,
        }

    async def run(self) -> None:
        """Tell and do, until the browser goes away or the world ends."""
        with self._world.watch() as events:
            async with asyncio.TaskGroup() as tasks:
                await self._send({"kind": "WELCOME", "data": views.welcome(self._world, self._me)})
                telling = tasks.create_task(self._tell(events), name="page-events")
                watching = tasks.create_task(self._panel.run(), name="page-prompt")
                async for frame in self._socket:
                    if frame.type == WSMsgType.TEXT:
                        tasks.create_task(self._answer(json.loads(frame.data)), name="page-action")
                telling.cancel()
                watching.cancel()

    async def _send(self, frame: Json) -> None:
        # The browser may leave while we speak. The loop that reads from it notices, too, and ends the session.
        with contextlib.suppress(ConnectionError):
            await self._socket.send_json(frame)

    # what happens

    async def _tell(self, events: AsyncIterator[Event]) -> None:
        async for event in events:
            self._panel.notice(event)
            for kind, data in self._seen(event):
                await self._send({"kind": kind, "data": data})
        await self._socket.close()

    def _seen(self, event: Event) -> list[tuple[str, Any]]:
        """What of an event this person sees, if anything."""
        if event.only_for not in {None, self._me} or self._prompts.is_own(event.data):
            return []
        if event.kind.startswith(("CHANNEL_", "THREAD_")):
            return [("CHANNELS", views.channels(self._world, self._me))]
        if event.kind.startswith("GUILD_"):  # who may see which channels follows from them
            guilds, channels = views.guilds(self._world, self._me), views.channels(self._world, self._me)
            return [("GUILDS", guilds), ("CHANNELS", channels)]
        match event.kind:
            case "MESSAGE_CREATE" | "MESSAGE_UPDATE":
                data: Any = views.message(event.data, self._names)
            case "INTERACTION_UPDATE" if event.data["modal"]:
                data = event.data | {"modal": views.modal(event.data["modal"], self._names)}
            case "COMMANDS_UPDATE":
                data = None
            case _:
                data = event.data
        channel_id = event.data.get("channel_id")
        return [(event.kind, data)] if channel_id is None or self._may_see(int(channel_id)) else []

    def _may_see(self, channel_id: int) -> bool:
        return channel_id in self._world.channels and self._world.may(self._me, channel_id, Permission.VIEW_CHANNEL)

    # what is asked for

    async def _answer(self, frame: Json) -> None:
        answer: Json = {"kind": "ANSWER", "id": frame["id"]}
        try:
            answer["data"] = await self._actions[frame["do"]](frame)
        except DiscordError as refusal:
            answer["error"] = _sentence(refusal)
        except TimeoutError:
            answer["error"] = "The application did not respond."
        await self._send(answer)

    async def _history(self, frame: Json) -> Json:
        channel_id, before = int(frame["channel"]), frame.get("before")
        there = self._world.messages(channel_id, viewer_id=self._me)
        there = [each for each in there if not self._prompts.is_own(each)]
        older = [each for each in there if before is None or int(each["id"]) < int(before)]
        shown = older[-_PAGE_OF_HISTORY:]
        return {
            "messages": [views.message(each, self._names) for each in shown],
            "more": len(shown) < len(older),
            "typing": [str(each) for each in self._world.typing(channel_id)],
        }

    async def _commands(self, frame: Json) -> list[Json]:
        return self._world.commands(user_id=self._me, channel_id=int(frame["channel"]))

    async def _say(self, frame: Json) -> None:
        reply_to = frame.get("reply_to")
        files = [_file(each) for each in frame["files"]]
        await self._world.say(
            self._me,
            int(frame["channel"]),
            frame["content"],
            reply_to=int(reply_to) if reply_to else None,
            attachments=files,
        )

    async def _edit(self, frame: Json) -> None:
        await self._world.edit(self._me, *_message(frame), frame["content"])

    async def _delete(self, frame: Json) -> None:
        await self._world.delete(self._me, *_message(frame))

    async def _type(self, frame: Json) -> None:
        await self._world.type(self._me, int(frame["channel"]))

    async def _react(self, frame: Json) -> None:
        await self._world.react(self._me, *_message(frame), frame["emoji"])

    async def _unreact(self, frame: Json) -> None:
        await self._world.unreact(self._me, *_message(frame), frame["emoji"])

    async def _slash(self, frame: Json) -> Json:
        options = {name: _file(each) if isinstance(each, dict) else each for name, each in frame["options"].items()}
        started = await self._world.slash(self._me, int(frame["channel"]), frame["path"], options)
        return started.summary()

    async def _menu(self, frame: Json) -> Json:
        channel_id, message_id = _message(frame)
        return (await self._world.context_menu(self._me, channel_id, frame["name"], message_id)).summary()

    async def _click(self, frame: Json) -> Json:
        return (await self._world.click(self._me, *_message(frame), frame["custom_id"], frame["values"])).summary()

    async def _submit(self, frame: Json) -> Json:
        return (await self._world.submit_modal(self._me, frame["modal"], frame["values"])).summary()

    async def _complete(self, frame: Json) -> list[Json]:
        return await self._world.autocomplete(
            self._me, int(frame["channel"]), frame["path"], frame["option"], frame["options"]
        )

    async def _prompt(self, frame: Json) -> Json | None:
        """What the model would see in a channel, and from now on a PROMPT whenever that changes; no channel ends it."""
        self._panel.follow(None)
        if frame["channel"] is None:
            return None
        channel_id = int(frame["channel"])
        self._world.state.require(self._me, self._world.state.channel(channel_id))
        self._panel.follow(channel_id)
        return await self._prompts.ask(channel_id)

    async def _found(self, frame: Json) -> Json:
        """A server of this person's, where everybody is, and which the bot joins when all is ready."""
        guild_id = self._world.create_guild(frame["name"].strip(), self._me)
        channel_id = self._world.create_channel("general", guild_id=guild_id)
        for other in views.people(self._world):
            if other != self._me:
                self._world.add_member(other, guild_id=guild_id)
        self._world.add_bot(guild_id)
        return {"channel_id": str(channel_id)}

    async def _roles(self, frame: Json) -> None:
        """Whoever plays gives and takes roles as they like: that is what there is to try."""
        roles = [int(each) for each in frame["roles"]]
        self._world.set_roles(int(frame["user"]), roles, guild_id=int(frame["guild"]))


def _message(frame: Json) -> tuple[int, int]:
    """The channel and the message that a frame is about."""
    return int(frame["channel"]), int(frame["message"])


def _file(encoded: Json) -> File:
    return encoded["filename"], encoded["type"], base64.b64decode(encoded["base64"])


def _sentence(refusal: DiscordError) -> str:
    """Why something was refused: of an invalid form its first reason, which says more than "Invalid Form Body"."""
    reasons = list(_reasons(refusal.errors or {}))
    return reasons[0] if reasons else refusal.message


def _reasons(tree: Any) -> list[str]:
    if isinstance(tree, list):
        return [each["message"] for each in tree]
    return [reason for branch in tree.values() for reason in _reasons(branch)]
