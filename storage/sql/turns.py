"""A turn's life, each arrow one function: ``claimed -> generating -> sending -> answered``, or ``failed``, ``cancelled``."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace

from storage.records import Message, Outcome, Overrides, Status, Turn, Usage
from storage.sql import attachments, books, budgets, index, intake, rows


def release_all(db: sqlite3.Connection) -> None:
    """Take every lease from whoever held it. Only right for a database that one process has to itself."""
    db.execute(
        f"UPDATE {rows.UNFINISHED_TURNS} SET owner = NULL, lease_until = NULL"
        f" WHERE status IN {rows.UNFINISHED} AND owner IS NOT NULL"
    )


def unfinished_channels(db: sqlite3.Connection) -> list[int]:
    """Return the ids of the channels where a turn waits to be answered or finished."""
    found = db.execute(
        f"SELECT channel_id FROM {rows.UNFINISHED_TURNS} WHERE status IN {rows.UNFINISHED}"
        " GROUP BY channel_id ORDER BY min(claimed_at)"
    )
    return [row["channel_id"] for row in found]


def begin(
    db: sqlite3.Connection,
    channel_id: int,
    owner: str,
    lease: float,
    budget: Callable[[Overrides], int],
    now: float,
) -> Turn | None:
    """Take the channel's next turn for *owner* for *lease* seconds, or return None if there is none.

    A turn that was left in the middle, by *owner* or by somebody whose lease is over, comes before the claimed one. A
    claimed one becomes `generating`: its oldest triggers that fit the *budget* for what the channel sets for itself
    are fixed, the rest wait in a new claimed turn.
    """
    row = db.execute(
        f"SELECT id, status FROM {rows.UNFINISHED_TURNS} WHERE channel_id = ? AND status IN {rows.UNFINISHED}"
        " AND (status = 'claimed' OR owner IS NULL OR owner = ? OR lease_until < ?) ORDER BY status = 'claimed', id LIMIT 1",
        (channel_id, owner, now),
    ).fetchone()
    if row is None:
        return None
    is_new = row["status"] == Status.CLAIMED
    if is_new:
        _fix_triggers(db, channel_id, row["id"], budget(rows.overrides(db, channel_id)), now)
    db.execute("UPDATE turns SET owner = ?, lease_until = ? WHERE id = ?", (owner, now + lease, row["id"]))
    turn = _load(db, row["id"])
    return replace(turn, outdated=_last_message_before(db, turn)) if is_new else turn


def _last_message_before(db: sqlite3.Connection, turn: Turn) -> int | None:
    """Return the Discord id of the last chunk of the turn before *turn* in its epoch."""
    row = db.execute(
        "SELECT discord_id FROM chunks WHERE turn_id = (SELECT max(id) FROM turns WHERE channel_id = ? AND epoch = ? AND id < ?)"
        " ORDER BY number DESC LIMIT 1",
        (turn.channel_id, turn.epoch, turn.id),
    ).fetchone()
    return None if row is None else row["discord_id"]


def _fix_triggers(db: sqlite3.Connection, channel_id: int, turn_id: int, budget: int, now: float) -> None:
    epoch = db.execute("SELECT epoch FROM turns WHERE id = ?", (turn_id,)).fetchone()["epoch"]
    waiting = rows.triggers(db, turn_id)
    taken = waiting[: _how_many_fit(waiting, budget)]
    first = rows.take_positions(db, channel_id, len(taken) + 1)
    for offset, trigger in enumerate(taken):
        db.execute("UPDATE messages SET position = ? WHERE discord_id = ?", (first + offset, trigger.discord_id))
    db.execute("UPDATE turns SET status = 'generating', position = ? WHERE id = ?", (first + len(taken), turn_id))
    rest = waiting[len(taken) :]
    if rest:
        next_turn = intake.claim_turn(db, channel_id, epoch, now)
        for trigger in rest:
            db.execute("UPDATE messages SET turn_id = ? WHERE discord_id = ?", (next_turn, trigger.discord_id))


def _how_many_fit(waiting: Sequence[Message], budget: int) -> int:
    total = 0
    for count, trigger in enumerate(waiting):
        total += trigger.tokens
        if total > budget:
            return max(count, 1)  # one alone above the budget is answered all the same
    return len(waiting)


def _load(db: sqlite3.Connection, turn_id: int) -> Turn:
    row = db.execute("SELECT * FROM turns WHERE id = ?", (turn_id,)).fetchone()
    return Turn(
        id=turn_id,
        channel_id=row["channel_id"],
        epoch=row["epoch"],
        status=Status(row["status"]),
        attempt=row["attempt"],
        position=row["position"],
        claimed_at=row["claimed_at"],
        triggers=rows.triggers(db, turn_id),
        reply=row["reply"],
        finish_reason=row["finish_reason"],
        beginning=rows.reply(db, turn_id) if row["attempt"] else None,
        chunks=rows.chunks(db, turn_id),
        overrides=rows.overrides(db, row["channel_id"]),
        is_closed=row["epoch"] != rows.open_epoch(db, row["channel_id"]),
        attachments=attachments.of_turn(db, turn_id),
    )


#: The attempt of a chunk that is too much: no turn has it.
RETRACTED = -1


def record_chunk(db: sqlite3.Connection, turn: Turn, number: int, text: str) -> bool:
    """Record that a chunk is about to be sent with *text*. False, and it must not be sent, if the turn was taken away."""
    recorded = db.execute(
        "INSERT INTO chunks (turn_id, number, attempt, text, reply_to, sent_after) SELECT id, ?2, attempt, ?4, ?5, ?6 FROM turns"
        f" WHERE id = ?1 AND attempt = ?3 AND status IN ('generating', 'sending') AND {rows.IN_OPEN_EPOCH}"
        " ON CONFLICT (turn_id, number) DO UPDATE SET attempt = excluded.attempt, text = excluded.text,"
        " reply_to = excluded.reply_to, sent_after = excluded.sent_after",
        (turn.id, number, turn.attempt, text, turn.newest.shown_as, _stands_after(db, turn)),
    )
    return recorded.rowcount > 0


def _stands_after(db: sqlite3.Connection, turn: Turn) -> int | None:
    """Return an id after which the reply to *turn* stands; None if that is the one of the message that it refers to.

    Replies to questions about one message all refer to that. What was shown of the turn before, which is over, stands before it.
    """
    if turn.newest.about_id is None:
        return None
    return max(_last_message_before(db, turn) or 0, turn.newest.discord_id or 0)


def chunk_sent(db: sqlite3.Connection, turn_id: int, number: int, discord_id: int) -> None:
    """Record the Discord id of a chunk."""
    db.execute("UPDATE chunks SET discord_id = ? WHERE turn_id = ? AND number = ?", (discord_id, turn_id, number))


def retract_chunks(db: sqlite3.Connection, turn_id: int, first: int) -> None:
    """Mark the chunks from number *first* on as too much: they are deleted on Discord next, and nobody's word of that counts."""
    db.execute("UPDATE chunks SET attempt = ? WHERE turn_id = ? AND number >= ?", (RETRACTED, turn_id, first))


