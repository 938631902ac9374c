"""The bot with what discord.py keeps unless told otherwise, for ``bench.startup``: ``python -m bench.default_caches run``."""

from __future__ import annotations

import sys
from typing import Any

import discord
from discord.ext import commands
from discord.state import ConnectionState

import bot.client
from bot.cli import main

_OURS = ("max_messages", "member_cache_flags", "chunk_guilds_at_startup")


class DefaultBot(commands.Bot):
    """discord.py's bot, whatever caches it is asked for, with the intents that its documentation begins with."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options = {name: value for name, value in options.items() if name not in _OURS}
        options["intents"] = discord.Intents.default() | discord.Intents(message_content=True)
        super().__init__(*args, **options)


def _default_state(client: bot.client.MnemoBot, **options: Any) -> ConnectionState[Any]:
    return commands.Bot._get_state(client, **options)


if __name__ == "__main__":
    bot.client.MnemoBot.__bases__ = (DefaultBot,)
    bot.client.MnemoBot._get_state = _default_state  # type: ignore[assignment, method-assign]  # in place of ours
    sys.exit(main())
