"""The gateway: the WebSocket over which the bot hears what happens."""

from playground.discord.gateway.hall import Gateway

__all__ = ["Gateway"]
