-- What stays in sight: a pinned message. One at a position below 0 was no part of the conversation when it was pinned, and is
-- remembered for its pin alone.
ALTER TABLE messages ADD COLUMN pinned_at REAL;

CREATE INDEX messages_pinned ON messages (channel_id, epoch) WHERE pinned_at IS NOT NULL;

-- A question about another message: that one's Discord id, its author, and its time. What it says stands with the question as a file does,
-- as the attachment 0. The question's own Discord id is that of the interaction that asked it, and no message's.
ALTER TABLE messages ADD COLUMN about_id INTEGER;
ALTER TABLE messages ADD COLUMN about_author INTEGER;
ALTER TABLE messages ADD COLUMN about_at REAL;

CREATE INDEX messages_about ON messages (about_id) WHERE about_id IS NOT NULL;
CREATE INDEX messages_about_author ON messages (about_author) WHERE about_author IS NOT NULL;
CREATE INDEX messages_about_by_age ON messages (about_at) WHERE about_at IS NOT NULL;

-- A chunk stands on Discord after this id, if that is not what it refers to: several replies may refer to one message.
ALTER TABLE chunks ADD COLUMN sent_after INTEGER;

-- A summary that a thread was opened with: of what was said in its channel at these positions of an epoch. Whatever becomes of a
-- message there voids it, with the digests above it: an edit, a deletion, its age, a reset once it is past its grace.
ALTER TABLE summaries ADD COLUMN origin_channel INTEGER;
ALTER TABLE summaries ADD COLUMN origin_epoch INTEGER;
ALTER TABLE summaries ADD COLUMN origin_first INTEGER;
ALTER TABLE summaries ADD COLUMN origin_last INTEGER;

CREATE INDEX summaries_of_origin ON summaries (channel_id, epoch, first_position) WHERE origin_channel IS NOT NULL;
CREATE INDEX summaries_by_origin ON summaries (origin_channel, origin_epoch) WHERE origin_channel IS NOT NULL;

CREATE VIEW above_origins AS
SELECT above.id, origin.origin_channel, origin.origin_epoch, origin.origin_first, origin.origin_last
FROM summaries AS origin JOIN summaries AS above ON above.channel_id = origin.channel_id AND above.epoch = origin.epoch
    AND above.first_position <= origin.first_position AND above.last_position >= origin.last_position
WHERE origin.origin_channel IS NOT NULL;

CREATE TRIGGER origins_go_with_edits AFTER UPDATE OF content ON messages WHEN old.content <> new.content BEGIN
    UPDATE summaries SET state = 'void', text = '', tokens = 0 WHERE corrected = 1 AND id IN (SELECT id FROM above_origins
        WHERE origin_channel = old.channel_id AND origin_epoch = old.epoch AND old.position BETWEEN origin_first AND origin_last);
    DELETE FROM summaries WHERE corrected = 0 AND id IN (SELECT id FROM above_origins
        WHERE origin_channel = old.channel_id AND origin_epoch = old.epoch AND old.position BETWEEN origin_first AND origin_last);
END;

CREATE TRIGGER origins_go_with_deletions AFTER DELETE ON messages BEGIN
    UPDATE summaries SET state = 'void', text = '', tokens = 0 WHERE corrected = 1 AND id IN (SELECT id FROM above_origins
        WHERE origin_channel = old.channel_id AND origin_epoch = old.epoch AND old.position BETWEEN origin_first AND origin_last);
    DELETE FROM summaries WHERE corrected = 0 AND id IN (SELECT id FROM above_origins
        WHERE origin_channel = old.channel_id AND origin_epoch = old.epoch AND old.position BETWEEN origin_first AND origin_last);
END;
