-- The passwords of early access (PL6): hashes beside the facts, not in them.

CREATE TABLE web.plan_passwords (
    plan_id       uuid PRIMARY KEY,
    password_hash text COLLATE "C" NOT NULL,
    changed_at    timestamptz NOT NULL
);
