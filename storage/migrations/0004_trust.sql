-- What trust needs: that nobody is taken for another, and that what is old is found without reading everything.

-- The highest ids of turns and summaries that were deleted. They are not given again: whoever still works on a reply or a summary
-- that was taken away would write into that of another channel.
CREATE TABLE used_ids (
    turn    INTEGER NOT NULL,
    summary INTEGER NOT NULL
) STRICT;

INSERT INTO used_ids VALUES (0, 0);

CREATE TRIGGER turn_ids_are_used_once AFTER DELETE ON turns BEGIN
    UPDATE used_ids SET turn = old.id WHERE turn < old.id;
END;

CREATE TRIGGER summary_ids_are_used_once AFTER DELETE ON summaries BEGIN
    UPDATE used_ids SET summary = old.id WHERE summary < old.id;
END;

-- The user id of the bot whose memory this is; no row before its first login. Replies tell it of a memory from before.
CREATE TABLE owner (
    user_id INTEGER NOT NULL
) STRICT;

INSERT INTO owner
SELECT author_id FROM messages WHERE role = 'assistant' AND turn_id IS NOT NULL ORDER BY id DESC LIMIT 1;

CREATE INDEX messages_by_age ON messages (created_at);
