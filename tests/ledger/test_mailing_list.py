"""Mailing lists: contacts and bare addresses, each there once, off for good if they ask."""

from __future__ import annotations

from uuid import UUID

import pytest

from ledger.errors import EmailMalformed, ListEnded, NotFound, TextMalformed
from ledger.mailing_list import MailingList
from tests.ledger.stories import (
    ANNE,
    BOB,
    by_staff,
    day,
    given,
    names,
    past,
    recorded,
    replayed,
    state,
    uid,
)

LIST = uid("list")
FIRST, SECOND = uid("first entry"), uid("second entry")
ADDRESS = "zoe@example.org"


def empty() -> MailingList:
    """A list on which nobody is."""
    return given(MailingList, past(MailingList.Begun, name="News", member_id=None), stream_id=LIST)


def add(news: MailingList, entry_id: UUID = FIRST, email: str = ADDRESS) -> None:
    """Put one address on a list."""
    news.add_addresses({entry_id: email}, stamp=by_staff())


def on(news: MailingList) -> set[UUID]:
    """Which entries are on the list."""
    return {entry.entry_id for entry in news.entries.values() if entry.is_on}


def test_a_list_has_a_name() -> None:
    assert MailingList.create(LIST, name=" News ", stamp=by_staff()).name == "News"
    with pytest.raises(TextMalformed):
        MailingList.create(LIST, name=" ", stamp=by_staff())


def test_nobody_is_added_twice() -> None:  # part of SE2
    news = empty()
    for _ in range(2):
        news.add_contact(ANNE, stamp=by_staff())
    add(news, FIRST, ADDRESS)
    add(news, SECOND, "ZOE@Example.org")
    news.add_addresses({uid("a"): "b@example.org", uid("b"): "B@example.org"}, stamp=by_staff())
    assert names(news) == ["list.added"] * 3


def test_an_address_has_a_key_of_its_own_and_a_contact_theirs() -> None:  # part of SE2
    news = empty()
    news.add_contact(ANNE, stamp=by_staff())
    add(news)
    assert [fact.subject_id for fact in recorded(news)] == [ANNE, FIRST]
    news.take_off(FIRST, stamp=by_staff())
    assert recorded(news)[-1].subject_id == FIRST


def test_an_entry_is_taken_off_and_may_come_back() -> None:
    news = empty()
    news.add_contact(ANNE, stamp=by_staff())
    add(news)
    contact = news.contact(ANNE)
    assert contact is not None
    for entry_id in (contact.entry_id, FIRST, FIRST):
        news.take_off(entry_id, stamp=by_staff())
    assert (on(news), names(news).count("list.taken_off")) == (set(), 2)
    news.add_contact(ANNE, stamp=by_staff())
    add(news, SECOND)
    assert on(news) == {contact.entry_id, SECOND}


def test_who_asked_to_be_off_stays_off() -> None:  # part of SE2
    news = empty()
    news.add_contact(ANNE, stamp=by_staff())
    add(news)
    for entry in list(news.entries.values()):
        news.unsubscribe(entry.entry_id, stamp=by_staff())
        news.unsubscribe(entry.entry_id, stamp=by_staff())
    news.add_contact(ANNE, stamp=by_staff())
    add(news, SECOND, ADDRESS.upper())
    assert (on(news), names(news).count("list.taken_off")) == (set(), 2)


def test_one_who_was_taken_off_may_still_ask_never_to_be_added() -> None:
    news = empty()
    add(news)
    news.take_off(FIRST, stamp=by_staff())
    news.end(stamp=by_staff())
    news.unsubscribe(FIRST, stamp=by_staff())
    assert news.entry(FIRST).unsubscribed


def test_a_list_that_is_over_takes_nobody() -> None:
    news = empty()
    add(news)
    news.end(stamp=by_staff(day(1)))
    news.end(stamp=by_staff(day(2)))
    assert news.ended_at == day(1)
    with pytest.raises(ListEnded):
        news.add_contact(BOB, stamp=by_staff())
    with pytest.raises(ListEnded):
        add(news, SECOND, "x@example.org")
    news.take_off(FIRST, stamp=by_staff())
    assert on(news) == set()


def test_addresses_are_added_all_or_none() -> None:
    news = empty()
    with pytest.raises(EmailMalformed):
        news.add_addresses({FIRST: ADDRESS, SECOND: "nobody"}, stamp=by_staff())
    assert recorded(news) == []


def test_an_entry_that_never_was_is_not_found() -> None:
    for act in (empty().take_off, empty().unsubscribe):
        with pytest.raises(NotFound):
            act(FIRST, stamp=by_staff())
    assert empty().addresses() == {}


def test_a_list_is_read_back_as_it_was() -> None:  # AU1
    news = MailingList.create(LIST, name="News", stamp=by_staff())
    news.add_contact(ANNE, stamp=by_staff())
    add(news)
    news.unsubscribe(FIRST, stamp=by_staff())
    news.end(stamp=by_staff())
    assert state(replayed(news)) == state(news)
