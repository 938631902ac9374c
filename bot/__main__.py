"""``python -m bot``: hands over to the command line."""

from __future__ import annotations

import os
import signal
import sys

# Importing takes a second, and nothing is under way yet: who is told to stop meanwhile just does.
if sys.argv[1:] == ["run"]:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))

from bot.cli import main

# Whatever is written holds what people said or lies beside it: it is for the user alone who runs this, whatever the umask was.
os.umask(0o077)
sys.exit(main())
