"""What a turn costs from end to end: ``python -m bench.end_to_end [--repeats 3] [--json]``.

The bot runs as a process of its own on the playground's servers, which run here: no faults, no limits, a model that answers
at once. Many channels talk at the same time, each of them saying its next sentence when it has its reply; then one channel
talks alone. Between the bot's runs a bare discord.py bot does the same: the floor, to which the figures can be compared.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import bare_bot
from bench.processes import PATIENCE, Program, running, settings
from playground.discord import LittleDiscord, World
from playground.model import LittleModel

#: What people say: sentences of the length that is usual in chats, of which recall makes something every now and then.
SENTENCES = (
    "I moved to Lisbon last spring and work from home on Tuesdays.",
    "What did I say about my garden?",
    "Our cat Biscuit likes salmon and sleeps on the printer.",
    "Can you suggest a name for a board game about tides?",
    "The train to Porto leaves at 17:42 from platform three.",
    "Thanks, that helps a lot.",
    "My sister plays the cello in a small orchestra.",
    "Which day do I work from home?",
)
#: Before a load and after it, so that what it is not to blame for is not counted, and what it is to blame for is.
CALM_SECONDS = 1.0
#: What the model answers, some twenty tokens.
REPLY = "That is noted. I will keep it in mind, and you can ask me about it whenever you like."


@dataclass
class Run:
    """One program under one load. Times are in seconds."""

    latencies: list[float]
    elapsed: float
    cpu: float
    driver_cpu: float
    requests: int
    resident_mb: float

    def figures(self) -> dict[str, float]:
        """What is told of it."""
        turns = len(self.latencies)
        cuts = statistics.quantiles(self.latencies, n=100, method="inclusive")
        return {
            "turns": turns,
            "first_post_ms_p50": round(1_000 * cuts[49], 1),
            "first_post_ms_p95": round(1_000 * cuts[94], 1),
            "first_post_ms_p99": round(1_000 * cuts[98], 1),
            "cpu_ms_per_turn": round(1_000 * self.cpu / turns, 2),
            "driver_cpu_ms_per_turn": round(1_000 * self.driver_cpu / turns, 2),
            "requests_per_turn": round(self.requests / turns, 2),
            "turns_per_second": round(turns / self.elapsed, 1),
            "resident_mb": round(self.resident_mb, 1),
        }


@dataclass
class Crowd:
    """People who talk to the bot, and hear what it answers. *reply* is the whole text of a reply."""

    world: World
    reply: str
    said_at: dict[int, float] = field(default_factory=dict)
    _waiting: dict[int, asyncio.Future[None]] = field(default_factory=dict)

    async def listen(self) -> None:
        """Notice replies that stand there whole, each once: later it may lose its buttons."""
        bot_id = str(self.world.bot_id)
        whole: set[str] = set()
        with self.world.watch() as events:
            async for event in events:
                if event.kind in {"MESSAGE_CREATE", "MESSAGE_UPDATE"} and event.data["author"]["id"] == bot_id:
                    waiting = self._waiting.get(int(event.data["channel_id"]))
                    is_new = event.data["id"] not in whole and event.data["content"] == self.reply
                    if waiting and not waiting.done() and is_new:
                        whole.add(event.data["id"])
                        waiting.set_result(None)

    async def talk(self, channel_id: int, turns: int, chance: random.Random) -> None:
        """Say *turns* sentences, each when the one before it is answered."""
        nemo = self.world.user_id("nemo")
        for _ in range(turns):
            self._waiting[channel_id] = asyncio.get_running_loop().create_future()
            began = time.monotonic()
            message = await self.world.say(nemo, channel_id, f"<@{self.world.bot_id}> {chance.choice(SENTENCES)}")
            self.said_at[int(message["id"])] = began
            await self._waiting[channel_id]


@dataclass
class Stage:
    """A program that is online in a little Discord. *reply* is the whole text of its replies."""

    world: World
    discord: LittleDiscord
    program: Program
    reply: str

    async def bear(self, channels: int, turns: int) -> Run:
        """Let so many new channels talk at the same time, each with so many turns."""
        crowd = Crowd(self.world, self.reply)
        listening = asyncio.create_task(crowd.listen())
        places = [self.world.create_channel(f"bench-{channels}-{number}") for number in range(channels)]
        await asyncio.gather(*(crowd.talk(place, 1, random.Random(place)) for place in places))  # opens connections
        await asyncio.sleep(CALM_SECONDS)
        crowd.said_at.clear()
        self.discord.requests.clear()
        cpu, driver_cpu, began = self.program.cpu_seconds, _own_cpu(), time.monotonic()
        await asyncio.gather(*(crowd.talk(place, turns, random.Random(place)) for place in places))
        elapsed = time.monotonic() - began
        await asyncio.sleep(CALM_SECONDS)  # what is done off the user's path counts too
        cpu, driver_cpu = self.program.cpu_seconds - cpu, _own_cpu() - driver_cpu
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        return Run(
            latencies=_latencies(crowd, self.discord),
            elapsed=elapsed,
            cpu=cpu,
            driver_cpu=driver_cpu,
            requests=len(self.discord.requests),
            resident_mb=self.program.resident_mb,
        )


@asynccontextmanager
async def open_stage(module: str, arguments: Sequence[str], reply: str) -> AsyncIterator[Stage]:
    """Start a program on the playground's servers and wait until it is online."""
    world = World.open(None)
    world.seed()
    with tempfile.TemporaryDirectory() as folder:
        async with LittleModel(tokens_per_second=None) as model, LittleDiscord(world) as discord:
            model.levers.text(reply, times=None)
            environment = settings(discord.api_url, discord.gateway_url, model.base_url)
            async with running(module, arguments, environment, Path(folder)) as program:
                await _online(world, program)
                yield Stage(world, discord, program, reply)
    world.close()


