"""What is kept of servers, with discord.py's own state fed with events as the gateway sends them."""

from __future__ import annotations

from typing import Any

import discord
import pytest

from bot.caches import Names, SlimState

SERVER, GENERAL, THREAD, ROLE, BOT = 1, 10, 20, 30, 99


class Client(discord.Client):
    def __init__(self) -> None:
        self.names = Names()
        self.told: list[tuple[str, Any]] = []
        super().__init__(intents=discord.Intents.default())

    def _get_state(self, **options: Any) -> SlimState:
        return SlimState(
            self.names, dispatch=self.dispatch, handlers=self._handlers, hooks=self._hooks, http=self.http, **options
        )

    def dispatch(self, event: str, /, *args: Any, **_: Any) -> None:
        self.told.append((event, args[0] if args else None))

    def hear(self, event: str, **data: Any) -> None:
        self._connection.parsers[event](data)

    @property
    def guild(self) -> discord.Guild:
        guild = self.get_guild(SERVER)
        assert guild is not None
        return guild


def channel(channel_id: int = GENERAL, name: str = "general") -> dict[str, Any]:
    return {"id": str(channel_id), "type": 0, "name": name, "position": 0, "guild_id": str(SERVER)}


def thread(thread_id: int = THREAD, name: str = "a thread", parent_id: int = GENERAL) -> dict[str, Any]:
    metadata = {"archived": False, "auto_archive_duration": 60, "archive_timestamp": "2026-01-01T00:00:00+00:00"}
    return {
        "id": str(thread_id),
        "type": 11,
        "name": name,
        "guild_id": str(SERVER),
        "parent_id": str(parent_id),
        "owner_id": "5",
        "member_count": 1,
        "message_count": 1,
        "thread_metadata": metadata,
    }


def role(role_id: int = ROLE, name: str = "Divers", **more: Any) -> dict[str, Any]:
    return {"id": str(role_id), "name": name, "permissions": "0", "position": 1, "color": 0, **more}


@pytest.fixture
def client() -> Client:
    client = Client()
    own: Any = {"id": str(BOT), "username": "Mnemo", "discriminator": "0", "avatar": None, "bot": True}
    client._connection.user = discord.ClientUser(state=client._connection, data=own)
    client.hear(
        "GUILD_CREATE",
        id=str(SERVER),
        name="Reef",
        unavailable=False,
        channels=[channel()],
        threads=[thread()],
        roles=[role(), role(ROLE + 1, "Mnemo", tags={"bot_id": str(BOT)})],
        emojis=[{"id": "7", "name": "fish", "roles": []}],
        members=[
            {"user": own, "roles": [], "flags": 0},
            {"user": {"id": "5", "username": "nemo", "discriminator": "0", "avatar": None}, "roles": [], "flags": 0},
        ],
        voice_states=[{"user_id": "5", "channel_id": str(GENERAL), "session_id": "a", "deaf": False, "mute": False}],
    )
    return client


def test_a_server_keeps_its_names_and_no_objects(client: Client) -> None:
    guild = client.guild
    assert guild.name == "Reef"
    assert not [*guild.channels, *guild.threads, *guild.roles, *guild.members, *guild.emojis]
    assert [client.names.of(SERVER, one) for one in (GENERAL, THREAD, ROLE, 4)] == [
        "general",
        "a thread",
        "Divers",
        None,
    ]
    assert client.names.of(2, GENERAL) is None


def test_what_there_is_to_read_is_told_before_it_is_dropped(client: Client) -> None:
    found = dict(client.told)["survey"]
    assert found.guild_id == SERVER
    assert {*found.newest, *found.hidden} == {GENERAL, THREAD}


def test_the_role_of_a_bot_is_known_for_its_own(client: Client) -> None:
    assert client.names.is_role_of(SERVER, ROLE + 1, BOT)
    assert not client.names.is_role_of(SERVER, ROLE, BOT)
    assert not client.names.is_role_of(SERVER, ROLE + 2, BOT)


def test_names_are_kept_up_to_date(client: Client) -> None:
    client.hear("CHANNEL_UPDATE", **channel(name="chat"))
    client.hear("CHANNEL_CREATE", **channel(11, "news"))
    client.hear("THREAD_UPDATE", **thread(name="another\n thread"))
    client.hear("THREAD_CREATE", **thread(21, "new"))
    client.hear("THREAD_LIST_SYNC", guild_id=str(SERVER), threads=[thread(22, "seen")], members=[])
    client.hear("GUILD_ROLE_UPDATE", guild_id=str(SERVER), role=role(name="Swimmers"))
    client.hear("GUILD_ROLE_CREATE", guild_id=str(SERVER), role=role(32, "New"))
    names = [client.names.of(SERVER, one) for one in (GENERAL, 11, THREAD, 21, 22, ROLE, 32)]
    assert names == ["chat", "news", "another thread", "new", "seen", "Swimmers", "New"]
    guild = client.guild
    assert not [*guild.channels, *guild.threads, *guild.roles]


def test_what_is_gone_is_forgotten(client: Client) -> None:
    client.hear("GUILD_ROLE_DELETE", guild_id=str(SERVER), role_id=str(ROLE))
    client.hear("THREAD_DELETE", **thread())
    assert [client.names.of(SERVER, one) for one in (ROLE, THREAD, GENERAL)] == [None, None, "general"]
    client.hear("GUILD_DELETE", id=str(SERVER), unavailable=True)
    assert client.names.of(SERVER, GENERAL) == "general"
    client.hear("GUILD_DELETE", id=str(SERVER))
    assert client.names.of(SERVER, GENERAL) is None


def test_the_deletion_of_a_channel_is_told_with_its_threads(client: Client) -> None:
    client.told.clear()
    client.hear("CHANNEL_DELETE", **channel())
    told = dict(client.told)
    assert told["guild_channel_delete"].id == GENERAL
    assert told["raw_thread_delete"].thread_id == THREAD
    assert told["raw_thread_delete"].parent_id == GENERAL
    assert client.names.of(SERVER, THREAD) is None
    client.hear("CHANNEL_DELETE", **channel())


def test_a_new_session_begins_with_nothing(client: Client) -> None:
    client._connection.clear()
    assert client.names.of(SERVER, GENERAL) is None
