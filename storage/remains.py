"""What deletions leave in the database file and its log although nothing shows it any more, and getting rid of that."""

from __future__ import annotations

import sqlite3

#: A database of up to so many bytes is rewritten whenever something was deleted: that takes at most half a second.
REWRITTEN_AT_ONCE = 64 * 2**20


def rewrite(thoroughly: bool, db: sqlite3.Connection) -> bool:
    """Rewrite the database, if it is small or *thoroughly*; returns whether it was.

    When SQLite moves a row to another page it leaves a copy in what is unused then, and secure_delete does not reach that.
    """
    pages, size = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    if pages * size > REWRITTEN_AT_ONCE and not thoroughly:
        return False
    db.execute("VACUUM")
    return True


def empty_log(db: sqlite3.Connection) -> bool:
    """Write the log back and cut it to nothing, so that what was deleted does not stand in it.

    Returns False if somebody reads it right now: then it is to be tried again.
    """
    busy = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    return not busy
