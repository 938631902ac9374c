"""``python -m bot backup`` and ``restore``: where the database is, and the sentence that tells what was copied.

How it is copied is in ``storage/backup.py``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from bot.settings import DatabaseSettings
from bot.wording import plural
from storage import database_path
from storage.backup import Copy, back_up, restore


def make(settings: DatabaseSettings, target: Path) -> str:
    """Back the database up to *target*, also while a bot uses it, and return the sentence that says so.

    Raises :class:`storage.errors.StorageError`.
    """
    return f"Backed up {_contents(back_up(database_path(settings.database_url), target))} to {target}."


def put_back(settings: DatabaseSettings, source: Path) -> str:
    """Put the backup *source* in the place of the database, and return the sentence that says so.

    Raises :class:`storage.errors.StorageError`.
    """
    database = database_path(settings.database_url)
    copy, kept = restore(source, database, now=datetime.now(UTC))
    before = f"what was there before is kept as {kept}" if kept else "there was none before"
    return f"Restored {_contents(copy)} from {source} to {database}; {before}."


def _contents(copy: Copy) -> str:
    return f"{plural(copy.messages, 'message')} ({copy.size / 1e6:,.1f} MB)"
