"""Summaries: which are shown, claiming and committing one with the window, voiding what an edit or deletion touches.

A summary is an index over messages that still exist, never their replacement. While one is being written its row is there, so
that whatever changes in its span meanwhile can void it.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Callable, Sequence

from storage.records import Compaction, Draft, Message, Overrides, Reach, Summary, SummaryKind
from storage.sql import rows

_COLUMNS = (
    "id, kind, first_position, last_position, text, tokens, corrected, reason, model, prompt_tokens, completion_tokens,"
    " created_at, origin_channel IS NOT NULL AS is_origin"
)


def shown(db: sqlite3.Connection, channel_id: int, epoch: int) -> tuple[Summary, ...]:
    """Return the summaries that are shown, oldest span first: those that no later digest covers.

    A leaf hides nothing: what a thread was opened with may stand between the messages that one was made from.
    """
    newest_first = db.execute(
        f"SELECT {_COLUMNS} FROM summaries WHERE channel_id = ? AND epoch = ? AND state = 'ready'"
        " ORDER BY kind = 'digest' DESC, id DESC",
        (channel_id, epoch),
    )
    kept: list[Summary] = []
    for row in newest_first:
        summary = _summary(row)
        if not any(
            other.kind is SummaryKind.DIGEST and other.first <= summary.first and summary.last <= other.last
            for other in kept
        ):
            kept.append(summary)
    return tuple(sorted(kept, key=lambda summary: summary.first))


def origin(db: sqlite3.Connection, channel_id: int, epoch: int) -> tuple[Summary, ...]:
    """Return what a thread was opened with, oldest first, also what a digest covers; nothing for what is void."""
    found = db.execute(
        f"SELECT {_COLUMNS} FROM summaries WHERE channel_id = ? AND epoch = ? AND origin_channel IS NOT NULL"
        " ORDER BY first_position",
        (channel_id, epoch),
    )
    return tuple(_summary(row) for row in found)


def leaf_spans(
    db: sqlite3.Connection, channel_id: int, epoch: int | None, spans: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Return the positions that the leaves within *spans* were made of: between those of a digest there may be others."""
    leaves = db.execute(
        "SELECT first_position, last_position FROM summaries"
        " WHERE channel_id = ? AND epoch = ? AND kind = 'leaf' AND state = 'ready' ORDER BY first_position",
        (channel_id, epoch),
    )
    return [(leaf[0], leaf[1]) for leaf in leaves if any(first <= leaf[0] and leaf[1] <= last for first, last in spans)]


def _summary(row: sqlite3.Row) -> Summary:
    kind, corrected = SummaryKind(row["kind"]), bool(row["corrected"])
    return Summary(
        row["id"], kind, row["first_position"], row["last_position"], row["text"], row["tokens"], corrected,
        row["reason"], row["model"], row["prompt_tokens"], row["completion_tokens"], row["created_at"], bool(row["is_origin"]),
    )  # fmt: skip


def state(db: sqlite3.Connection, channel_id: int, reach: Callable[[Overrides], Reach]) -> Compaction | None:
    """Return what there is to compact in the channel's open epoch; None for a channel that is not known."""
    row = db.execute(
        "SELECT c.epoch, e.window_policy, e.summarized FROM channels c"
        " JOIN epochs e ON e.channel_id = c.id AND e.number = c.epoch WHERE c.id = ?",
        (channel_id,),
    ).fetchone()
    if row is None:
        return None
    epoch = row["epoch"]
    overrides = rows.overrides(db, channel_id)
    backlog, is_whole = _backlog(db, channel_id, epoch, row["summarized"], reach(overrides))
    gaps = db.execute(
        "SELECT first_position, last_position FROM summaries"
        " WHERE channel_id = ? AND epoch = ? AND kind = 'leaf' AND state = 'void' ORDER BY first_position",
        (channel_id, epoch),
    ).fetchall()
    return Compaction(
        channel_id=channel_id,
        epoch=epoch,
        overrides=overrides,
        policy=row["window_policy"],
        backlog=backlog,
        is_whole=is_whole,
        gaps=tuple((gap[0], gap[1]) for gap in gaps),
        summaries=shown(db, channel_id, epoch),
        guild_id=rows.guild_of(db, channel_id),
        pins=rows.pinned(db, channel_id, epoch),
    )


def _backlog(
    db: sqlite3.Connection, channel_id: int, epoch: int, start: int, reach: Reach
) -> tuple[tuple[Message, ...], bool]:
    """Return the oldest messages from *start* on that *reach* allows, and whether these are all up to an unfinished turn."""
    oldest_first = db.execute(
        f"SELECT {rows.MESSAGE_COLUMNS} FROM messages WHERE channel_id = ? AND epoch = ? AND position >= ?"
        " AND position < ? ORDER BY position",
        (channel_id, epoch, start, finished_before(db, channel_id, epoch)),
    )
    found: list[Message] = []
    tokens = 0
    for row in oldest_first:
        message = rows.message(row)
        begins_anew = bool(found) and (message.turn_id is None or message.turn_id != found[-1].turn_id)
        if begins_anew and reach.tokens is not None and tokens > reach.tokens:
            oldest_first.close()
            return (*found, message), False
        found.append(message)
        tokens += message.tokens
    return tuple(found), True


