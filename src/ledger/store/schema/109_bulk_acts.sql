-- What staff do with many members at once, a part at a time: who they are was settled when it began,
-- and how far it is outlasts the browser and the server that began it. Gone after a day.

CREATE TABLE web.bulk_acts (
    act_id   uuid PRIMARY KEY,
    by_id    uuid NOT NULL,
    kind     text COLLATE "C" NOT NULL CHECK (kind IN ('tag', 'untag', 'list')),
    -- The tag, or the id of the list.
    what     text NOT NULL,
    members  uuid[] NOT NULL,
    done     integer NOT NULL DEFAULT 0 CHECK (done BETWEEN 0 AND cardinality(members)),
    -- Those for whom it changed something: the ones that an undoing concerns.
    changed  uuid[] NOT NULL DEFAULT '{}',
    refused  integer NOT NULL DEFAULT 0,
    undoes   uuid,
    undone   boolean NOT NULL DEFAULT false,
    back     text NOT NULL,
    began_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX bulk_acts_by ON web.bulk_acts (by_id, began_at);
