-- What admins allow a person in their server, and a channel, in tokens a day; NULL where the layer above holds.
ALTER TABLE channels ADD COLUMN user_day_tokens INTEGER;
ALTER TABLE channels ADD COLUMN channel_day_tokens INTEGER;
ALTER TABLE servers ADD COLUMN user_day_tokens INTEGER;
ALTER TABLE servers ADD COLUMN channel_day_tokens INTEGER;

-- Calls of a model that are under way: how many tokens each may use at most, until what it used is booked. Of those that a process
-- left behind, the next one books the prompt. The ids of servers and people are 0 as in usage.
CREATE TABLE reservations (
    id            INTEGER PRIMARY KEY,
    day           TEXT NOT NULL,
    guild_id      INTEGER NOT NULL,
    channel_id    INTEGER NOT NULL,
    user_id       INTEGER NOT NULL,
    kind          TEXT NOT NULL CHECK (kind IN ('reply', 'summary')),
    model         TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    most_tokens   INTEGER NOT NULL
) STRICT;

-- Of which budgets that are used up admins were told, on which day.
CREATE TABLE told_budgets (
    day      TEXT NOT NULL,
    budget   TEXT NOT NULL,
    place_id INTEGER NOT NULL,
    PRIMARY KEY (day, budget, place_id)
) STRICT, WITHOUT ROWID;
