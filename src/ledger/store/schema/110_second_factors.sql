-- The second step of the staff's sign-in: a secret shared with a telephone, and codes on paper.
-- The secret is sealed, the codes are keyed hashes. `last_step` is the latest half minute whose
-- code was taken: no code is taken twice. Until it is confirmed, a secret asks nobody for a code.

CREATE TABLE web.second_factors (
    contributor_id uuid PRIMARY KEY,
    sealed         bytea NOT NULL,
    last_step      bigint NOT NULL DEFAULT 0,
    confirmed_at   timestamptz
);

CREATE TABLE web.recovery_codes (
    contributor_id uuid NOT NULL,
    code_hash      bytea NOT NULL,
    used_at        timestamptz,
    PRIMARY KEY (contributor_id, code_hash)
);
