"""The bot as its own process, unchanged, between the little Discord and the little model, which live in the test."""

from __future__ import annotations

import asyncio
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest
import pytest_asyncio

from bot.chunks import WRITING_MARK
from playground.discord import LittleDiscord, Request, World
from playground.discord.world import File
from playground.model import MODEL, LittleModel
from tests.sockets.fork_server import ROOT, WARNINGS, ForkedProcess, ForkServer

T = TypeVar("T")

fork_server = cache(ForkServer)

SECOND_MODEL = "second-model"
KEY = "sk-proj-Very_Secret.0123456789"

#: How long anything may take that is waited for. Slow machines need some of it, nothing needs all of it.
PATIENCE = 60.0

#: What no log may hold: an error that nobody expected, a task or connection that nobody owned, or a stop that had to be cut.
TROUBLE = ("Traceback", "never retrieved", "never awaited", "was destroyed", "Warning:", "stopping takes too long")

#: What openai's client reads from the environment while it is loaded, which is before the fork.
READ_WHILE_LOADING = {"openai_log"}

#: A bot whose database takes as many seconds for whatever it is asked as stand in a file `slow`, as long as there is one.
SLOW_DATABASE = """
import runpy, sys, time
from contextlib import suppress
from pathlib import Path
from storage.connection import Connection
run = Connection.run
async def slowly(connection, function):
    def wait(db):
        with suppress(FileNotFoundError):
            time.sleep(float(Path("slow").read_text()))
        return function(db)
    return await run(connection, wait)
Connection.run = slowly
sys.argv = ["bot", "run"]
runpy.run_module("bot", run_name="__main__")
"""


class Bot:
    """``python -m bot``, running."""

    def __init__(self, process: asyncio.subprocess.Process | ForkedProcess) -> None:
        self.process = process
        self.output = ""
        self.log = ""
        #: Whether somebody asked how it ended.
        self.is_looked_at = False
        self._news = asyncio.Event()
        self._reading = asyncio.gather(self._read_log(), self._read_output())

    async def _read_log(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.log += line.decode()
            self._news.set()

    async def _read_output(self) -> None:
        assert self.process.stdout is not None
        self.output = (await self.process.stdout.read()).decode()

    async def logged(self, text: str) -> None:
        """Wait until *text* stands in the log."""
        async with asyncio.timeout(PATIENCE):
            while text not in self.log:
                self._news.clear()
                await self._news.wait()

    async def ended(self) -> int:
        """Wait until the process has ended by itself, and return its exit code."""
        async with asyncio.timeout(PATIENCE):
            await asyncio.shield(self._reading)  # who stops waiting does not stop it
            self.is_looked_at = True
            return await self.process.wait()

    async def stop(self) -> int:
        """Ask it to stop, as systemd and Docker do."""
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()

    async def kill(self) -> None:
        """End it without a word."""
        self.process.kill()
        await self.ended()

    @property
    def trouble(self) -> list[str]:
        """The lines of the log that tell of an error of the bot's own."""
        return [line for line in self.log.splitlines() if any(sign in line for sign in TROUBLE)]


@dataclass
class Stage:
    """A world, the servers, and the bots that were started on them. The bot's folder is *folder*.

    *second* is a model that the bot only knows of if it is told.
    """

    world: World
    discord: LittleDiscord
    model: LittleModel
    second: LittleModel
    folder: Path
    bots: list[Bot] = field(default_factory=list)
    _channels: int = 0

    def __post_init__(self) -> None:
        self.nemo = self.world.user_id("nemo")
        self.marlin = self.world.user_id("marlin")

    # the bot

    def environment(self, **settings: object) -> dict[str, str]:
        """All that the bot is told of the world."""
        values = {
            "discord_token": World.BOT_TOKEN,
            "discord_api_url": self.discord.api_url,
            "discord_gateway_url": self.discord.gateway_url,
            "discord_cdn_url": self.discord.cdn_url,
            "openai_api_key": KEY,
            "openai_base_url": self.model.base_url,
            "chat_model": MODEL,
            "tokenizer": "estimate",
        } | settings
        told = {name.upper(): str(value) for name, value in values.items()}
        return told | WARNINGS | {"PYTHONPATH": str(ROOT)}

    async def launch(
        self, *command: str, before: Callable[[], None] | None = None, script: str | None = None, **settings: object
    ) -> Bot:
        """Start the process: `run`, or another *command*, or *script*, which makes the world of the bot harder.

        *before* is called in it before it is the bot.
        """
        program = ("-m", "bot", *(command or ("run",))) if script is None else ("-c", script)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *program),
            cwd=self.folder,
            env=self.environment(**settings),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            preexec_fn=before,
        )
        self.bots.append(Bot(process))
        return self.bots[-1]

    async def start(self, *, script: str | None = None, **settings: object) -> Bot:
        """Start the bot and wait until it hears what is said."""
        await self.until(lambda: not self.world.bot_online)
        if script is None and not READ_WHILE_LOADING & settings.keys():
            bot = Bot(await fork_server().start(self.folder, self.environment(**settings)))
            self.bots.append(bot)
        else:
            bot = await self.launch(script=script, **settings)
        await self.until(lambda: self.world.bot_online)
        return bot

    @property
    def database(self) -> Path:
        """The bot's memory."""
        return self.folder / "data" / "mnemo.db"

    def recall(self, query: str, *values: object) -> list[Any]:
        """Read in the bot's memory: the first column of what a query finds."""
        with closing(sqlite3.connect(f"{self.database.as_uri()}?mode=ro", uri=True)) as db:
            return [row[0] for row in db.execute(query, values)]

    @property
    def idle(self) -> bool:
        """Whether nobody waits for an answer any more."""
        return not self.recall("SELECT id FROM turns WHERE status IN ('claimed', 'generating', 'sending')")

    # people

    def channel(self) -> int:
        """A new text channel."""
        self._channels += 1
        return self.world.create_channel(f"channel-{self._channels}")

    async def say(self, channel_id: int, text: str, *, by: int | None = None, files: Sequence[File] = ()) -> int:
        """Let somebody (Nemo) say *text*, with *files*, and return the message's id."""
        return int((await self.world.say(by or self.nemo, channel_id, text, attachments=files))["id"])

    async def tell(self, channel_id: int, text: str, *, by: int | None = None, files: Sequence[File] = ()) -> int:
        """Let somebody (Nemo) say *text* to the bot, and return the message's id."""
        return await self.say(channel_id, f"<@{self.world.bot_id}> {text}", by=by, files=files)

    async def ask(self, channel_id: int, text: str, *, by: int | None = None) -> str:
        """Let somebody (Nemo) say *text* to the bot, and return what it answers."""
        return await self.answer(channel_id, await self.tell(channel_id, text, by=by))

    async def answer(self, channel_id: int, message_id: int) -> str:
        """The first message of the reply that refers to a message, once it is written."""
        return await self.until(
            lambda: next((text for text in self.referring(channel_id, message_id) if WRITING_MARK not in text), None)
        )

    def referring(self, channel_id: int, message_id: int) -> list[str]:
        """The texts of the bot's messages that refer to a message."""
        return [one["content"] for one in self.replies(channel_id) if refers_to(one) == message_id]

    # looking

    def replies(self, channel_id: int) -> list[dict[str, Any]]:
        """The bot's messages in a channel, oldest first."""
        return [one for one in self.world.messages(channel_id) if int(one["author"]["id"]) == self.world.bot_id]

    def shown(self, channel_id: int) -> list[str]:
        """Their texts."""
        return [one["content"] for one in self.replies(channel_id)]

    async def until(self, seen: Callable[[], T | None], *, patience: float = PATIENCE) -> T:
        """Look again at each event of the world until *seen* returns something true, and return that.

        What tells of no event (requests, the model, the bot's memory) is looked at from time to time.
        """
        with self.world.watch() as events:
            async with asyncio.timeout(patience):
                while not (found := seen()):
                    with suppress(TimeoutError):
                        async with asyncio.timeout(0.02):
                            await anext(events)
        return found

    def requests(self, method: str, channel_id: int) -> list[Request]:
        """What the bot wanted of Discord about the messages of a channel."""
        prefix = f"/channels/{channel_id}/messages"
        return [one for one in self.discord.requests if one.method == method and one.route.startswith(prefix)]

    def asked(self) -> list[list[dict[str, str]]]:
        """The messages of every prompt that the model was sent."""
        return [request.body["messages"] for request in self.model.requests]

    def reset(self) -> None:
        """Pull all levers back, and let the model answer at once."""
        self.discord.levers.clear()
        self.model.levers.clear()
        self.second.levers.clear()
        self.model.tokens_per_second = None