async def _online(world: World, program: Program) -> None:
    async with asyncio.timeout(PATIENCE):
        while not world.bot_online:
            if program.process.returncode is not None:
                raise RuntimeError("the program ended before it was online")
            await asyncio.sleep(0.02)


def _latencies(crowd: Crowd, discord: LittleDiscord) -> list[float]:
    """From each message to the arrival of the first request that sends something in reply to it."""
    first: dict[int, float] = {}
    for request in discord.requests:
        if request.method == "POST" and request.route.endswith("/messages"):
            reference: dict[str, Any] = (request.body or {}).get("message_reference") or {}
            first.setdefault(int(reference.get("message_id", 0)), request.at)
    return [first[message_id] - said for message_id, said in crowd.said_at.items()]


def _own_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


PROGRAMS = {"mnemo": ("bot", ("run",), REPLY), "bare": ("bench.bare_bot", (), bare_bot.REPLY)}


async def compare(loads: Sequence[tuple[int, int]], repeats: int) -> dict[str, Any]:
    """Measure both programs *repeats* times in turn, and return the medians of the figures of each load."""
    results: dict[str, list[list[dict[str, float]]]] = {name: [] for name in PROGRAMS}
    for _ in range(repeats):
        for name, program in PROGRAMS.items():
            async with open_stage(*program) as stage:
                results[name].append([(await stage.bear(*load)).figures() for load in loads])
    told: dict[str, Any] = {}
    for number, (channels, turns) in enumerate(loads):
        medians = {name: _medians([repeat[number] for repeat in repeated]) for name, repeated in results.items()}
        floor = medians["bare"]["cpu_ms_per_turn"]
        medians["cpu_ratio"] = round(medians["mnemo"]["cpu_ms_per_turn"] / floor, 2) if floor else None
        told[f"{channels}x{turns}"] = medians
    return told


def _medians(repeats: list[dict[str, float]]) -> Any:
    return {name: round(statistics.median(repeat[name] for repeat in repeats), 2) for name in repeats[0]}


def table(told: dict[str, Any]) -> str:
    """Lay the figures out for reading."""
    lines = []
    for load, programs in told.items():
        lines += [f"{load} (channels x turns)", f"  {'':<24}{'mnemo':>10}{'bare':>10}"]
        lines += [f"  {name:<24}{value:>10}{programs['bare'][name]:>10}" for name, value in programs["mnemo"].items()]
        lines.append(f"  {'cpu, mnemo / bare':<24}{programs['cpu_ratio'] or '-':>10}")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.end_to_end", description=__doc__)
    parser.add_argument("--channels", type=int, default=50)
    parser.add_argument("--turns", type=int, default=20, help="of each of these channels")
    parser.add_argument("--alone", type=int, default=50, help="turns of the one channel that talks alone")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    told = asyncio.run(compare([(given.channels, given.turns), (1, given.alone)], given.repeats))
    print(json.dumps(told) if given.json else table(told))


if __name__ == "__main__":
    main()