def drop_chunks(db: sqlite3.Connection, turn_id: int, first: int) -> None:
    """Forget the chunks from number *first* on: they are not on Discord any more."""
    db.execute("DELETE FROM chunks WHERE turn_id = ? AND number >= ?", (turn_id, first))


def complete(
    db: sqlite3.Connection, turn: Turn, reply: str, outcome: Outcome, first_chunk: str | None, now: float
) -> bool:
    """`generating -> sending`: the reply's text is whole and booked, and *first_chunk*, if there is one, about to be sent.

    Returns False if the turn was taken away meanwhile.
    """
    changed = db.execute(
        "UPDATE turns SET status = 'sending', reply = ?, model = ?, finish_reason = ?, prompt_tokens = ?, cached_tokens = ?,"
        " completion_tokens = ?, latency = ?"
        f" WHERE id = ? AND status = 'generating' AND attempt = ? AND {rows.IN_OPEN_EPOCH}",
        (
            reply,
            outcome.model,
            outcome.finish_reason,
            outcome.prompt_tokens,
            outcome.cached_tokens,
            outcome.completion_tokens,
            outcome.latency,
            turn.id,
            turn.attempt,
        ),
    )
    if not changed.rowcount:
        return False
    if first_chunk is not None:
        record_chunk(db, turn, 0, first_chunk)
    if outcome.model:
        book(db, turn, outcome, now)
    return True


