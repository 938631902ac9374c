"""Statements about the slash commands that Discord took. What a hash covers is not known here."""

from __future__ import annotations

import sqlite3


def commands(db: sqlite3.Connection, api_url: str, application_id: int) -> str | None:
    """Return the hash of what was taken last."""
    row = db.execute(
        "SELECT hash FROM registered_commands WHERE api_url = ? AND application_id = ?", (api_url, application_id)
    ).fetchone()
    return None if row is None else str(row["hash"])


def save(db: sqlite3.Connection, api_url: str, application_id: int, commands_hash: str | None) -> None:
    """Keep the hash of what was taken, or None: it is not known."""
    if commands_hash is None:
        db.execute(
            "DELETE FROM registered_commands WHERE api_url = ? AND application_id = ?", (api_url, application_id)
        )
    else:
        db.execute(
            "INSERT OR REPLACE INTO registered_commands VALUES (?, ?, ?)", (api_url, application_id, commands_hash)
        )
