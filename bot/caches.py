"""What is kept of the servers that the bot is in: names, and no objects for their channels, threads, roles, emojis and members.

discord.py makes an object of everything in a server and keeps it, some 60 kB a server, and nearly nothing of it is used here: an
event brings what it is about. Whoever has to know more of a server looks at it while its event is handled.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import discord
from discord.channel import _guild_channel_factory
from discord.state import ConnectionState

from bot.survey import joined, survey

Json = Mapping[str, Any]

_NOBODY = "0"


class Names:
    """What the channels, threads and roles of each server are called, by id.

    A server's are one text, "id owner name" a line: an object for each would take four times the memory. The owner is a thread's
    channel or a role's bot.
    """

    def __init__(self) -> None:
        self._servers: dict[int, str] = {}

    def of(self, server_id: int, any_id: int) -> str | None:
        """The name of a channel, a thread or a role; None if Discord did not tell of it."""
        _, name = self._entries(server_id).get(any_id, (0, None))
        return name

    def of_all(self, server_id: int, ids: Collection[int]) -> dict[int, str]:
        """The names of all of these that Discord told of."""
        return {one_id: name for one_id, (_, name) in self._entries(server_id).items() if one_id in ids}

    def knows(self, server_id: int) -> bool:
        """Whether Discord told of this server: not yet right after a start, and when a session begins anew."""
        return server_id in self._servers

    def is_role_of(self, server_id: int, role_id: int, bot_id: int) -> bool:
        """Whether Discord made this role for a bot, so that people can address it by it."""
        owner, _ = self._entries(server_id).get(role_id, (0, ""))
        return owner == bot_id

    def parent_of(self, server_id: int, thread_id: int) -> int | None:
        """The channel that a thread is in; None for what is no thread, or not told of."""
        _, found, rest = f"\n{self._servers.get(server_id, '')}".partition(f"\n{thread_id} ")
        return int(rest.partition(" ")[0]) or None if found else None

    def threads_of(self, server_id: int, channel_id: int) -> list[int]:
        """The ids of the threads in a channel."""
        return [thread_id for thread_id, (owner, _) in self._entries(server_id).items() if owner == channel_id]

    def learn_all(
        self, server_id: int, channels: Iterable[Json], threads: Iterable[Json], roles: Iterable[Json]
    ) -> None:
        """Take in a server as Discord tells of it; what was known of it before is over."""
        self._servers.pop(server_id, None)
        owned = [(one, one.get("parent_id")) for one in threads]
        owned += [(one, (one.get("tags") or {}).get("bot_id")) for one in roles]
        self.learn(server_id, [*((one, None) for one in channels), *owned])

    def learn(self, server_id: int, told: Iterable[tuple[Json, str | None]]) -> None:
        """Take in channels, threads or roles, each with its owner."""
        lines = {one["id"]: f"{one['id']} {owner or _NOBODY} {' '.join(one['name'].split())}" for one, owner in told}
        kept = [line for line in self._lines(server_id) if line.partition(" ")[0] not in lines]
        self._servers[server_id] = "\n".join([*kept, *lines.values()])

    def forget(self, server_id: int, ids: Iterable[int]) -> None:
        """Forget what is gone."""
        gone = set(map(str, ids))
        kept = [line for line in self._lines(server_id) if line.partition(" ")[0] not in gone]
        self._servers[server_id] = "\n".join(kept)

    def forget_server(self, server_id: int) -> None:
        """Forget all of a server that we left."""
        self._servers.pop(server_id, None)

    def clear(self) -> None:
        """Forget everything: Discord is about to tell it anew."""
        self._servers.clear()

    def _lines(self, server_id: int) -> list[str]:
        return list(filter(None, self._servers.get(server_id, "").split("\n")))

    def _entries(self, server_id: int) -> dict[int, tuple[int, str]]:
        entries = (line.split(" ", 2) for line in self._lines(server_id))
        return {int(one_id): (int(owner), name) for one_id, owner, name in entries}


class SlimState(ConnectionState[Any]):
    """discord.py's state, which takes in every event as ever, and keeps of a server *names* and the bare server."""

    def __init__(self, names: Names, **options: Any) -> None:
        self.names = names
        super().__init__(**options)

    def clear(self, *, views: bool = True) -> None:
        """Forget what the last session told."""
        super().clear(views=views)
        self.names.clear()

    def parse_guild_create(self, data: Any) -> None:
        """Take in a server, and tell as *survey* what there is to read in it: afterwards its channels are gone.

        One that is new to us is told of as *joined*, too, if we may write there.
        """
        is_new = self._get_guild(int(data["id"])) is None  # a session names at first all servers that we are in
        super().parse_guild_create(data)
        guild = self._get_guild(int(data["id"]))
        if guild is None or guild.unavailable:
            return
        self.names.learn_all(guild.id, data["channels"], data["threads"], data["roles"])
        self.dispatch("survey", survey(guild))
        if is_new and (place := joined(guild)) is not None:
            self.dispatch("joined", place)
        self._empty(data["id"])

    def parse_guild_update(self, data: Any) -> None:
        """Take in what a server is called now; its roles come along, and are known."""
        super().parse_guild_update(data)
        self._empty(data["id"])

    def parse_guild_delete(self, data: Any) -> None:
        """Forget a server, unless it only cannot be reached at the moment."""
        super().parse_guild_delete(data)
        if not data.get("unavailable"):
            self.names.forget_server(int(data["id"]))

    def parse_guild_role_create(self, data: Any) -> None:
        """Take in a role."""
        super().parse_guild_role_create(data)
        self._learn_role(data)

    def parse_guild_role_update(self, data: Any) -> None:
        """Take in a role's new name."""
        super().parse_guild_role_update(data)
        self._learn_role(data)

    def parse_guild_role_delete(self, data: Any) -> None:
        """Forget a role."""
        super().parse_guild_role_delete(data)
        self.names.forget(int(data["guild_id"]), [int(data["role_id"])])

    def parse_channel_create(self, data: Any) -> None:
        """Take in a channel."""
        super().parse_channel_create(data)
        self._learn_channel(data)

    def parse_channel_update(self, data: Any) -> None:
        """Take in a channel's new name."""
        super().parse_channel_update(data)
        self._learn_channel(data)

    def parse_channel_delete(self, data: Any) -> None:
        """Tell of the deletion of a channel and of the threads in it, of which Discord does not tell one by one."""
        guild = self._get_guild(int(data["guild_id"]))
        factory, _ = _guild_channel_factory(data["type"])
        if guild is None or factory is None:
            return
        guild._add_channel(factory(guild=guild, state=self, data=data))  # discord.py tells only of what it knows
        super().parse_channel_delete(data)
        threads = self.names.threads_of(guild.id, int(data["id"]))
        for thread_id in threads:
            gone: Any = {"id": thread_id, "type": 11, "guild_id": guild.id, "parent_id": data["id"]}
            self.dispatch("raw_thread_delete", discord.RawThreadDeleteEvent(gone))
        self.names.forget(guild.id, [int(data["id"]), *threads])

    def parse_thread_create(self, data: Any) -> None:
        """Take in a thread."""
        super().parse_thread_create(data)
        self._learn_threads(data["guild_id"], [data])

    def parse_thread_update(self, data: Any) -> None:
        """Take in a thread's new name. One that is archived can still be spoken of, and deleted with its channel."""
        super().parse_thread_update(data)
        self._learn_threads(data["guild_id"], [data])

    def parse_thread_list_sync(self, data: Any) -> None:
        """Take in the threads of channels that we can see from now on."""
        super().parse_thread_list_sync(data)
        self._learn_threads(data["guild_id"], data["threads"])

    def parse_thread_delete(self, data: Any) -> None:
        """Forget a thread."""
        super().parse_thread_delete(data)
        self.names.forget(int(data["guild_id"]), [int(data["id"])])

    def _learn_role(self, data: Any) -> None:
        role = data["role"]
        self.names.learn(int(data["guild_id"]), [(role, (role.get("tags") or {}).get("bot_id"))])
        self._empty(data["guild_id"])

    def _learn_channel(self, data: Any) -> None:
        if "guild_id" in data:
            self.names.learn(int(data["guild_id"]), [(data, None)])
            self._empty(data["guild_id"])

    def _learn_threads(self, server_id: str, threads: Iterable[Json]) -> None:
        self.names.learn(int(server_id), [(thread, thread.get("parent_id")) for thread in threads])
        self._empty(server_id)

    def _empty(self, server_id: str) -> None:
        guild = self._get_guild(int(server_id))
        if guild is None:
            return
        contents: tuple[dict[int, Any], ...] = (
            guild._channels,
            guild._threads,
            guild._roles,
            guild._members,
            guild._voice_states,
            guild._stage_instances,
            guild._scheduled_events,
            guild._soundboard_sounds,
        )
        for each in contents:
            each.clear()
        guild.emojis = guild.stickers = ()
        guild.features = []
