"""What comes in from the channel: messages to remember, and what becomes of them when they are edited or deleted."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping
from itertools import chain

from storage.records import QUOTE, SOMEWHERE, WITHDRAWN, Incoming, Interrupted, Remembered, Status
from storage.sql import attachments, index, rows, summaries


def accept(db: sqlite3.Connection, message: Incoming, addressed: bool, now: float) -> bool:
    """Store *message*, once; if *addressed*, it joins the channel's claimed turn or claims one.

    Returns False, having changed nothing, for a message that is known already, was deleted, or was said before a reset or by
    somebody who opted out, or is about what such a person said.
    """
    if is_known(db, message.discord_id) or _is_before_reset(db, message) or is_unwanted(db, message):
        return False
    epoch = rows.ensure_channel(db, message.channel_id, message.guild_id, now, parent_id=message.parent_id)
    turn_id = _claimed_turn(db, message.channel_id, epoch, now) if addressed else None
    position = None if addressed else rows.take_positions(db, message.channel_id, 1)
    insert(db, message, epoch, position, turn_id)
    db.execute(
        "UPDATE channels SET last_seen = max(ifnull(last_seen, 0), ?) WHERE id = ?",
        (message.discord_id, message.channel_id),
    )
    if position is not None:
        index.refresh(db, message.channel_id, epoch, position)
    return True


def insert(db: sqlite3.Connection, message: Incoming, epoch: int, position: int | None, turn_id: int | None) -> None:
    """Store the row of a message of a person, with what is attached."""
    about = message.about
    db.execute(
        "INSERT INTO messages (discord_id, channel_id, epoch, position, turn_id, role, author_id, author_name, content,"
        " tokens, created_at, about_id, about_author, about_at) VALUES (?, ?, ?, ?, ?, 'user', ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            message.discord_id,
            message.channel_id,
            epoch,
            position,
            turn_id,
            message.author_id,
            message.author_name,
            message.content,
            message.tokens,
            message.created_at,
            about and about.message_id,
            about and about.author_id,
            about and about.created_at,
        ),
    )
    attachments.keep(db, message)


def is_unwanted(db: sqlite3.Connection, message: Incoming) -> bool:
    """Whether a person's message holds words of somebody who opted out: of its author, or of whom it quotes."""
    authors = {message.author_id, message.about.author_id if message.about else message.author_id}
    return any(rows.has_opted_out(db, author) for author in authors)


def is_known(db: sqlite3.Connection, discord_id: int) -> bool:
    """Whether a message is remembered, or was and is deleted."""
    known = db.execute(
        "SELECT 1 FROM messages WHERE discord_id = :id UNION ALL SELECT 1 FROM tombstones WHERE discord_id = :id",
        {"id": discord_id},
    )
    return known.fetchone() is not None


def remembered_as(db: sqlite3.Connection, discord_id: int) -> Remembered | None:
    """Return what a message on Discord is in memory; None if it is not remembered, and no question quotes it."""
    if db.execute("SELECT 1 FROM messages WHERE discord_id = ? AND role = 'user'", (discord_id,)).fetchone():
        return "words"
    turn = db.execute(
        "SELECT t.status, EXISTS (SELECT 1 FROM messages m WHERE m.turn_id = t.id AND m.role = 'assistant') AS is_kept"
        " FROM chunks k JOIN turns t ON t.id = k.turn_id WHERE k.discord_id = ? AND k.attempt = t.attempt",
        (discord_id,),
    ).fetchone()
    if turn is None:  # a reply that was brought in has no chunks
        brought = db.execute(
            "SELECT 1 FROM messages WHERE discord_id = ? AND turn_id IS NULL", (discord_id,)
        ).fetchone()
        return "reply" if brought else "words" if _questions_about(db, discord_id) else None
    if turn["status"] in _RUNNING:
        return "unfinished reply"
    return "reply" if turn["is_kept"] else None


