-- An act goes on while nobody looks: whoever began it is told of its end when they look again.

ALTER TABLE web.bulk_acts ADD COLUMN told_at timestamptz;
UPDATE web.bulk_acts SET told_at = ended_at;
CREATE INDEX bulk_acts_unfinished ON web.bulk_acts (began_at) WHERE ended_at IS NULL;
