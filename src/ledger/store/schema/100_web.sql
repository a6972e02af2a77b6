-- What the edge must keep between two requests. Nothing here is a fact: losing it signs people out,
-- and no more. Names, addresses and mails are sealed; addresses are found by a keyed hash; the
-- tokens of sessions, links and programs are stored as hashes. Every instant comes from the
-- application's clock, so that nothing here asks for the time.

CREATE SCHEMA web;

CREATE TABLE web.credentials (
    kind          text COLLATE "C" NOT NULL CHECK (kind IN ('member', 'contributor')),
    account_id    uuid NOT NULL,
    email_hash    bytea NOT NULL,
    password_hash text COLLATE "C" NOT NULL,
    changed_at    timestamptz NOT NULL,
    PRIMARY KEY (kind, account_id),
    UNIQUE (kind, email_hash)
);

CREATE TABLE web.sessions (
    token_hash bytea PRIMARY KEY,
    session_id uuid NOT NULL UNIQUE,
    kind       text COLLATE "C" NOT NULL CHECK (kind IN ('member', 'contributor')),
    account_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX sessions_account ON web.sessions (kind, account_id);
CREATE INDEX sessions_expiry ON web.sessions (expires_at);

CREATE TABLE web.tokens (
    token_hash bytea PRIMARY KEY,
    token_id   uuid NOT NULL UNIQUE,
    name       text COLLATE "C" NOT NULL,
    hint       text COLLATE "C" NOT NULL,
    role       text COLLATE "C" NOT NULL,
    scopes     text[] COLLATE "C" NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz
);

CREATE TABLE web.links (
    token_hash   bytea PRIMARY KEY,
    purpose      text COLLATE "C" NOT NULL,
    subject_hash bytea NOT NULL,
    sealed       bytea NOT NULL,
    expires_at   timestamptz NOT NULL,
    used_at      timestamptz
);
CREATE INDEX links_subject ON web.links (subject_hash, purpose);
CREATE INDEX links_expiry ON web.links (expires_at);

CREATE TABLE web.limits (
    bucket     bytea NOT NULL,
    opened_at  timestamptz NOT NULL,
    closes_at  timestamptz NOT NULL,
    uses       integer NOT NULL,
    PRIMARY KEY (bucket, opened_at)
);
CREATE INDEX limits_close ON web.limits (closes_at);

CREATE TABLE web.mails (
    number         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mail_id        uuid NOT NULL UNIQUE,
    recipient_hash bytea NOT NULL,
    sealed         bytea NOT NULL,
    put_at         timestamptz NOT NULL,
    sent_at        timestamptz
);
CREATE INDEX mails_recipient ON web.mails (recipient_hash);
CREATE INDEX mails_unsent ON web.mails (number) WHERE sent_at IS NULL;

CREATE TABLE web.replays (
    command_id   uuid PRIMARY KEY,
    request_hash bytea NOT NULL,
    holder       uuid NOT NULL,
    held_until   timestamptz NOT NULL,
    sealed       bytea,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX replays_expiry ON web.replays (expires_at);