def finish(db: sqlite3.Connection, turn: Turn, author_id: int, author_name: str, tokens: int, now: float) -> bool:
    """`sending -> answered`: the reply becomes a message. False if the turn was taken away."""
    row = db.execute(
        f"SELECT * FROM turns WHERE id = ? AND status = 'sending' AND attempt = ? AND {rows.IN_OPEN_EPOCH}",
        (turn.id, turn.attempt),
    ).fetchone()
    if row is None:
        return False
    pinned_at = row["pinned_at"] if turn.beginning is None else rows.drop_reply(db, turn.id)
    if row["pinned_at"] is not None:
        db.execute("UPDATE turns SET pinned_at = NULL WHERE id = ?", (turn.id,))
    first_chunk = db.execute("SELECT discord_id FROM chunks WHERE turn_id = ? AND number = 0", (turn.id,)).fetchone()
    db.execute(
        "INSERT INTO messages (discord_id, channel_id, epoch, position, turn_id, role, author_id, author_name, content,"
        " tokens, created_at, pinned_at) VALUES (?, ?, ?, ?, ?, 'assistant', ?, ?, ?, ?, ?, ?)",
        (
            first_chunk and first_chunk["discord_id"],
            turn.channel_id,
            turn.epoch,
            turn.position,
            turn.id,
            author_id,
            author_name,
            row["reply"],
            tokens,
            now,
            pinned_at,
        ),
    )
    index.add_turn(db, turn.id)
    rows.set_status(db, turn.id, Status.ANSWERED)
    return True


def book_attempt(db: sqlite3.Connection, turn: Turn, outcome: Outcome, now: float) -> None:
    """Book an attempt of which no reply became; one of which one did was booked with it, though who asks may not know."""
    completed = db.execute(
        "SELECT 1 FROM turns WHERE id = ? AND attempt = ? AND status IN ('sending', 'answered')",
        (turn.id, turn.attempt),
    ).fetchone()
    if completed is None:
        book(db, turn, outcome, now)


def book(db: sqlite3.Connection, turn: Turn, outcome: Outcome, now: float) -> None:
    """Book what a model was paid for an attempt: as it was reserved, or by where its channel is, unless that is gone."""
    usage = Usage(1, outcome.prompt_tokens or 0, outcome.cached_tokens or 0, outcome.completion_tokens or 0)
    if outcome.reservation is not None:
        budgets.settle(db, outcome.reservation, outcome.model, usage)
        return
    if rows.open_epoch(db, turn.channel_id) is None:
        return
    place = (rows.guild_of(db, turn.channel_id), turn.channel_id)
    books.book(db, place, turn.newest.author_id, "reply", outcome.model, usage, books.day_of(now))


def close(db: sqlite3.Connection, turn: Turn, status: Status) -> bool:
    """End a turn as `failed` or `cancelled`, or as `answered` by what is kept of its reply; False if it is over already."""
    open_still = db.execute(
        f"SELECT 1 FROM turns WHERE id = ? AND attempt = ? AND status IN {rows.UNFINISHED}",
        (turn.id, turn.attempt),
    ).fetchone()
    if open_still is None:
        return False
    if status is Status.ANSWERED:  # the whole may have been on its way to Discord, with a reason of its own
        db.execute("UPDATE turns SET finish_reason = ? WHERE id = ?", (turn.finish_reason, turn.id))
    index.add_turn(db, turn.id)
    rows.set_status(db, turn.id, status)
    return True
