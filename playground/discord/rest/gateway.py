"""Where the gateway is. (The gateway itself is in ``playground/discord/gateway``.)"""

from __future__ import annotations

import time

from playground.discord.limits import DAY_SECONDS, SessionStarts
from playground.discord.records import Json
from playground.discord.rest.routes import Call, Routes

routes = Routes()


@routes.add("GET", "/gateway", token=False)
def get_gateway(call: Call) -> Json:
    """Its address."""
    return {"url": call.state.gateway_url}


@routes.add("GET", "/gateway/bot")
def get_gateway_bot(call: Call) -> Json:
    """Its address, and how often a bot may identify."""
    now = time.monotonic()
    start = (call.state.session_starts or SessionStarts(1000, now + DAY_SECONDS)).told(now)
    return {"url": call.state.gateway_url, "shards": 1, "session_start_limit": start}