def refers_to(message: dict[str, Any]) -> int | None:
    """The id of the message that a message replies to."""
    return int(message["message_reference"]["message_id"]) if "message_reference" in message else None


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@asynccontextmanager
async def open_stage(folder: Path) -> AsyncIterator[Stage]:
    """Raise a stage, and clear it: no process outlives its test."""
    world = World.open(None)
    world.seed()
    try:
        async with (
            LittleModel(tokens_per_second=None) as model,
            LittleModel(models=(SECOND_MODEL,), tokens_per_second=None) as second,
            LittleDiscord(world) as discord,
        ):
            stage = Stage(world, discord, model, second, folder)
            try:
                yield stage
            finally:
                for bot in stage.bots:
                    if bot.process.returncode is None:
                        await bot.kill()
                    print(bot.log)
    finally:
        world.close()


Scenario = Callable[[Stage], Awaitable[None]]


async def play(folder: Path, *scenarios: Scenario) -> None:
    """Play scenarios at the same time, each with a world of its own: they wait more than they work.

    A bot of whose end a scenario does not ask runs to the last, and ends well.
    """

    async def alone(scenario: Scenario) -> None:
        place = folder / scenario.__name__
        place.mkdir()
        async with open_stage(place) as stage:
            await scenario(stage)
            for bot in stage.bots:
                assert bot.is_looked_at or await bot.stop() == 0
                assert bot.trouble == []

    await together(alone(scenario) for scenario in scenarios)


async def together(scenarios: Iterable[Awaitable[None]]) -> None:
    """Play these at the same time. One that ends with a cancellation has failed: a task group would pass it over."""

    async def whole(scenario: Awaitable[None]) -> None:
        try:
            await scenario
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and not task.cancelling():
                raise AssertionError("what it waited for was cancelled") from error
            raise

    async with asyncio.TaskGroup() as group:
        for scenario in scenarios:
            group.create_task(whole(scenario))


@pytest.fixture(scope="session", autouse=True)
def no_fork_server_left() -> Iterator[None]:
    """End what :func:`fork_server` started."""
    yield
    if fork_server.cache_info().currsize:
        fork_server().close()


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage for one test, without a bot."""
    async with open_stage(tmp_path) as stage:
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def living(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A stage with one bot for all tests of a file, which it survives without a word in its log that nobody expected.

    Each talks in channels of its own.
    """
    async with open_stage(tmp_path_factory.mktemp("living")) as stage:
        bot = await stage.start()
        yield stage
        assert await bot.stop() == 0
        assert bot.trouble == []
        with closing(sqlite3.connect(stage.database)) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.fixture
def bot(living: Stage) -> Bot:
    """The one bot of this file."""
    return living.bots[0]
