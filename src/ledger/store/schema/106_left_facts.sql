-- What a job that reads the books could not work on, by position: tried again until it can. Counted,
-- timed and named by the code of the error; no row tells of a person.
ALTER TABLE web.jobs ADD COLUMN left_facts jsonb NOT NULL DEFAULT '{}';
