-- What people attach. A message that has attachments keeps its author's own words apart, with their tokens; its content is these and
-- the attachments' blocks, as the model sees them. Others have none of it.
ALTER TABLE messages ADD COLUMN words TEXT;
ALTER TABLE messages ADD COLUMN words_tokens INTEGER;

-- One attached file. url is NULL if nothing is to be fetched (any more); problem says, for people, what could not be used of it;
-- block is how the model sees it.
CREATE TABLE attachments (
    message_id INTEGER NOT NULL REFERENCES messages (discord_id) ON DELETE CASCADE,
    id         INTEGER NOT NULL,
    name       TEXT NOT NULL,
    type       TEXT NOT NULL,
    size       INTEGER NOT NULL,
    url        TEXT,
    block      TEXT NOT NULL,
    tokens     INTEGER NOT NULL,
    problem    TEXT,
    PRIMARY KEY (message_id, id)
) STRICT, WITHOUT ROWID;
