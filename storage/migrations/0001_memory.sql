-- Everything that the model may see belongs to exactly one (channel, epoch). Ids of channels, messages, authors and servers are
-- Discord's snowflakes, times are seconds since the Unix epoch, sizes are tokens.

-- One channel's state: a text channel, a thread or a direct message. The overrides are NULL where the host's setting holds.
CREATE TABLE channels (
    id            INTEGER PRIMARY KEY,
    guild_id      INTEGER,
    epoch         INTEGER NOT NULL DEFAULT 1,
    next_position INTEGER NOT NULL DEFAULT 1,
    last_seen     INTEGER,
    policy        TEXT,
    max_messages  INTEGER,
    max_tokens    INTEGER,
    persona       TEXT,
    model         TEXT,
    reply_mode    TEXT
) STRICT;

-- One stretch between resets. window_policy names the policy that window_start was computed by; up to summarized (exclusive)
-- there are leaves. compaction_* tell the last summary that could not be made.
CREATE TABLE epochs (
    channel_id    INTEGER NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    number        INTEGER NOT NULL,
    window_start  INTEGER NOT NULL DEFAULT 0,
    window_policy TEXT NOT NULL DEFAULT '',
    summarized    INTEGER NOT NULL DEFAULT 0,
    compaction_error     TEXT,
    compaction_failed_at REAL,
    opened_at     REAL NOT NULL,
    closed_at     REAL,
    PRIMARY KEY (channel_id, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX epochs_closed ON epochs (closed_at) WHERE closed_at IS NOT NULL;

-- One exchange. position is reserved for its reply; reply holds the whole text from `sending` until `answered`.
CREATE TABLE turns (
    id                INTEGER PRIMARY KEY,
    channel_id        INTEGER NOT NULL,
    epoch             INTEGER NOT NULL,
    status            TEXT NOT NULL
        CHECK (status IN ('claimed', 'generating', 'sending', 'answered', 'failed', 'cancelled')),
    owner             TEXT,
    lease_until       REAL,
    attempt           INTEGER NOT NULL DEFAULT 0,
    position          INTEGER,
    recalled          TEXT,
    reply             TEXT,
    model             TEXT,
    finish_reason     TEXT,
    prompt_tokens     INTEGER,
    cached_tokens     INTEGER,
    completion_tokens INTEGER,
    latency           REAL,
    cost              REAL,
    claimed_at        REAL NOT NULL,
    FOREIGN KEY (channel_id, epoch) REFERENCES epochs (channel_id, number) ON DELETE CASCADE
) STRICT;

CREATE INDEX turns_of_epoch ON turns (channel_id, epoch);
CREATE INDEX turns_unfinished ON turns (channel_id) WHERE status IN ('claimed', 'generating', 'sending');
CREATE UNIQUE INDEX turns_one_claimed ON turns (channel_id) WHERE status = 'claimed';

-- One Discord message of a reply. The text is kept only until the turn is answered: then it is part of the reply in messages.
CREATE TABLE chunks (
    turn_id    INTEGER NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    text       TEXT NOT NULL,
    discord_id INTEGER UNIQUE,
    PRIMARY KEY (turn_id, number)
) STRICT, WITHOUT ROWID;

-- One remembered message. A trigger has no position until its turn starts generating.
CREATE TABLE messages (
    id          INTEGER PRIMARY KEY,
    discord_id  INTEGER UNIQUE,
    channel_id  INTEGER NOT NULL,
    epoch       INTEGER NOT NULL,
    position    INTEGER,
    turn_id     INTEGER REFERENCES turns (id) ON DELETE SET NULL,
    role        TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
    author_id   INTEGER NOT NULL,
    author_name TEXT NOT NULL,
    content     TEXT NOT NULL,
    tokens      INTEGER NOT NULL,
    created_at  REAL NOT NULL,
    edited_at   REAL,
    FOREIGN KEY (channel_id, epoch) REFERENCES epochs (channel_id, number) ON DELETE CASCADE
) STRICT;

CREATE UNIQUE INDEX messages_in_order ON messages (channel_id, epoch, position);
CREATE INDEX messages_of_turn ON messages (turn_id) WHERE turn_id IS NOT NULL;

-- What stands of a deleted message: its id, so that a late create cannot bring it back.
CREATE TABLE tombstones (
    discord_id INTEGER PRIMARY KEY,
    deleted_at REAL NOT NULL
) STRICT;

-- One leaf (its own span of positions) or one digest (folded from leaves, or corrected by an admin). `writing` is claimed and has
-- no text yet; a void one is never shown and has no text any more: a void leaf waits to be made again from its span.
CREATE TABLE summaries (
    id             INTEGER PRIMARY KEY,
    channel_id     INTEGER NOT NULL,
    epoch          INTEGER NOT NULL,
    kind           TEXT NOT NULL CHECK (kind IN ('leaf', 'digest')),
    first_position INTEGER NOT NULL,
    last_position  INTEGER NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('writing', 'ready', 'void')),
    corrected      INTEGER NOT NULL DEFAULT 0 CHECK (corrected IN (0, 1)),
    reason         TEXT NOT NULL,
    text           TEXT NOT NULL DEFAULT '',
    tokens         INTEGER NOT NULL DEFAULT 0,
    model          TEXT NOT NULL DEFAULT '',
    prompt_tokens     INTEGER NOT NULL DEFAULT 0,
    completion_tokens INTEGER NOT NULL DEFAULT 0,
    latency        REAL NOT NULL DEFAULT 0,
    created_at     REAL NOT NULL,
    FOREIGN KEY (channel_id, epoch) REFERENCES epochs (channel_id, number) ON DELETE CASCADE
) STRICT;

CREATE INDEX summaries_in_order ON summaries (channel_id, epoch, first_position);

-- Full-text index over messages that have a position (rowid is messages.id): the text, who said it when (in words), and as scope
-- the key of (channel, epoch) as one term.
CREATE VIRTUAL TABLE messages_fts USING fts5 (content, about, scope, tokenize = 'porter unicode61');

CREATE TRIGGER messages_leave_the_index AFTER DELETE ON messages BEGIN
    DELETE FROM messages_fts WHERE rowid = old.id;
END;

-- How many of the provider's tokens one of ours is, learned from what it bills.
CREATE TABLE calibration (
    model   TEXT PRIMARY KEY,
    factor  REAL NOT NULL,
    samples INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Tokens and cost by day, for budgets and charts. guild_id is 0 in a direct message.
CREATE TABLE usage (
    day               TEXT NOT NULL,
    guild_id          INTEGER NOT NULL,
    channel_id        INTEGER NOT NULL,
    user_id           INTEGER NOT NULL,
    kind              TEXT NOT NULL CHECK (kind IN ('reply', 'summary')),
    model             TEXT NOT NULL,
    calls             INTEGER NOT NULL,
    prompt_tokens     INTEGER NOT NULL,
    cached_tokens     INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    cost              REAL,
    PRIMARY KEY (day, guild_id, channel_id, user_id, kind, model)
) STRICT, WITHOUT ROWID;