def _is_before_reset(db: sqlite3.Connection, message: Incoming) -> bool:
    reset = db.execute("SELECT reset_id FROM channels WHERE id = ?", (message.channel_id,)).fetchone()
    return reset is not None and message.discord_id <= (reset["reset_id"] or 0)


def _claimed_turn(db: sqlite3.Connection, channel_id: int, epoch: int, now: float) -> int:
    found = db.execute("SELECT id FROM turns WHERE channel_id = ? AND status = 'claimed'", (channel_id,)).fetchone()
    if found is not None:
        return int(found["id"])
    return claim_turn(db, channel_id, epoch, now)


def claim_turn(db: sqlite3.Connection, channel_id: int, epoch: int, now: float) -> int:
    """Make a claimed turn and return its id, which no turn ever had before."""
    made = db.execute(
        "INSERT INTO turns (id, channel_id, epoch, status, claimed_at) SELECT"
        " max(turn, ifnull((SELECT max(id) FROM turns), 0)) + 1, ?, ?, 'claimed', ? FROM used_ids RETURNING id",
        (channel_id, epoch, now),
    ).fetchone()
    return int(made["id"])


def edit(
    db: sqlite3.Connection,
    discord_id: int,
    content: str,
    tokens: int,
    attached: Collection[int] | None,
    quote: tuple[str, int] | None,
    now: float,
) -> bool:
    """Replace the content of a remembered message of a person; returns whether there was one that differed.

    Of its attachments those of *attached* stay; None stands for all. It stands as *quote*, of so many tokens, with the questions
    about it.
    """
    follows = [_edit_quote(db, *question, attached, quote) for question in _questions_about(db, discord_id)]
    has_lost = attached is not None and attachments.drop_others(db, discord_id, attached)
    changed = db.execute(
        "UPDATE messages SET content = ?1, tokens = ?2, edited_at = ?3, words = iif(words IS NULL, NULL, ?1),"
        " words_tokens = iif(words IS NULL, NULL, ?2)"
        " WHERE discord_id = ?4 AND role = 'user' AND (?5 OR ifnull(words, content) <> ?1)"
        " RETURNING channel_id, epoch, position",
        (content, tokens, now, discord_id, has_lost),
    ).fetchone()
    if changed is None:
        return any(follows)
    attachments.compose(db, discord_id)
    _changed_at(db, *changed)
    return True


def _questions_about(db: sqlite3.Connection, discord_id: int) -> list[tuple[int, int]]:
    """Return the ids of the rows of questions about a message, and those of the interactions that asked them."""
    return db.execute("SELECT id, discord_id FROM messages WHERE about_id = ?", (discord_id,)).fetchall()


def _edit_quote(
    db: sqlite3.Connection,
    row_id: int,
    question_id: int,
    attached: Collection[int] | None,
    quote: tuple[str, int] | None,
) -> bool:
    """Let a question show what the message that it is about says now; returns whether that differs."""
    changed = attached is not None and attachments.drop_others(db, question_id, {QUOTE, *attached})
    if quote is not None:
        changed = attachments.edit_quote(db, question_id, *quote) or changed
    if changed:
        attachments.compose(db, question_id)
        _changed_at(
            db, *db.execute("SELECT channel_id, epoch, position FROM messages WHERE id = ?", (row_id,)).fetchone()
        )
    return changed


def _changed_at(db: sqlite3.Connection, channel_id: int, epoch: int, position: int | None) -> None:
    """Let everything that was made from the message at *position* follow: the index, and the summaries that cover it."""
    index.refresh(db, channel_id, epoch, position)
    if position is not None:
        summaries.void_over(db, channel_id, epoch, [position])


