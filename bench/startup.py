"""How long the bot takes to start, and what it holds then: ``python -m bench.startup [--messages 1000000] [--servers 2500]``.

It is started on an empty database and on one with many remembered messages, in turn; it is ready when it answers what was said
the moment that it came online. Then it is started in thousands of servers, as is the same bot with discord.py's own caches.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from aiohttp import web

from bench.many_servers import ManyServers
from bench.processes import PATIENCE, running, settings
from bench.recall_latency import Text, fill
from playground.discord import LittleDiscord, World
from playground.model import LittleModel
from storage import open_store

CHANNELS_OF_MEMORY = 1_000
CHANNELS_OF_A_SERVER = 20

#: What is told to a bot is taken in by then, in seconds.
SETTLED_SECONDS = 3.0


async def time_to_ready(memory: Path | None) -> dict[str, float]:
    """Return the seconds from the start of the process until it is online, and until it answers what was said then.

    *memory* is a database to start with; the bot gets a copy.
    """
    world = World.open(None)
    world.seed()
    channel, nemo = world.channel_id("general"), world.user_id("nemo")
    with tempfile.TemporaryDirectory() as folder:
        if memory is not None:
            (Path(folder) / "data").mkdir()
            shutil.copy(memory, Path(folder) / "data" / "mnemo.db")
            os.sync()  # else the bot's first commit waits until the copy is on the disk
        async with LittleModel(tokens_per_second=None) as model, LittleDiscord(world) as discord:
            began = time.monotonic()
            environment = settings(discord.api_url, discord.gateway_url, model.base_url)
            async with running("bot", ("run",), environment, Path(folder)), asyncio.timeout(PATIENCE):
                with world.watch() as events:
                    while not world.bot_online:
                        await anext(events)
                    online = time.monotonic() - began
                    await world.say(nemo, channel, f"<@{world.bot_id}> Are you there?")
                    while not any(one["author"]["id"] == str(world.bot_id) for one in world.messages(channel)):
                        await anext(events)
                    answered = time.monotonic() - began
    world.close()
    return {"online_s": online, "answered_s": answered}


async def remember(path: Path, messages: int) -> None:
    """Make a database with so many messages."""
    async with open_store(f"sqlite:///{path}"):
        pass
    channels = min(CHANNELS_OF_MEMORY, messages)
    fill(path, channels, messages // channels, Text(seed=1))


async def memory_in_servers(module: str, servers: int) -> float:
    """Return the resident memory in MB of a bot that was told of so many servers."""
    many = ManyServers(servers, CHANNELS_OF_A_SERVER)
    app = web.Application()
    app.add_routes(many.routes())
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"127.0.0.1:{runner.addresses[0][1]}"
    with tempfile.TemporaryDirectory() as folder:
        async with LittleModel() as model:
            environment = settings(f"http://{address}/api/v10", f"ws://{address}/gateway", model.base_url)
            async with running(module, ("run",), environment, Path(folder)) as program:
                async with asyncio.timeout(PATIENCE):
                    await many.done.wait()
                await asyncio.sleep(SETTLED_SECONDS)
                resident = program.resident_mb
    await runner.cleanup()
    return resident


async def measure(messages: int, servers: int, repeats: int) -> dict[str, Any]:
    """Measure everything *repeats* times in turn; return medians."""
    starts: dict[str, list[dict[str, float]]] = {"empty": [], "full": []}
    with tempfile.TemporaryDirectory() as folder:
        full = Path(folder) / "full.db"
        await remember(full, messages)
        for _ in range(repeats):
            starts["empty"].append(await time_to_ready(None))
            starts["full"].append(await time_to_ready(full))
    told: dict[str, Any] = {"messages": messages, "servers": servers}
    for name, runs in starts.items():
        told |= {f"{name}_{key}": round(statistics.median(run[key] for run in runs), 2) for key in runs[0]}
    told["difference_s"] = round(told["full_answered_s"] - told["empty_answered_s"], 2)
    told["alone_mb"] = round(await memory_in_servers("bot", 0), 1)
    told["ours_mb"] = round(await memory_in_servers("bot", servers), 1)
    told["default_caches_mb"] = round(await memory_in_servers("bench.default_caches", servers), 1)
    told["memory_ratio"] = round(told["ours_mb"] / told["default_caches_mb"], 2)
    return told


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.startup", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--servers", type=int, default=2_500)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    told = asyncio.run(measure(given.messages, given.servers, given.repeats))
    print(json.dumps(told) if given.json else "\n".join(f"{name}: {value}" for name, value in told.items()))


if __name__ == "__main__":
    main()