def finished_before(db: sqlite3.Connection, channel_id: int, epoch: int) -> int:
    """Return the position before which no turn is unfinished."""
    unfinished = db.execute(
        f"SELECT min(m.position) FROM {rows.UNFINISHED_TURNS} JOIN messages m ON m.turn_id = turns.id"
        f" WHERE turns.channel_id = ? AND turns.epoch = ? AND status IN {rows.UNFINISHED} AND status <> 'claimed'",
        (channel_id, epoch),
    ).fetchone()[0]
    return rows.NO_POSITION if unfinished is None else int(unfinished)


def claim_leaf(
    db: sqlite3.Connection, state: Compaction, span: tuple[int, int], reason: str, now: float
) -> Draft | None:
    """Claim a leaf over the positions of *span*, both included, and return what it is to be written from.

    Returns None if the channel's epoch or policy is not that of *state* any more, or the messages are gone, or a turn among them
    was reopened: its triggers have to stay in the window.
    """
    if not _is_still(db, state) or span[1] >= finished_before(db, state.channel_id, state.epoch):
        return None
    messages = db.execute(
        f"SELECT {rows.MESSAGE_COLUMNS} FROM messages WHERE channel_id = ? AND epoch = ? AND position BETWEEN ? AND ?"
        " ORDER BY position",
        (state.channel_id, state.epoch, *span),
    )
    found = tuple(rows.message(row) for row in messages)
    if not found:
        return None
    return Draft(_claim(db, state, SummaryKind.LEAF, span, reason, now), SummaryKind.LEAF, *span, found)


def claim_digest(
    db: sqlite3.Connection, state: Compaction, parts: Sequence[Summary], reason: str, now: float
) -> Draft | None:
    """Claim a digest of *parts*, in order.

    Returns None if the channel's epoch or policy is not that of *state* any more, or the parts are not shown any more: then
    their texts may hold what was edited or deleted since, or an admin's correction stands in their place.
    """
    if not _is_still(db, state) or not set(parts) <= set(shown(db, state.channel_id, state.epoch)):
        return None
    span = (parts[0].first, parts[-1].last)
    claimed = _claim(db, state, SummaryKind.DIGEST, span, reason, now)
    return Draft(claimed, SummaryKind.DIGEST, *span, parts=tuple(parts))


def _is_still(db: sqlite3.Connection, state: Compaction) -> bool:
    here = rows.open_epoch(db, state.channel_id), rows.overrides(db, state.channel_id)
    return here == (state.epoch, state.overrides)


def _claim(
    db: sqlite3.Connection, state: Compaction, kind: SummaryKind, span: tuple[int, int], reason: str, now: float
) -> int:
    """Make the row of a draft and return its id."""
    summary_id = fresh_id(db)
    db.execute(
        "INSERT INTO summaries (id, channel_id, epoch, kind, first_position, last_position, state, reason, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, 'writing', ?, ?)",
        (summary_id, state.channel_id, state.epoch, kind, *span, reason, now),
    )
    return summary_id


def fresh_id(db: sqlite3.Connection) -> int:
    """Return an id that no summary ever had: whoever holds the id of one that is gone must not find another one by it."""
    row = db.execute("SELECT max(summary, ifnull((SELECT max(id) FROM summaries), 0)) + 1 FROM used_ids").fetchone()
    return int(row[0])


def commit(
    db: sqlite3.Connection, draft: Draft, text: str, tokens: int, model: str, usage: tuple[int, int], latency: float
) -> Summary | None:
    """Make a draft a summary and, for a leaf, move the window behind it, in one transaction.

    Returns None, having thrown the draft away, if it is void: its epoch or policy changed, or a message in its span did.
    """
    row = db.execute(
        "SELECT s.* FROM summaries s JOIN channels c ON c.id = s.channel_id AND c.epoch = s.epoch"
        " WHERE s.id = ? AND s.state = 'writing'",
        (draft.id,),
    ).fetchone()
    if row is None:
        discard(db, draft)
        return None
    db.execute(
        "UPDATE summaries SET state = 'ready', text = ?, tokens = ?, model = ?, prompt_tokens = ?, completion_tokens = ?,"
        " latency = ? WHERE id = ?",
        (text, tokens, model, *usage, latency, draft.id),
    )
    if draft.kind is SummaryKind.LEAF:
        _replace_void_leaf(db, row)
        db.execute(
            "UPDATE epochs SET summarized = max(summarized, :next), window_start = max(window_start, :next)"
            " WHERE channel_id = :channel AND number = :epoch",
            {"next": draft.last + 1, "channel": row["channel_id"], "epoch": row["epoch"]},
        )
    _note_failure(db, row["channel_id"], row["epoch"], None, None)
    return _summary(db.execute(f"SELECT {_COLUMNS} FROM summaries WHERE id = ?", (draft.id,)).fetchone())


