"""What the demonstration lacks of a lived-in site: a list with a message, a token, a long life."""

from __future__ import annotations

from uuid import UUID

from ledger import ids
from ledger.facts import Actor, Cause
from ledger.segment import SegmentFilter
from scripts.benches.big_books import say
from scripts.benches.collection_site import settings_of
from web.identity.permissions import Permission, Role
from web.parts import Parts
from web.running.following import follower
from web.wiring import wire

STAFF = Actor(kind="machine")
NEWS = ids.derived(ids.SITE, "bench", "list")
LETTER = ids.derived(ids.SITE, "bench", "message")
PRESS = ids.derived(ids.SITE, "bench", "segment")
TOKEN = ids.derived(ids.SITE, "bench", "token")
ACT = ids.derived(ids.SITE, "bench", "bulk act")
OF_LONG_LIFE = ids.derived(ids.SITE, "bench", "member")
ON_THE_LIST = 1_000
NOTES, TAGGINGS = 150, 150
"""With the joining and its charge, some 450 facts about one person."""
PEOPLE = "SELECT member_id FROM views.members WHERE closed_at IS NULL ORDER BY member_id LIMIT %s"
PLAN = "SELECT plan_id FROM views.memberships GROUP BY plan_id ORDER BY count(*) DESC LIMIT 1"
CARD = "pm_card_visa"


def furnish(dsn: str) -> None:
    """Put it there, unless it is."""
    with wire(settings_of(dsn), dsn) as parts:
        if parts.ledger.facts_of(NEWS):
            return
        _furnish(parts)
        follower(parts, dsn).catch_up()
    say("furnished")


def _furnish(parts: Parts) -> None:
    ledger = parts.ledger
    with parts.pool.connection() as connection:
        people = [row[0] for row in connection.execute(PEOPLE, (ON_THE_LIST,))]
        [[plan_id]] = connection.execute(PLAN).fetchall()
    owner_id = ledger.owner_id()
    if owner_id is None:
        raise RuntimeError("the site has no owner")
    parts.desk.tokens.create(
        TOKEN, "bench", role=Role.AUDITOR, scopes=[Permission.READ_MEMBERS], by=owner_id
    )
    ledger.save_segment(
        PRESS, name="Press", asked=SegmentFilter(tag="press"), by=STAFF, cause=_cause()
    )
    parts.desk.bulk_acts.begin(ACT, "tag", "press", people, by_id=owner_id, back="/panel/members")
    _long_life(parts, plan_id)
    ledger.create_list(NEWS, name="News", by=STAFF, cause=_cause())
    ledger.add_to_list(NEWS, member_ids=people, by=STAFF, cause=_cause())
    ledger.send_message(
        NEWS, LETTER, subject="Hello", text="Hello.", locale="en", by=STAFF, cause=_cause()
    )


def _long_life(parts: Parts, plan_id: UUID) -> None:
    by, ledger = Actor(kind="member", id=OF_LONG_LIFE), parts.ledger
    ledger.open_account(
        OF_LONG_LIFE,
        email="long.life@example.org",
        name="Methuselah",
        locale="en",
        by=by,
        cause=_cause(),
    )
    parts.collection.join(OF_LONG_LIFE, plan_id, method_token=CARD, by=by, cause=_cause())
    for number in range(NOTES):
        text = f"They called for the {number}th time."
        ledger.write_note(OF_LONG_LIFE, ids.new(), text, by=STAFF, cause=_cause())
    for _ in range(TAGGINGS):
        ledger.tag(OF_LONG_LIFE, "press", by=STAFF, cause=_cause())
        ledger.untag(OF_LONG_LIFE, "press", by=STAFF, cause=_cause())


def _cause() -> Cause:
    return Cause(kind="request", id=ids.new())
