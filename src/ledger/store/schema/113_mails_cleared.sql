-- What a mail said is kept for a while after it was sent or given up; that there was one stays, so
-- that none is written twice. Null: it is kept no longer.

ALTER TABLE web.mails ALTER COLUMN sealed DROP NOT NULL;
CREATE INDEX mails_kept ON web.mails (put_at) WHERE sealed IS NOT NULL;
