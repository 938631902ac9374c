"""``python -m bot``: hands over to the command line."""

from __future__ import annotations

import os
import sys

from bot.cli import main

# Whatever is written holds what people said or lies beside it: it is for the user alone who runs this, whatever the umask was.
os.umask(0o077)
sys.exit(main())
