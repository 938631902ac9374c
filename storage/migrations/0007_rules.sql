-- What admins set. In channels: its parent, for a thread, and whether the bot is on; NULL where the layer above holds, as for
-- the other overrides.
ALTER TABLE channels ADD COLUMN parent_id INTEGER;
ALTER TABLE channels ADD COLUMN is_on INTEGER CHECK (is_on IN (0, 1));

-- The defaults of one server; NULL where the host's settings hold.
CREATE TABLE servers (
    id           INTEGER PRIMARY KEY,
    policy       TEXT,
    max_messages INTEGER,
    max_tokens   INTEGER,
    persona      TEXT,
    model        TEXT,
    reply_mode   TEXT,
    is_on        INTEGER CHECK (is_on IN (0, 1))
) STRICT;

-- Who may what in a server: one row is one channel, role or user on one list.
CREATE TABLE access (
    guild_id INTEGER NOT NULL,
    list     TEXT NOT NULL CHECK (list IN ('allow', 'block', 'reset')),
    kind     TEXT NOT NULL CHECK (kind IN ('channel', 'role', 'user')),
    id       INTEGER NOT NULL,
    PRIMARY KEY (guild_id, list, kind, id)
) STRICT, WITHOUT ROWID;
