-- What a reply refers to outlives the message that it answers: without it, a chunk whose id was never heard of could not be found
-- again once that message was deleted, and nobody could take it back.
ALTER TABLE chunks ADD COLUMN reply_to INTEGER;

UPDATE chunks SET reply_to = (SELECT max(discord_id) FROM messages WHERE turn_id = chunks.turn_id AND role = 'user')
WHERE turn_id IN (SELECT id FROM turns WHERE status IN ('generating', 'sending'));
