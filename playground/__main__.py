"""``python -m playground [--fresh]``, which is ``make play``: reads the arguments and the environment, and calls ``play``.

Exit codes: 0 after a clean end, 2 for a setting that is missing, 1 for anything else that went wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from playground.environment import MissingSetting, read_settings, real_model
from playground.play import AlreadyRunning, play

_FOLDER = Path("data/play")


def main() -> int:
    """Play, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m playground", description="Try Mnemo, with nothing to set up.")
    parser.add_argument("--fresh", action="store_true", help="forget the world and what Mnemo remembers of it")
    arguments = parser.parse_args()
    try:
        model = real_model(read_settings(os.environ, Path(".env")))
        return play(_FOLDER.resolve(), fresh=arguments.fresh, model=model)
    except MissingSetting as problem:
        print(problem, file=sys.stderr)
        return 2
    except AlreadyRunning as problem:
        print(problem, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
