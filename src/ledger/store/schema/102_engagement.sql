-- When a member last signed in and last opened protected content (AC11). No fact: losing it loses
-- no history.

CREATE TABLE web.engagement (
    member_id         uuid PRIMARY KEY,
    signed_in_at      timestamptz,
    content_opened_at timestamptz
);
