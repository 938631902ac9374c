"""``python -m bot``: hands over to the command line."""

from __future__ import annotations

import sys

from bot.cli import main

sys.exit(main())
