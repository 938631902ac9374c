"""How the program stands, for who hosts it: versions, models, database, queue, and what went wrong lately. It changes nothing."""

from __future__ import annotations

import asyncio
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bot.budgets import Budgets
from bot.catch_up import CatchUp
from bot.conversation import Conversations
from bot.memories import Memories
from bot.ports import ChatModel, ModelState
from bot.troubles import Trouble, Troubles
from storage import StorageError, Store
from storage.records import BudgetStanding, DatabaseState

#: pyproject.toml says the same.
VERSION = "0.1.0"

#: A database that does not tell how it stands within so many seconds cannot be used.
DATABASE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class HostReport:
    """Times are seconds since the Unix epoch. *database* is a sentence if it cannot be used.

    *replies* are being written, *waiting* are turns that wait for their model, their channel's turn or the next try (None: not
    known), *to_catch_up* are channels and servers whose messages are still to be fetched. *today* is the host's budget, None
    without one.
    """

    mnemo: str
    python: str
    started_at: float
    models: Sequence[ModelState]
    database: DatabaseState | str
    tidied_at: float | None
    replies: int
    waiting: int | None
    to_catch_up: int
    troubles: Sequence[Trouble]
    today: BudgetStanding | None


class Host:
    """*owners* are the Discord ids of who hosts the bot, *models* the names of those that it asks."""

    def __init__(
        self,
        store: Store,
        model: ChatModel,
        conversations: Conversations,
        catch_up: CatchUp,
        memories: Memories,
        troubles: Troubles,
        budgets: Budgets,
        *,
        owners: frozenset[int],
        models: Sequence[str],
    ) -> None:
        self.owners = owners
        self._store = store
        self._model = model
        self._conversations = conversations
        self._catch_up = catch_up
        self._memories = memories
        self._troubles = troubles
        self._budgets = budgets
        self._models = models
        self._started_at = time.time()

    async def report(self) -> HostReport:
        """Look at everything now. A database that fails is part of what is told."""
        database = await self._database()
        replies = self._conversations.running
        return HostReport(
            mnemo=VERSION,
            python=platform.python_version(),
            started_at=self._started_at,
            models=self._model.states(self._models),
            database=database,
            tidied_at=self._memories.tidied_at,
            replies=replies,
            waiting=None if isinstance(database, str) else max(database.unfinished_turns - replies, 0),
            to_catch_up=self._catch_up.outstanding,
            troubles=self._troubles.of_the_last_hour(),
            today=None if isinstance(database, str) else await self._budgets.today(),
        )

    async def _database(self) -> DatabaseState | str:
        try:
            async with asyncio.timeout(DATABASE_SECONDS):
                return await self._store.state()
        except TimeoutError:
            return f"The database does not answer within {DATABASE_SECONDS:.0f} seconds."
        except StorageError as error:
            return str(error)
