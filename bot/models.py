"""Which models may write replies: those that the endpoint lists, as far as the host allows them. It asks none to write."""

from __future__ import annotations

import asyncio
import logging
import time

from bot.errors import ModelError, OutOfBounds
from bot.ports import ChatModel
from storage.records import Overrides

log = logging.getLogger(__name__)

#: The endpoint's list is asked for again after so many seconds, and waited for no longer than people wait for a panel.
FRESH_SECONDS = 300.0
PATIENCE_SECONDS = 3.0


class Models:
    """The models of the endpoint. *default* is the host's, *allowed* those that the host lets admins choose (None: all).

    *endpoint* is asked which it has.
    """

    def __init__(self, default: str, allowed: frozenset[str] | None, endpoint: ChatModel) -> None:
        self.default = default
        self._allowed = allowed
        self._endpoint = endpoint
        self._listed: list[str] | None = None
        self._listed_at = 0.0

    def of(self, overrides: Overrides) -> str:
        """Return the model that writes where *overrides* hold: the host's if the chosen one is not allowed any more."""
        return overrides.model if overrides.model and self.is_allowed(overrides.model) else self.default

    def is_allowed(self, name: str) -> bool:
        """Whether the host lets it be used."""
        return name == self.default or self._allowed is None or name in self._allowed

    async def offered(self, patience: float = PATIENCE_SECONDS) -> list[str]:
        """Return what may be chosen, the host's first. An endpoint that does not list its models offers what the host allows.

        It is waited for *patience* seconds.
        """
        listed = await self._names(patience)
        names = sorted(self._allowed or () if listed is None else filter(self.is_allowed, listed))
        return list(dict.fromkeys([self.default, *names]))

    async def check(self, name: str) -> None:
        """Raise :class:`bot.errors.OutOfBounds` for a model that may not be used, or that there is none of."""
        if not self.is_allowed(name):
            raise OutOfBounds("Nothing was changed: whoever hosts me does not allow this model here.")
        if name in await self.offered():
            return
        if self._listed is None:
            raise OutOfBounds(
                "Nothing was changed: the model's endpoint does not tell which models it has. Try again later."
            )
        raise OutOfBounds("Nothing was changed: the model's endpoint has no model of this name.")

    async def _names(self, patience: float) -> list[str] | None:
        if self._listed is None or time.monotonic() - self._listed_at > FRESH_SECONDS:
            try:
                async with asyncio.timeout(patience):
                    self._listed = await self._endpoint.list_models()
                self._listed_at = time.monotonic()
            except (ModelError, TimeoutError) as error:
                log.warning("the endpoint does not tell which models it has (%s)", type(error).__name__)
        return self._listed
