"""When the bot is told that it joined a server, and where a first word belongs."""

from __future__ import annotations

from typing import Any

import discord
import pytest

from bot.survey import Joined
from tests.unit.test_caches import BOT, SERVER, Client, role

NOTICES, FIRST, SECOND = 40, 41, 42
OWN: Any = {"id": str(BOT), "username": "Mnemo", "discriminator": "0", "avatar": None, "bot": True}
SPEAKS = discord.Permissions(view_channel=True, send_messages=True)


@pytest.fixture
def client() -> Client:
    client = Client()
    client._connection.user = discord.ClientUser(state=client._connection, data=OWN)
    return client


def channel(channel_id: int, position: int, *, kind: int = 0, **denied: bool) -> dict[str, Any]:
    """A channel; what is *denied* there is denied to everyone."""
    deny = str(discord.Permissions(**denied).value)
    overwrites = [{"id": str(SERVER), "type": 0, "allow": "0", "deny": deny}]
    return {
        "id": str(channel_id),
        "type": kind,
        "name": f"channel-{channel_id}",
        "position": position,
        "guild_id": str(SERVER),
        "permission_overwrites": overwrites,
    }


def tell(client: Client, *channels: dict[str, Any], **more: Any) -> None:
    """Tell of the server, as Discord does."""
    me = {"user": OWN, "roles": [], "flags": 0, "joined_at": "2026-11-21T12:00:00+00:00"}
    everyone = role(SERVER, "@everyone", permissions=str(SPEAKS.value))
    server = {"id": str(SERVER), "name": "Reef", "unavailable": False, "roles": [everyone], "members": [me]}
    client.hear("GUILD_CREATE", **server, channels=[*channels], threads=[], **more)


def joined(client: Client) -> list[Joined]:
    return [what for event, what in client.told if event == "joined"]


FORUM = 15
HIDDEN, SILENT = {"view_channel": True}, {"send_messages": True}


@pytest.mark.parametrize(
    ("channels", "place"),
    [
        ([channel(SECOND, 2), channel(FIRST, 1), channel(NOTICES, 3)], NOTICES),
        ([channel(SECOND, 2), channel(FIRST, 1), channel(NOTICES, 3, **SILENT)], FIRST),
        ([channel(SECOND, 2), channel(FIRST, 1), channel(NOTICES, 3, **HIDDEN)], FIRST),
        ([channel(SECOND, 2), channel(FIRST, 1, **HIDDEN)], SECOND),
        ([channel(SECOND, 2), channel(FIRST, 1, kind=FORUM)], SECOND),
        ([channel(SECOND, 2, **SILENT), channel(FIRST, 1, **HIDDEN)], None),
        ([channel(FIRST, 1, kind=FORUM)], None),
        ([], None),
    ],
)
def test_the_place_for_notices_comes_first_then_the_first_where_we_may_write(
    client: Client, channels: list[dict[str, Any]], place: int | None
) -> None:
    tell(client, *channels, system_channel_id=str(NOTICES))
    assert joined(client) == ([] if place is None else [Joined(SERVER, place, 1_795_262_400)])


def test_a_server_of_the_session_or_back_after_an_outage_was_joined_before(client: Client) -> None:
    client._connection._add_guild_from_data({"id": str(SERVER), "unavailable": True})  # type: ignore[typeddict-item]  # as READY
    tell(client, channel(FIRST, 1))
    client.hear("GUILD_DELETE", id=str(SERVER), unavailable=True)
    tell(client, channel(FIRST, 1))
    assert joined(client) == []


def test_who_is_invited_again_joins_again(client: Client) -> None:
    tell(client, channel(FIRST, 1))
    client.hear("GUILD_DELETE", id=str(SERVER))
    tell(client, channel(FIRST, 1))
    assert len(joined(client)) == 2


def test_a_server_that_is_joined_during_an_outage_is_told_of_when_it_is_there(client: Client) -> None:
    client.hear("GUILD_CREATE", id=str(SERVER), unavailable=True)
    assert joined(client) == []
    tell(client, channel(FIRST, 1))
    assert len(joined(client)) == 1
