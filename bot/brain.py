"""What the work on a turn stands on: the services that all turns share, and who the bot is on Discord. It holds no behaviour."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.attachments import Attachments
from bot.budgets import Budgets
from bot.calibration import Calibration
from bot.line import Line
from bot.models import Models
from bot.ports import ChatModel
from bot.shared_pace import SharedPace
from bot.view import Viewer
from storage import Store


@dataclass(frozen=True, slots=True)
class Brain:
    """What all turns share: the memory, what of it the model sees, the model, how its counting differs from ours, and what may
    be used of it.

    The model has *reply_seconds* for a whole reply, however often it is asked. One of more than *reply_chunks* goes on in a file.
    """

    store: Store
    viewer: Viewer
    attachments: Attachments
    model: ChatModel
    models: Models
    reply_seconds: float
    calibration: Calibration
    budgets: Budgets
    line: Line
    reply_chunks: int
    pace: SharedPace = field(default_factory=SharedPace)
    now: Callable[[], float] = time.time


@dataclass(frozen=True, slots=True)
class Myself:
    """Who the bot is on Discord, as the author of its replies."""

    id: int
    name: str
