"""``make play``, put together: both servers, the page, the bot as a process of its own, and the terminal.

It starts them in order and stops them in the opposite one; what each does is its own business.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from errno import EADDRINUSE
from pathlib import Path

from filelock import FileLock, Timeout

from playground import terminal
from playground.bot_process import BotProcess
from playground.discord import LittleDiscord, World
from playground.environment import bot_environment
from playground.model import MODEL, LittleModel
from playground.page import Page

#: The page's port, as long as it is free, so that its address stays the same.
PORT = 8765
ONLINE_SECONDS = 60.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class AlreadyRunning(Exception):
    """Somebody plays in this folder already. Its text is a sentence for whoever tries to."""


def play(folder: Path, *, fresh: bool, model: Mapping[str, str] | None) -> int:
    """Play until the terminal's end, a signal, or the bot's death, and return the exit code.

    The world and the bot's memory live in *folder*. *model* holds the settings of a real model, None for the little one.
    Raises :class:`AlreadyRunning`.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder.with_suffix(".lock"), timeout=0):
            if fresh and folder.exists():
                shutil.rmtree(folder)
            folder.mkdir(exist_ok=True)
            with closing(World.open(folder / "world.db")) as world:
                world.seed()
                return asyncio.run(_serve(world, folder, model))
    except Timeout:
        raise AlreadyRunning("make play is running here already: use its page, or stop it first.") from None


async def _serve(world: World, folder: Path, model: Mapping[str, str] | None) -> int:
    stopped = asyncio.Event()
    for number in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with little_discord(world) as discord, _model(model) as model_settings:
        _say(f"\n  Mnemo's playground is open: {discord.api_url.removesuffix('/api/v10')}/\n")
        environment = bot_environment(
            os.environ,
            model=model_settings,
            discord={
                "DISCORD_TOKEN": World.BOT_TOKEN,
                "DISCORD_API_URL": discord.api_url,
                "DISCORD_GATEWAY_URL": discord.gateway_url,
                "DISCORD_CDN_URL": discord.cdn_url,
                "OWNER_IDS": str(world.user_id("marlin")),
            },
            database=folder / "mnemo.db",
        )
        async with BotProcess(environment, folder) as bot:
            return await _until_the_end(world, bot, stopped)


@asynccontextmanager
async def little_discord(world: World, port: int = PORT) -> AsyncIterator[LittleDiscord]:
    """The little Discord and the page, on *port* if it is free."""
    for wanted in (port, 0):
        discord = LittleDiscord(world, port=wanted)
        Page(world).mount(discord.app)
        try:
            await discord.start()
            break
        except OSError as error:
            await discord.stop()
            if error.errno != EADDRINUSE or not wanted:
                raise
    try:
        yield discord
    finally:
        await discord.stop()


@asynccontextmanager
async def _model(settings: Mapping[str, str] | None) -> AsyncIterator[Mapping[str, str]]:
    """The settings of the model to talk to; the little one is started if there is no other."""
    if settings is not None:
        yield settings
        return
    async with LittleModel() as little:
        yield {
            "OPENAI_BASE_URL": little.base_url,
            "OPENAI_API_KEY": "none-needed",
            "CHAT_MODEL": MODEL,
            "TOKENIZER": "estimate",
        }


async def _until_the_end(world: World, bot: BotProcess, stopped: asyncio.Event) -> int:
    talking = asyncio.create_task(_talk(world), name="terminal")
    dying = asyncio.create_task(bot.wait(), name="bot-exit")
    stopping = asyncio.create_task(stopped.wait(), name="stop-signal")
    tasks = {talking, dying, stopping}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if dying.done():
            _say(f"Mnemo ended by itself, with exit code {dying.result()}.")
            return 1
        return talking.result() if talking.done() else 0
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _talk(world: World) -> int:
    try:
        async with asyncio.timeout(ONLINE_SECONDS):
            await _online(world)
    except TimeoutError:
        _say(f"Mnemo did not come online within {ONLINE_SECONDS:.0f} seconds.")
        return 1
    _say("  Mnemo is online.\n")
    return await terminal.talk(world, sys.stdin)


async def _online(world: World) -> None:
    with world.watch() as events:
        while not world.state.bot_online:
            await anext(events)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
