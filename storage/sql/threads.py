"""Opening a thread: what was said in its channel that no summary covers, and the copies that the thread begins with.

That a copy goes with what it was made of, triggers of the schema see to: they follow whatever changes or deletes a message.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from storage.records import Compaction, Message, Opened, Outline, Place, Reach
from storage.sql import rows, summaries, transcript, window

REASON = "the thread was opened"


def uncovered(db: sqlite3.Connection, channel_id: int, look_back: int) -> Compaction | None:
    """Return the newest *look_back* tokens of what no leaf of the channel covers yet, in whole turns that are finished."""
    state = summaries.state(db, channel_id, lambda _: Reach(messages=0, tokens=0))
    return state and replace(state, backlog=_newest(db, channel_id, state.epoch, look_back))


def _newest(db: sqlite3.Connection, channel_id: int, epoch: int, look_back: int) -> tuple[Message, ...]:
    newest_first = db.execute(
        f"SELECT {rows.MESSAGE_COLUMNS} FROM messages WHERE channel_id = ?1 AND epoch = ?2 AND position < ?3 AND position >="
        " (SELECT summarized FROM epochs WHERE channel_id = ?1 AND number = ?2) ORDER BY position DESC",
        (channel_id, epoch, summaries.finished_before(db, channel_id, epoch)),
    )
    found = window.within(newest_first, Reach(messages=None, tokens=look_back))
    if found and window.begin_of_turn(db, found[0]) < found[0].position:  # no leaf begins within a turn
        found = tuple(message for message in found if message.turn_id != found[0].turn_id)
    return found


def open_thread(
    db: sqlite3.Connection, parent_id: int, thread: Place, outlines: Sequence[Outline], now: float
) -> Opened:
    """Let a thread begin with copies of its channel's summaries, and with *outlines* of what these do not cover.

    An outline is left out if its draft is gone, because what it was made of changed, or if the channel has a leaf there now.
    """
    epoch = rows.ensure_channel(db, thread.channel_id, thread.guild_id, now, parent_id=parent_id)
    of_parent = rows.open_epoch(db, parent_id)
    shown = () if of_parent is None else summaries.shown(db, parent_id, of_parent)
    copied = [(summary.first, summary.last) for summary in shown]
    made = [(summary.text, summary.tokens, summary.model, 0, 0) for summary in shown]
    outlined: list[tuple[int, int]] = []
    left_out: list[tuple[int, int]] = []
    for outline in outlines:
        draft = outline.draft
        span = (draft.first, draft.last)
        if summaries.is_being_written(db, draft) and all(last < draft.first for _, last in copied):
            outlined.append(span)
            made.append((outline.text, outline.tokens, outline.model, outline.prompt_tokens, outline.completion_tokens))
        else:
            left_out.append(span)
        summaries.discard(db, draft)
    spans = [*copied, *outlined]
    for span, written in zip(spans, made, strict=True):
        position = rows.take_positions(db, thread.channel_id, 1)
        db.execute(
            "INSERT INTO summaries (id, channel_id, epoch, kind, first_position, last_position, state, reason, created_at,"
            " origin_channel, origin_epoch, origin_first, origin_last, text, tokens, model, prompt_tokens, completion_tokens)"
            " VALUES (?, ?, ?, 'leaf', ?, ?, 'ready', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(summaries.fresh_id(db), thread.channel_id, epoch, position, position, REASON, now),
                *(parent_id, of_parent, *span, *written),
            ),
        )
    stands_for = [*summaries.leaf_spans(db, parent_id, of_parent, copied), *outlined]
    is_whole = all(_is_within(db, parent_id, of_parent, span, spans) for span in left_out)
    return Opened(transcript.counted(db, parent_id, of_parent, stands_for), is_whole)


def _is_within(
    db: sqlite3.Connection, channel_id: int, epoch: int | None, span: tuple[int, int], spans: Sequence[tuple[int, int]]
) -> bool:
    """Whether all that is left of what was said at the positions of *span* stands in *spans*, too."""
    found = db.execute(
        "SELECT position FROM messages WHERE channel_id = ? AND epoch = ? AND position BETWEEN ? AND ?",
        (channel_id, epoch, *span),
    )
    return all(any(first <= position <= last for first, last in spans) for (position,) in found)
