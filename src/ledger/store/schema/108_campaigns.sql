-- What became of each message to a list, recipient by recipient: so that each gets it once, and so
-- that staff see who got it, who had not agreed, and who opened a link (AC11). No fact, and no
-- address: losing it loses no history of what was sent, only that of who read it.

CREATE TABLE web.campaigns (
    message_id  uuid        PRIMARY KEY,
    finished_at timestamptz NOT NULL
);

CREATE TABLE web.campaign_mails (
    message_id      uuid        NOT NULL,
    entry_id        uuid        NOT NULL,
    mail_id         uuid,
    member_id       uuid,
    outcome         text        COLLATE "C" NOT NULL,
    decided_at      timestamptz NOT NULL,
    opened_at       timestamptz,
    unsubscribed_at timestamptz,
    PRIMARY KEY (message_id, entry_id)
);

CREATE INDEX campaign_mails_member ON web.campaign_mails (member_id) WHERE member_id IS NOT NULL;