def is_being_written(db: sqlite3.Connection, draft: Draft) -> bool:
    """Whether nothing took a draft away: its epoch and policy are what they were, and so are the messages in its span."""
    found = db.execute(
        "SELECT 1 FROM summaries s JOIN channels c ON c.id = s.channel_id AND c.epoch = s.epoch"
        " WHERE s.id = ? AND s.state = 'writing'",
        (draft.id,),
    )
    return found.fetchone() is not None


def _replace_void_leaf(db: sqlite3.Connection, row: sqlite3.Row) -> None:
    db.execute(
        "DELETE FROM summaries WHERE channel_id = ? AND epoch = ? AND kind = 'leaf' AND state = 'void'"
        " AND first_position >= ? AND last_position <= ?",
        (row["channel_id"], row["epoch"], row["first_position"], row["last_position"]),
    )


def discard(db: sqlite3.Connection, draft: Draft) -> None:
    """Throw a draft away. Its span, if it had a void leaf, keeps that."""
    db.execute("DELETE FROM summaries WHERE id = ? AND state IN ('writing', 'void')", (draft.id,))


def fail(db: sqlite3.Connection, draft: Draft, channel_id: int, epoch: int, error: str, now: float) -> None:
    """Throw a draft away because the summarizer failed, and note why."""
    discard(db, draft)
    _note_failure(db, channel_id, epoch, error, now)


def _note_failure(db: sqlite3.Connection, channel_id: int, epoch: int, error: str | None, now: float | None) -> None:
    db.execute(
        "UPDATE epochs SET compaction_error = ?, compaction_failed_at = ? WHERE channel_id = ? AND number = ?",
        (error, now, channel_id, epoch),
    )


def correct(
    db: sqlite3.Connection, channel_id: int, text: str, tokens: int, instead_of: Sequence[int], now: float
) -> bool:
    """Put an admin's words in the place of the summaries *instead_of*; False if not exactly these are shown."""
    epoch = rows.open_epoch(db, channel_id)
    there = () if epoch is None else shown(db, channel_id, epoch)
    if not there or [summary.id for summary in there] != list(instead_of):
        return False
    db.execute(
        "DELETE FROM summaries WHERE channel_id = ? AND epoch = ? AND kind = 'digest' AND state = 'void'",
        (channel_id, epoch),
    )
    db.execute(
        "INSERT INTO summaries (id, channel_id, epoch, kind, first_position, last_position, state, corrected, reason, text,"
        " tokens, created_at) VALUES (?, ?, ?, 'digest', ?, ?, 'ready', 1, 'corrected by an admin', ?, ?, ?)",
        (fresh_id(db), channel_id, epoch, there[0].first, there[-1].last, text, tokens, now),
    )
    return True


def void_over(db: sqlite3.Connection, channel_id: int, epoch: int, positions: Sequence[int]) -> None:
    """Void what covers a message at any of *positions*, in order: it is never shown again, and its text is gone.

    A leaf stays as the mark of a span to be summarized again, a corrected digest as the mark that a correction was lost, unless
    no message is left that it could be made of.
    """
    near = db.execute(
        "SELECT id, first_position, last_position FROM summaries"
        " WHERE channel_id = ? AND epoch = ? AND first_position <= ? AND last_position >= ?",
        (channel_id, epoch, positions[-1], positions[0]),
    )
    for summary_id, first, last in near.fetchall():
        reached = bisect_left(positions, first)
        if reached < len(positions) and positions[reached] <= last:
            _void(db, summary_id)
    _drop_empty_gaps(db, channel_id, epoch)


def _void(db: sqlite3.Connection, summary_id: int) -> None:
    db.execute(
        "DELETE FROM summaries WHERE id = ? AND (state = 'writing' OR (kind = 'digest' AND corrected = 0))",
        (summary_id,),
    )
    db.execute("UPDATE summaries SET state = 'void', text = '', tokens = 0 WHERE id = ?", (summary_id,))


def lost_correction(db: sqlite3.Connection, channel_id: int, epoch: int) -> bool:
    """Whether an admin's correction is void since a message beneath it was edited or deleted."""
    lost = db.execute(
        "SELECT 1 FROM summaries WHERE channel_id = ? AND epoch = ? AND kind = 'digest' AND state = 'void'",
        (channel_id, epoch),
    )
    return lost.fetchone() is not None


def drop_drafts(db: sqlite3.Connection, channel_id: int | None = None) -> None:
    """Throw away what is being written: in a channel whose policy changed, or (None) everywhere, after a crash."""
    db.execute("DELETE FROM summaries WHERE state = 'writing' AND (?1 IS NULL OR channel_id = ?1)", (channel_id,))


def _drop_empty_gaps(db: sqlite3.Connection, channel_id: int, epoch: int) -> None:
    """Throw away what is void over spans of which no message is left."""
    db.execute(
        "DELETE FROM summaries WHERE channel_id = ?1 AND epoch = ?2 AND state = 'void' AND NOT EXISTS"
        " (SELECT 1 FROM messages m WHERE m.channel_id = ?1 AND m.epoch = ?2"
        " AND m.position BETWEEN summaries.first_position AND summaries.last_position)",
        (channel_id, epoch),
    )