def forget(db: sqlite3.Connection, discord_ids: Collection[int], now: float) -> list[Interrupted]:
    """Take what was deleted on Discord out of memory: messages of people, and replies of which a chunk was deleted.

    Questions about it go, too, and the reply of a turn goes with any of its triggers. A turn that was not finished is brought to
    its next attempt, or cancelled if no triggers remain and nothing of it was ever sent; one of which a chunk was deleted is only
    to be tidied up. Returns the turns that lost something.
    """
    questions = [row_id for one in discord_ids for row_id, _ in _questions_about(db, one)]
    gone = (_forget_message(db, one, now) or _forget_chunk(db, one) for one in discord_ids)
    return _withdraw_replies(db, chain(gone, (_forget_row(db, one, now) for one in questions)))


def forget_rows(db: sqlite3.Connection, ids: Collection[int], now: float) -> list[Interrupted]:
    """Do the same for messages of people by the ids of their rows: what was brought in may have none of Discord's.

    Questions about them are to be among them.
    """
    return _withdraw_replies(db, [_forget_row(db, one, now) for one in ids])


def _withdraw_replies(db: sqlite3.Connection, turn_ids: Iterable[int | None]) -> list[Interrupted]:
    """Let the replies of the turns that lost something go with it."""
    interrupted: dict[int, Interrupted] = {}
    for turn_id in turn_ids:
        if turn_id is not None and turn_id not in interrupted:
            interrupted[turn_id] = _describe(db, turn_id)
    for turn in interrupted.values():
        _withdraw_reply(db, turn)
    return list(interrupted.values())


def _forget_message(db: sqlite3.Connection, discord_id: int, now: float) -> int | None:
    found = db.execute(
        "SELECT id FROM messages WHERE discord_id = ? AND (role = 'user' OR turn_id IS NULL)", (discord_id,)
    ).fetchone()
    return None if found is None else _forget_row(db, found["id"], now)


def _forget_row(db: sqlite3.Connection, row_id: int, now: float) -> int | None:
    row = db.execute(
        "DELETE FROM messages WHERE id = ? RETURNING discord_id, turn_id, channel_id, epoch, position", (row_id,)
    ).fetchone()
    if row is None:  # a question about a message that went in the same breath
        return None
    _changed_at(db, row["channel_id"], row["epoch"], row["position"])
    if row["discord_id"] is not None:
        db.execute("INSERT OR IGNORE INTO tombstones VALUES (?, ?)", (row["discord_id"], now))
    return row["turn_id"]  # type: ignore[no-any-return]  # a row's values have no types


def forget_channel(db: sqlite3.Connection, channel_id: int) -> None:
    """Delete a channel with its epochs and all that they hold."""
    db.execute("DELETE FROM channels WHERE id = ?", (channel_id,))


def known_guilds(db: sqlite3.Connection) -> list[int]:
    """Return the ids of the servers of which, or of a channel of which, anything is known."""
    found = db.execute(
        "SELECT guild_id FROM channels WHERE guild_id <> ? UNION SELECT id FROM servers UNION SELECT guild_id FROM access",
        (SOMEWHERE,),
    )
    return [row["guild_id"] for row in found]


def known_channels(db: sqlite3.Connection, guild_id: int | None) -> list[int]:
    """Return the ids of a server's channels (None: of the direct messages) of which anything is known, who spoke last first.

    Of those that were brought in, and are still to be found, the server is :data:`storage.records.SOMEWHERE`.
    """
    found = db.execute("SELECT id FROM channels WHERE guild_id IS ? ORDER BY last_seen DESC", (guild_id,))
    return [row["id"] for row in found]


def locate(db: sqlite3.Connection, guild_id: int, channel_ids: Collection[int]) -> None:
    """Note that these channels are in this server, where that is not known."""
    for channel_id in channel_ids:
        rows.locate(db, channel_id, guild_id)


def belong_to(db: sqlite3.Connection, user_id: int) -> int:
    """Let this be the memory of the bot *user_id* if it is nobody's yet; returns the id of the bot whose it is."""
    db.execute("INSERT INTO owner SELECT ? WHERE NOT EXISTS (SELECT 1 FROM owner)", (user_id,))
    return int(db.execute("SELECT user_id FROM owner").fetchone()[0])


