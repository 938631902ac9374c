-- Up to which Discord id everything that was said is taken care of: in a channel, in a server (for its channels that have no row of
-- their own), and under 0 everywhere else. Saved from time to time: it may lag behind, and never runs ahead.
CREATE TABLE seen (
    place      INTEGER PRIMARY KEY,
    message_id INTEGER NOT NULL
) STRICT;

-- What was said up to this Discord id, that of the last reset, is not remembered any more, however late it is heard of.
ALTER TABLE channels ADD COLUMN reset_id INTEGER;

CREATE INDEX channels_of_guild ON channels (guild_id);

-- Before there were marks, nothing later than the newest remembered message was certain to have come.
INSERT INTO seen SELECT 0, max(last_seen) FROM channels HAVING max(last_seen) IS NOT NULL;
