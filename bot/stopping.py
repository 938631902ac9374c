"""The signal to stop, and the end of the process where stopping is held up."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading

log = logging.getLogger(__name__)

#: So long after the signal, in seconds, the process ends as it is: the disk, a name server or one long statement held it up.
LAST_SECONDS = 7.0

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def stop_signal() -> asyncio.Event:
    """Return what the first SIGTERM or SIGINT sets. Those after it change nothing, not even while the interpreter ends."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask(*_: object) -> None:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        loop.call_soon_threadsafe(stop.set)
        last = threading.Timer(LAST_SECONDS, _leave)
        last.daemon = True
        last.start()

    for number in STOP_SIGNALS:
        signal.signal(number, ask)  # the loop's own handlers end with it
    return stop


def _leave() -> None:
    """End the process where it stands. What was heard is on the disk, and the next start goes on, as after a kill."""
    log.warning("stopping takes too long; the next start ends what is left")
    logging.shutdown()
    os._exit(0)