def seen(db: sqlite3.Connection) -> dict[int, int]:
    """Return what :func:`save_seen` saved last."""
    return {row["place"]: row["message_id"] for row in db.execute("SELECT place, message_id FROM seen")}


def save_seen(db: sqlite3.Connection, marks: Mapping[int, int]) -> None:
    """Save up to which Discord id everything is taken care of, by place, instead of what was saved before."""
    db.execute("DELETE FROM seen")
    db.executemany("INSERT INTO seen VALUES (?, ?)", marks.items())


def newest_ids(db: sqlite3.Connection, channel_id: int, limit: int) -> list[int]:
    """Return the Discord ids of the newest remembered messages, newest first, each chunk of an answered turn for itself.

    A question is none of Discord's messages, what it is about is one. Nothing can have been said in a channel before it was
    made, so what is older was brought in from somewhere else.
    """
    found = db.execute(
        "SELECT discord_id FROM messages WHERE channel_id = ?1 AND discord_id >= ?1 AND about_id IS NULL"
        " UNION SELECT about_id FROM messages WHERE channel_id = ?1 AND about_id >= ?1"
        " UNION SELECT k.discord_id FROM turns t JOIN chunks k ON k.turn_id = t.id"
        " JOIN messages m ON m.turn_id = t.id AND m.role = 'assistant'"
        " WHERE t.channel_id = ?1 AND t.status = 'answered' AND k.discord_id IS NOT NULL"
        " ORDER BY 1 DESC LIMIT ?2",
        (channel_id, limit),
    )
    return [row["discord_id"] for row in found]


def _forget_chunk(db: sqlite3.Connection, discord_id: int) -> int | None:
    """Return the turn whose reply lost a part; None if the chunk was none, or is one that we are taking back ourselves."""
    row = db.execute(
        "DELETE FROM chunks WHERE discord_id = ?"
        " RETURNING turn_id, attempt = (SELECT t.attempt FROM turns t WHERE t.id = turn_id) AS is_part",
        (discord_id,),
    ).fetchone()
    if row is None or not row["is_part"]:
        return None
    db.execute(
        "UPDATE turns SET finish_reason = ? WHERE id = ? AND status IN ('generating', 'sending')",
        (WITHDRAWN, row["turn_id"]),
    )
    return int(row["turn_id"])


def _describe(db: sqlite3.Connection, turn_id: int) -> Interrupted:
    row = db.execute("SELECT id, channel_id, status FROM turns WHERE id = ?", (turn_id,)).fetchone()
    return Interrupted(row["id"], row["channel_id"], Status(row["status"]))


def _withdraw_reply(db: sqlite3.Connection, turn: Interrupted) -> None:
    reply = db.execute(
        "DELETE FROM messages WHERE turn_id = ? AND role = 'assistant' RETURNING channel_id, epoch, position",
        (turn.turn_id,),
    ).fetchone()
    if reply is not None:
        _changed_at(db, *reply)
    remains = db.execute(
        "SELECT 1 FROM messages WHERE turn_id = ?1 UNION ALL SELECT 1 FROM chunks WHERE turn_id = ?1", (turn.turn_id,)
    ).fetchone()
    if turn.status in (Status.CLAIMED, *_RUNNING) and not remains:
        rows.set_status(db, turn.turn_id, Status.CANCELLED)
    elif turn.status in _RUNNING:
        db.execute(
            "UPDATE turns SET status = 'generating', attempt = attempt + 1, reply = NULL WHERE id = ?", (turn.turn_id,)
        )
        # The text may repeat what was deleted. Only of a chunk whose id is not known it is still needed, to find it.
        db.execute("UPDATE chunks SET text = '' WHERE turn_id = ? AND discord_id IS NOT NULL", (turn.turn_id,))


_RUNNING = (Status.GENERATING, Status.SENDING)
