"""Working on a turn once more after it has ended, to answer it anew or to go on with its reply: whether that can be, and the
next attempt.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection

from storage.records import Refusal, Status
from storage.sql import rows, summaries

May = Callable[[Collection[int]], bool]

_AT_WORK = (Status.GENERATING, Status.SENDING)


def reopen(db: sqlite3.Connection, message_id: int, may: May, now: float) -> int | Refusal:
    """Bring the turn of whose reply *message_id* is a part to its next attempt, as left in the middle; returns its channel.

    The chunks that are shown are taken over, and a pin; the reply leaves memory. Only the newest turn of a channel can be: what
    was said after another one answers its reply. *may* tells, of the ids of those who asked, whether the caller may.
    """
    turn = _turn_of(db, message_id)
    if turn is None:
        return Refusal.GONE
    refusal = _refusal(db, turn, may)
    if refusal is None:
        pinned_at = rows.drop_reply(db, turn["id"])
        db.execute(
            "UPDATE turns SET finish_reason = NULL, pinned_at = ifnull(?, pinned_at) WHERE id = ?",
            (pinned_at, turn["id"]),
        )
        _next_attempt(db, turn, now)
    return refusal or int(turn["channel_id"])


def go_on(db: sqlite3.Connection, message_id: int, may: May, after: Collection[str], now: float) -> int | Refusal:
    """Do the same for a turn whose reply ended for one of the reasons *after*; it stays in memory until it is whole."""
    turn = _turn_of(db, message_id)
    if turn is None:
        return Refusal.GONE
    refusal = _refusal(db, turn, may)
    if refusal is None and turn["finish_reason"] not in after:
        refusal = Refusal.WHOLE
    if refusal is None:
        _next_attempt(db, turn, now)
    return refusal or int(turn["channel_id"])


def _turn_of(db: sqlite3.Connection, message_id: int) -> sqlite3.Row | None:
    found: sqlite3.Row | None = db.execute(
        "SELECT t.*, t.epoch = c.epoch AS is_open FROM chunks k JOIN turns t ON t.id = k.turn_id"
        " JOIN channels c ON c.id = t.channel_id WHERE k.discord_id = ?",
        (message_id,),
    ).fetchone()
    return found


def _refusal(db: sqlite3.Connection, turn: sqlite3.Row, may: May) -> Refusal | None:
    triggers = rows.triggers(db, turn["id"])
    if not triggers or _lost_its_reply(db, turn):  # nobody is left to be told from others, so everybody is told this
        return Refusal.GONE
    if not may({trigger.author_id for trigger in triggers}):
        return Refusal.NOT_PERMITTED
    if not turn["is_open"]:
        return Refusal.RESET
    if turn["status"] in _AT_WORK:
        return Refusal.UNFINISHED
    here = (turn["channel_id"], turn["epoch"])
    if turn["id"] != db.execute("SELECT max(id) FROM turns WHERE channel_id = ? AND epoch = ?", here).fetchone()[0]:
        return Refusal.OLDER
    window_start = db.execute("SELECT window_start FROM epochs WHERE channel_id = ? AND number = ?", here).fetchone()[0]
    return Refusal.OLDER if triggers[0].position < window_start else None


def _lost_its_reply(db: sqlite3.Connection, turn: sqlite3.Row) -> bool:
    """Whether a turn that was answered has no reply in memory any more, which went with one of several triggers."""
    ended = bool(turn["is_open"]) and turn["status"] not in (*_AT_WORK, Status.FAILED)
    return ended and rows.reply(db, turn["id"]) is None


def _next_attempt(db: sqlite3.Connection, turn: sqlite3.Row, now: float) -> None:
    positions = [trigger.position for trigger in rows.triggers(db, turn["id"])]
    summaries.void_over(db, turn["channel_id"], turn["epoch"], [*positions, turn["position"]])
    db.execute(
        "UPDATE turns SET status = 'generating', attempt = attempt + 1, claimed_at = ? WHERE id = ?", (now, turn["id"])
    )
    db.execute("UPDATE chunks SET attempt = ? WHERE turn_id = ?", (turn["attempt"] + 1, turn["id"]))
