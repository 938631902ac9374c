-- A reply that is written anew is no message meanwhile: when it was pinned stands here until it is one again.
ALTER TABLE turns ADD COLUMN pinned_at REAL;
