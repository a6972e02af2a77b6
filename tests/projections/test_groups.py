"""Saved segments, mailing lists and notices: what their rows say, and how they are read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from psycopg import sql

from ledger import ids
from ledger.errors import CurrencyMismatch
from ledger.facts import ERASED, Aggregate
from ledger.mailing_list import MailingList
from ledger.notification import Notification, Recipient
from ledger.segment import SegmentFilter
from ledger.site import Site
from projections.laws import breaches
from projections.mailing_lists import ListEntries, MailingLists
from projections.notices import Notices
from projections.queries.mailing_lists import MailingListQueries
from projections.queries.members import MemberFilter
from projections.queries.notices import NoticeFilter, NoticeQueries
from projections.queries.paging import CursorMalformed, Turn
from projections.queries.saved_segments import SavedSegmentQueries, filter_of
from projections.saved_segments import SavedSegments
from projections.view import Recorded, View, fold
from tests.ledger.stories import ANNE, BOB, by_scheduler, by_staff, day, eur, uid
from tests.projections.books import Books

SEGMENT, LIST, FIRST = uid("segment"), uid("list"), uid("first entry")
CONTACT = ids.derived(LIST, "contact", ANNE)


def rows(view: View[Any], *aggregates: Aggregate) -> list[Any]:
    """The rows that some streams add up to."""
    facts: Iterable[Any] = [fact for one in aggregates for fact in one.pending_events]
    folded = fold(view, {}, [Recorded(place, fact) for place, fact in enumerate(facts, start=1)])
    return [row for row in folded.values() if row is not None]


def site(text: str = "", **asked: Any) -> Site:
    """A site on which one segment is saved."""
    founded = Site.found(stamp=by_staff())
    founded.save_segment(
        SEGMENT,
        name="Élite",
        asked=SegmentFilter(**asked),
        text=text,
        currency="EUR",
        stamp=by_staff(day(1)),
    )
    return founded


def news() -> MailingList:
    """A list on which Anne is, and somebody whose address is known."""
    made = MailingList.create(LIST, name="News", stamp=by_staff())
    made.add_contact(ANNE, stamp=by_staff(day(1)))
    made.add_addresses({FIRST: "zoe@example.org"}, stamp=by_staff(day(2)))
    return made


def notice(word: str = "cause") -> Notification:
    """Bob is told of Anne."""
    return Notification.queue(
        Recipient(kind="contributor", id=BOB, role="owner"),
        "member_joined",
        because_of=f"{uid(word)}/1",
        about=ANNE,
        locale="fr",
        stamp=by_scheduler(),
    )


# --- saved segments -----------------------------------------------------------------------


def test_a_segment_says_what_it_asks_of_the_member_list() -> None:  # part of SE2
    asked: dict[str, Any] = {"statuses": ("member", "former"), "tag": "vip", "joined_from": day(3)}
    [row] = rows(SavedSegments(), site("zoe", spent_from=eur(0), **asked))
    assert (row.name, row.name_key, row.saved_at) == ("Élite", "elite", day(1))
    assert filter_of(row, "EUR") == MemberFilter(spent_from=0, text="zoe", **asked)


def test_a_removed_segment_has_no_row() -> None:
    founded = site()
    founded.remove_segment(SEGMENT, stamp=by_staff(day(2)))
    assert rows(SavedSegments(), founded) == []


def test_what_is_spent_is_not_compared_across_currencies() -> None:  # part of OR8
    [row] = rows(SavedSegments(), site(spent_to=eur(100)))
    assert row.currency == "EUR"
    with pytest.raises(CurrencyMismatch):
        filter_of(row, "USD")
    [row] = rows(SavedSegments(), site(tag="vip"))
    assert filter_of(row, "USD").tag == "vip"


# --- mailing lists ------------------------------------------------------------------------


def test_an_entry_is_a_contact_or_an_address() -> None:  # part of SE2
    found = {row.entry_id: row for row in rows(ListEntries(), news())}
    assert found[CONTACT][2:5] == (ANNE, None, day(1))
    assert found[FIRST][2:5] == (None, "zoe@example.org", day(2))


def test_who_is_taken_off_may_ask_later_to_stay_off() -> None:
    made = news()
    made.take_off(FIRST, stamp=by_staff(day(3)))
    made.unsubscribe(FIRST, stamp=by_staff(day(9)))
    [row] = [row for row in rows(ListEntries(), made) if row.entry_id == FIRST]
    assert (row.taken_off_at, row.unsubscribed) == (day(3), True)


def test_who_comes_back_is_on_the_list_as_of_then() -> None:
    made = news()
    made.take_off(CONTACT, stamp=by_staff(day(3)))
    made.add_contact(ANNE, stamp=by_staff(day(4)))
    [row] = [row for row in rows(ListEntries(), made) if row.entry_id == CONTACT]
    assert (row.added_at, row.taken_off_at) == (day(4), None)


def test_a_list_that_is_over_says_since_when() -> None:
    made = news()
    made.end(stamp=by_staff(day(5)))
    [row] = rows(MailingLists(), made)
    assert (row.name, row.created_at, row.ended_at) == ("News", day(0), day(5))


# --- notices ------------------------------------------------------------------------------


def test_a_notice_says_what_became_of_it() -> None:  # part of NO2
    told = notice()
    told.record_failed(attempt=1, why="4.2.2", retry_at=day(1), stamp=by_scheduler(day(0)))
    [failed] = rows(Notices(), told)
    assert (failed.state, failed.attempts, failed.retry_at) == ("failed", 1, day(1))
    told.record_sent(attempt=2, message_id="<1@site>", stamp=by_scheduler(day(1)))
    [sent] = rows(Notices(), told)
    assert (sent.state, sent.attempts, sent.sent_at) == ("sent", 2, day(1))
    assert (sent.retry_at, sent.why, sent.message_id) == (None, None, "<1@site>")
    told.record_bounced("5.1.1", stamp=by_scheduler(day(2)))
    [bounced] = rows(Notices(), told)
    assert (bounced.state, bounced.why, bounced.sent_at) == ("bounced", "5.1.1", day(1))


def test_a_notice_that_is_given_up_waits_for_nothing() -> None:
    told = notice()
    told.record_failed(attempt=1, why="4.2.2", retry_at=day(1), stamp=by_scheduler())
    told.give_up("too_often", stamp=by_scheduler(day(1)))
    [row] = rows(Notices(), told)
    assert (row.state, row.why, row.retry_at) == ("given_up", "too_often", None)
    assert (row.recipient_id, row.role, row.member_id) == (BOB, "owner", ANNE)


# --- read from tables ---------------------------------------------------------------------


def test_what_was_erased_is_read_as_such(books: Books) -> None:  # part of SE2
    books.save(news(), site("zoe"))
    for subject in (FIRST, SEGMENT):
        books.mapper._vault.destroy(subject)
    books.follower().catch_up()
    [row] = SavedSegmentQueries(books.pool).all()
    assert row.text == ERASED
    page = MailingListQueries(books.pool).entries(LIST, Turn("added"))
    assert [entry.email for entry in page.rows if entry.member_id is None] == [ERASED]


def test_lists_count_who_is_on_them(books: Books) -> None:
    made, empty = news(), MailingList.create(uid("empty"), name="Äpfel", stamp=by_staff())
    made.take_off(FIRST, stamp=by_staff(day(3)))
    books.save(made, empty)
    books.follower().catch_up()
    lists = MailingListQueries(books.pool)
    assert [(one.name, one.entries) for one in lists.all()] == [("Äpfel", 0), ("News", 1)]
    assert [one.list_id for one in lists.of_member(ANNE)] == [LIST]
    assert lists.of_member(BOB) == []
    made.take_off(CONTACT, stamp=by_staff(day(4)))
    books.save(made)
    books.follower().catch_up()
    assert lists.of_member(ANNE) == []
    assert lists.one(uid("nothing")) is None
    with pytest.raises(CursorMalformed):
        lists.entries(LIST, Turn("added", cursor="x"))


def test_notices_are_found_by_whom_what_and_how_they_are(books: Books) -> None:  # part of NO2
    told = [notice(f"cause {number}") for number in range(5)]
    told[3].give_up("muted", stamp=by_scheduler(day(1)))
    books.save(*told)
    books.follower().catch_up()
    notices = NoticeQueries(books.pool)
    for asked, count in (
        (NoticeFilter(), 5),
        (NoticeFilter(recipient_id=BOB), 5),
        (NoticeFilter(recipient_id=ANNE), 0),
        (NoticeFilter(member_id=ANNE, kind="member_joined"), 5),
        (NoticeFilter(kind="welcome"), 0),
        (NoticeFilter(state="given_up"), 1),
    ):
        assert len(notices.page(asked, Turn("queued")).rows) == count, asked
    first = notices.page(NoticeFilter(), Turn("queued", limit=3))
    rest = notices.page(NoticeFilter(), Turn("queued", limit=3, cursor=first.next_cursor))
    assert {row.notice_id for row in [*first.rows, *rest.rows]} == {one.id for one in told}


def breaches_of(books: Books, view: View[Any]) -> list[str]:
    """Laws that a live table breaks."""
    with books.pool.connection() as connection:
        found = breaches(
            connection,
            view.laws,
            sql.Identifier("views", view.name),
            position=books.recorder.horizon(),
            aside=(),
            parameters=(),
        )
    return [breach.law for breach in found]


@pytest.mark.parametrize(
    ("view", "law"),
    [
        (MailingLists(), "one row for each list.created"),
        (ListEntries(), "one row for each entry"),
        (Notices(), "one row for each notice.queued"),
    ],
)
def test_a_row_that_is_gone_breaks_a_law(books: Books, view: View[Any], law: str) -> None:
    made = news()
    made.take_off(CONTACT, stamp=by_staff(day(3)))
    made.add_contact(ANNE, stamp=by_staff(day(4)))
    books.save(made, notice(), notice("another"))
    books.follower().catch_up()
    assert breaches_of(books, view) == []
    with books.pool.connection() as connection:
        table = sql.Identifier("views", view.name)
        drop = "DELETE FROM {table} WHERE ctid IN (SELECT ctid FROM {table} LIMIT 1)"
        connection.execute(sql.SQL(drop).format(table=table))
    assert breaches_of(books, view) == [law]
