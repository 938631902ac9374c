"""The floor of ``bench.end_to_end``: plain discord.py that answers each mention with a fixed text and remembers nothing."""

from __future__ import annotations

import logging
import os

import discord
import yarl

REPLY = "That is noted."


class BareBot(discord.Client):
    """Answers."""

    async def on_message(self, message: discord.Message) -> None:
        """Answer whoever mentions us."""
        if self.user in message.mentions and not message.author.bot:
            await message.reply(REPLY)


def main() -> None:
    """Connect to where the environment says, as the bot itself does."""
    discord.http.Route.BASE = os.environ["DISCORD_API_URL"]
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(os.environ["DISCORD_GATEWAY_URL"])
    intents = discord.Intents(guilds=True, guild_messages=True, dm_messages=True, message_content=True)
    BareBot(intents=intents).run(os.environ["DISCORD_TOKEN"], log_level=logging.WARNING)


if __name__ == "__main__":
    main()
