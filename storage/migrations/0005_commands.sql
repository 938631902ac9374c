-- The slash commands that Discord took last, as a hash, by the address of its API and by application: what it knows it is not told
-- again. No row: whether it took them is not known.
CREATE TABLE registered_commands (
    api_url        TEXT NOT NULL,
    application_id INTEGER NOT NULL,
    hash           TEXT NOT NULL,
    PRIMARY KEY (api_url, application_id)
) STRICT, WITHOUT ROWID;
