"""How the database stands: the sizes of its files, what is free beside them, and the turns that wait in it."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from storage.opening import beside, cannot_open
from storage.records import DatabaseState


def state(db: sqlite3.Connection, path: Path) -> DatabaseState:
    """Look at the database at *path*, which *db* is a connection to."""
    log = beside(path, "-wal")
    try:
        size, free = path.stat().st_size, shutil.disk_usage(path.parent).free
        log_size = log.stat().st_size if log.exists() else 0
    except OSError as error:
        raise cannot_open(path, error) from error
    (unfinished,) = db.execute(
        "SELECT count(*) FROM turns WHERE status IN ('claimed', 'generating', 'sending')"
    ).fetchone()
    return DatabaseState(sqlite3.sqlite_version, size, log_size, free, unfinished)
