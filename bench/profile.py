"""Where a turn's time goes: ``python -m bench.profile docs/images/turn.svg`` writes a flame graph of the bot under load.

py-spy, which uv fetches, samples the bot from outside while many channels talk as in ``bench.end_to_end``. Only what holds the
interpreter is counted: waiting is not, nor what SQLite does. One has to be allowed to look into another process: as root, or with
``kernel.yama.ptrace_scope = 0``.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
from pathlib import Path

from bench.end_to_end import PROGRAMS, Run, open_stage

PY_SPY = "py-spy==0.4.*"
SAMPLES_A_SECOND = 500


async def profile(picture: Path, channels: int, turns: int) -> Run:
    """Write the flame graph of the bot while it answers, and return what the (slowed down) turns cost."""
    uv = Path(sys.executable).with_name("uv")
    how = ("--gil", "--function", "--rate", str(SAMPLES_A_SECOND), "--format", "flamegraph")
    async with open_stage(*PROGRAMS["mnemo"]) as stage:
        await stage.bear(channels, 1)
        spy = await asyncio.create_subprocess_exec(
            *(
                str(uv) if uv.exists() else shutil.which("uv") or "uv",
                "tool",
                "run",
                "--from",
                PY_SPY,
                "py-spy",
                "record",
            ),
            *(*how, "--pid", str(stage.program.process.pid), "--output", picture.name),
            cwd=picture.parent,  # the command line is a part of the picture
        )
        run = await stage.bear(channels, turns)
    if await spy.wait():  # it ends, and writes, when the bot has ended
        raise SystemExit("py-spy failed; what it says stands above")
    return run


def main() -> None:
    """Profile and tell what was profiled."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--channels", type=int, default=50)
    parser.add_argument("--turns", type=int, default=40, help="of each channel")
    given = parser.parse_args()
    run = asyncio.run(profile(given.picture.resolve(), given.channels, given.turns))
    print(f"{len(run.latencies)} turns, {given.picture.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
