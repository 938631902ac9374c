"""Statements about what admins set for servers and channels. What holds in a channel then, ``rows.py`` reads."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from dataclasses import fields

from storage.records import OVERRIDDEN, Access, Overrides, Place, Rules
from storage.sql import rows, summaries

_CHANGES = ", ".join(f"{name} = ?" for name in OVERRIDDEN)
_IS_SET = " OR ".join(f"{name} IS NOT NULL" for name in OVERRIDDEN)


def _values(overrides: Overrides) -> tuple[object, ...]:
    return tuple(getattr(overrides, name) for name in OVERRIDDEN)


def set_channel(db: sqlite3.Connection, place: Place, overrides: Overrides, now: float) -> None:
    """Let a channel set this for itself and its threads; what is being written for the policy before is thrown away."""
    rows.ensure_channel(db, place.channel_id, place.guild_id, now, parent_id=place.parent_id)
    db.execute(f"UPDATE channels SET {_CHANGES} WHERE id = ?", (*_values(overrides), place.channel_id))
    _drop_drafts(db, "id = ?1 OR parent_id = ?1", place.channel_id)


def set_server(db: sqlite3.Connection, guild_id: int, overrides: Overrides) -> None:
    """Let a server set this for all of its channels; what is being written for the policies before is thrown away."""
    db.execute("DELETE FROM servers WHERE id = ?", (guild_id,))
    if overrides != Overrides():
        _insert(db, guild_id, overrides)
    _drop_drafts(db, "guild_id = ?1", guild_id)


def _insert(db: sqlite3.Connection, guild_id: int, overrides: Overrides) -> None:
    places = ", ".join("?" * (1 + len(OVERRIDDEN)))
    db.execute(f"INSERT INTO servers (id, {rows.OVERRIDES}) VALUES ({places})", (guild_id, *_values(overrides)))


def _drop_drafts(db: sqlite3.Connection, where: str, any_id: int) -> None:
    for row in db.execute(f"SELECT id FROM channels WHERE {where}", (any_id,)).fetchall():
        summaries.drop_drafts(db, row["id"])


def set_access(db: sqlite3.Connection, guild_id: int, access: Access) -> None:
    """Keep who may what in a server."""
    db.execute("DELETE FROM access WHERE guild_id = ?", (guild_id,))
    for one in fields(access):
        entries = [(guild_id, *one.name.split("_"), any_id) for any_id in getattr(access, one.name)]
        db.executemany("INSERT INTO access (guild_id, list, kind, id) VALUES (?, ?, ?, ?)", entries)


def everything(db: sqlite3.Connection) -> Rules:
    """Return all that servers and channels set for themselves."""
    channels = db.execute(f"SELECT id, guild_id, parent_id, {rows.OVERRIDES} FROM channels WHERE {_IS_SET}")
    lists: dict[int, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for guild_id, listed, kind, any_id in db.execute("SELECT guild_id, list, kind, id FROM access"):
        lists[guild_id][f"{listed}_{kind}"].add(any_id)
    return Rules(
        servers={row["id"]: rows.set_in(row) for row in db.execute("SELECT * FROM servers")},
        channels={row["id"]: (Place(*row[:3]), rows.set_in(row)) for row in channels},
        access={
            guild_id: Access(**{name: frozenset(ids) for name, ids in of.items()}) for guild_id, of in lists.items()
        },
    )
