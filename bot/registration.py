"""Telling Discord of the commands, when they are not what it took last: a start that changes nothing needs no request for it.

Which commands there are, the cogs say.
"""

from __future__ import annotations

import hashlib
import json
import logging
from typing import Any

import discord
from discord import app_commands

from bot.rest import UNAUTHORIZED, may_pass
from storage import StorageError, Store

log = logging.getLogger(__name__)


class Registration:
    """Keeps in the *store* which commands Discord took."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def register(self, tree: app_commands.CommandTree[Any]) -> None:
        """Tell Discord of the commands in *tree* unless it has them. If it does not take them, those of before hold.

        Raises :class:`storage.errors.StorageError` if the store cannot be read, and what a request may raise that may pass.
        """
        application_id = tree.client.application_id
        assert application_id is not None, "this is called once we are logged in"
        place = discord.http.Route.BASE, application_id
        commands = fingerprint(tree)
        if await self._store.registered_commands(*place) == commands:
            return
        await self._keep(place, None)  # from now on until it answers, what Discord has is not known
        try:
            await tree.sync()
        except discord.HTTPException as error:
            if may_pass(error) or error.status == UNAUTHORIZED:
                raise
            log.error("the slash commands could not be registered, those of before hold: %s", error.text)
        else:
            await self._keep(place, commands)

    async def _keep(self, place: tuple[str, int], commands: str | None) -> None:
        try:
            await self._store.save_registered_commands(*place, commands)
        except StorageError as error:
            log.error(
                "which slash commands Discord has could not be kept; it is told again at the next start: %s", error
            )


def fingerprint(tree: app_commands.CommandTree[Any]) -> str:
    """Return a hash of all that Discord is told of the commands in *tree*, whatever their order."""
    told = [command.to_dict(tree) for command in tree.get_commands()]
    told.sort(key=lambda command: (command["type"], command["name"]))
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
