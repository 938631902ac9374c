-- People of whom nothing is remembered, wherever they write, because they said so. *told* is whether they were reminded of it since.
CREATE TABLE opted_out (
    user_id INTEGER PRIMARY KEY,
    since   REAL NOT NULL,
    told    INTEGER NOT NULL DEFAULT 0 CHECK (told IN (0, 1))
) STRICT;

CREATE INDEX messages_by_author ON messages (author_id, channel_id) WHERE role = 'user';
