"""A little model: OpenAI's HTTP API on loopback, with an extractive brain behind it and levers for faults.

It imports nothing of the bot. ``brain.py`` (with ``reading.py`` and ``recall.py``) is pure: a prompt in, a reply out.
The rest is HTTP.
"""

from playground.model.levers import Levers
from playground.model.server import MODEL, LittleModel

__all__ = ["MODEL", "Levers", "LittleModel"]
