-- Mails on their way out of the house, beside web.mails, which holds what they say. No row tells of
-- a person: `why` is a status or a word, never what a server answered. Every instant is the
-- machine's, given by the application: a test site's clock that is moved on moves no mail server.

CREATE TABLE web.outbox (
    mail_id       uuid PRIMARY KEY REFERENCES web.mails (mail_id) ON DELETE CASCADE,
    purpose       text COLLATE "C" NOT NULL CHECK (purpose IN ('account', 'notice', 'campaign')),
    -- A password waits for nobody's campaign.
    urgency       smallint NOT NULL GENERATED ALWAYS AS (
                      CASE purpose WHEN 'account' THEN 0 WHEN 'notice' THEN 1 ELSE 2 END
                  ) STORED,
    -- failed: to be tried again. unknown: the connection broke before the server had said whether
    -- it took it. given_up, bounced: over.
    state         text COLLATE "C" NOT NULL DEFAULT 'waiting'
                  CHECK (state IN ('waiting', 'failed', 'sent', 'unknown', 'given_up', 'bounced')),
    queued_at     timestamptz NOT NULL,
    attempts      integer NOT NULL DEFAULT 0,
    next_at       timestamptz NOT NULL,
    holder        uuid,
    claimed_until timestamptz,
    -- Its holder was about to say it all: what became of it is known to no other.
    handing_over  boolean NOT NULL DEFAULT false,
    perhaps_twice boolean NOT NULL DEFAULT false,
    why           text COLLATE "C",
    ended_at      timestamptz,
    -- Whether the books know of this state, where it is a notice's.
    noted         boolean NOT NULL DEFAULT true
);
CREATE INDEX outbox_due ON web.outbox (urgency, next_at) WHERE state IN ('waiting', 'failed');
CREATE INDEX outbox_unnoted ON web.outbox (mail_id) WHERE NOT noted;
CREATE INDEX outbox_ended ON web.outbox (ended_at) WHERE state IN ('unknown', 'given_up', 'bounced');

-- How the mail server answers: while it does not, nobody knocks for every mail.
CREATE TABLE web.mail_server (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    failures    integer NOT NULL DEFAULT 0,
    silent_from timestamptz,
    pause_until timestamptz,
    why         text COLLATE "C"
);
INSERT INTO web.mail_server DEFAULT VALUES;
