"""Staying connected to Discord's gateway: when to connect, whether to resume or to identify, and when there is no use in either.

discord.py's own loop makes no pause when the gateway drops it, and never asks how many IDENTIFYs are left: a gateway
that drops every connection would see thousands of them. So the loop is ours; what is said on a connection stays
discord.py's.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import discord
from discord.gateway import DiscordWebSocket, ReconnectWebSocket

from bot.errors import FatalError
from bot.pace import Pace, Starts
from bot.rest import FAILURES, insist

log = logging.getLogger(__name__)

#: A connection that is not ready to talk by then is given up.
CONNECT_SECONDS = 60.0

#: Who cannot resume where Discord said so many times in a row tries the gateway's usual address.
_TRIES_TO_RESUME = 3

#: A pause that is longer is told.
_PAUSE_WORTH_A_LINE_SECONDS = 10.0

REFUSED_BY_DISCORD = (
    "Discord refuses the token: copy it again at https://discord.com/developers/applications (your application, Bot, Reset "
    "Token) into DISCORD_TOKEN."
)
MISSING_INTENT = (
    "The bot may not read messages: switch on Message Content Intent at https://discord.com/developers/applications (your "
    "application, Bot, Privileged Gateway Intents) and start again."
)
OUTDATED = "Discord does not take what this version of Mnemo asks of its gateway (code {code}): update Mnemo."

#: What Discord closes a connection with for good, https://discord.com/developers/docs/topics/opcodes-and-status-codes
FOR_GOOD = {
    4004: REFUSED_BY_DISCORD,
    4010: OUTDATED,
    4011: "The bot is in more servers than one connection may serve (2,500); Mnemo has only one. Take it out of some.",
    4012: OUTDATED,
    4013: OUTDATED,
    4014: MISSING_INTENT,
}


async def stay_connected(client: discord.Client, pace: Pace) -> None:
    """Keep *client*, which is logged in, connected until it is closed, as fast as *pace* allows.

    Raises :class:`bot.errors.FatalError` when Discord does not want it back.
    """
    while not client.is_closed():
        await asyncio.sleep(pace.before_connecting())
        opened = None
        try:
            session = _session(client, pace)
            if session is None:
                await _wait_to_identify(client, pace)
            opened = time.monotonic()
            await _live(client, session or {"initial": True})
        except discord.ConnectionClosed as closed:
            if client.is_closed():
                return
            sentence = FOR_GOOD.get(closed.code, "Discord closed the connection for good, with code {code}.")
            raise FatalError(sentence.format(code=closed.code)) from None
        except (ReconnectWebSocket, *FAILURES) as error:
            pace.ended(0.0 if opened is None else time.monotonic() - opened)
            client.dispatch("disconnect")
            _tell(error, pace.before_connecting())


def _session(client: discord.Client, pace: Pace) -> dict[str, Any] | None:
    """Return what resumes the session that *client* had, None if there is none: :class:`DiscordWebSocket` keeps it."""
    ws = client.ws
    if ws is None or ws.session_id is None:
        return None
    gateway = ws.gateway if pace.failures < _TRIES_TO_RESUME else None
    return {"resume": True, "session": ws.session_id, "sequence": ws.sequence, "gateway": gateway}


async def _wait_to_identify(client: discord.Client, pace: Pace) -> None:
    while True:
        _, _, limit = await insist(client, client.http.get_bot_gateway)
        starts = Starts(limit["total"], limit["remaining"], limit["reset_after"] / 1000)
        if (wait := pace.before_identify(starts, time.monotonic())) <= 0:
            return
        if wait > _PAUSE_WORTH_A_LINE_SECONDS:
            log.warning(
                "Discord lets a bot start %d sessions a day and this one has started %d: the next one waits for %.0f s.",
                starts.total,
                starts.total - starts.remaining,
                wait,
            )
        await asyncio.sleep(wait)


async def _live(client: discord.Client, how: dict[str, Any]) -> None:
    async with asyncio.timeout(CONNECT_SECONDS):
        client.ws = await DiscordWebSocket.from_client(client, **how)
    while True:
        await client.ws.poll_event()


def _tell(error: Exception, pause: float) -> None:
    if not isinstance(error, ReconnectWebSocket):
        log.warning(
            "Discord's gateway cannot be reached (%s); trying again in %.1f s. Is the network up, and are DISCORD_API_URL and "
            "DISCORD_GATEWAY_URL right?",
            type(error).__name__,
            pause,
        )
    elif pause:
        log.warning("The connection to Discord ended early, again; coming back in %.1f s.", pause)
    else:
        log.info("the connection to Discord ended; coming back")
