"""Named instants at which a test can let the process die, as `kill -9` would. In a bot that serves people none is ever armed.

MNEMO_KILL_AT names a file, which a test writes when it wants to: with `answered` in it the process dies when it reaches that
point next, with `answered 3` the third time. It is no setting: nobody who hosts a bot has a use for it.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

_FILE = os.environ.get("MNEMO_KILL_AT")
_passed: Counter[str] = Counter()


def fault_point(name: str) -> None:
    """Die here if a test wants it."""
    if _FILE is not None:
        _die_if_armed(name, Path(_FILE))


def _die_if_armed(name: str, file: Path) -> None:
    wanted = file.read_text(encoding="utf-8") if file.exists() else ""
    point, _, times = wanted.rpartition(" ") if wanted[-1:].isdigit() else (wanted, "", "1")
    if point == name:
        _passed[wanted] += 1
        if _passed[wanted] == int(times):
            os.kill(os.getpid(), signal.SIGKILL)
