"""The only room with SQL: what Mnemo remembers, behind the :class:`Store` protocol.

It knows nothing of Discord, of models, or of any other room of this project.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from storage.errors import StorageError
from storage.sqlite import SqliteStore
from storage.store import Store

__all__ = ["StorageError", "Store", "database_path", "open_store"]

_SQLITE = "sqlite:///"


def database_path(url: str) -> Path:
    """Return the file that *url* names: ``sqlite:///relative`` or ``sqlite:////absolute``.

    Raises :class:`ValueError`, with a sentence, for any other URL.
    """
    if not url.startswith(_SQLITE) or url in (_SQLITE, f"{_SQLITE}:memory:"):
        raise ValueError("must look like sqlite:///data/mnemo.db (relative) or sqlite:////var/lib/mnemo.db (absolute)")
    return Path(url.removeprefix(_SQLITE))


def open_store(
    url: str, *, on_damage: Callable[[StorageError], object] = lambda _: None
) -> AbstractAsyncContextManager[Store]:
    """Open the store at *url*, creating or migrating it first; closing it is the end of the context.

    Raises :class:`storage.errors.StorageError` if it cannot be used. *on_damage* is called once if it turns out to be damaged
    while it is used; what is asked of it after that is refused.
    """
    try:
        return SqliteStore(database_path(url), on_damage)
    except ValueError as error:
        raise StorageError(f"The database URL {error}.") from error
