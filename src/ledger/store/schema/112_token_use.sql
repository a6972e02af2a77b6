-- When a program's token was last used, to within some minutes: whoever revokes one wants to know
-- whether anything still asks with it. Nobody knows it of the time before.

ALTER TABLE web.tokens ADD COLUMN last_used_at timestamptz;
CREATE INDEX tokens_newest ON web.tokens (created_at DESC, token_id DESC);
