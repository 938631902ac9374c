"""How long what was said is kept: one line in time, for what is deleted and for what is not heard any more. Pure."""

from __future__ import annotations

import math

DAY_SECONDS = 86_400.0


def expiry(now: float, days: int | None) -> float:
    """Return the time before which what was said is older than *days*, as of the last midnight (UTC); None keeps everything.

    It moves once a day: a summary of what expires in part is then made again once, and not after each message.
    """
    return -math.inf if days is None else now // DAY_SECONDS * DAY_SECONDS - days * DAY_SECONDS
