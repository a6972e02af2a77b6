"""Mailing lists, from creating one to a person who wants to be off it."""

from __future__ import annotations

from functools import partial
from uuid import UUID

import pytest

from ledger import ids
from ledger.errors import (
    AccountClosed,
    EmailMalformed,
    Forbidden,
    ListEnded,
    NotFound,
    OnlyThePerson,
)
from ledger.facts import ERASED, Actor
from ledger.mailing_list import Entry
from ledger.store.recorder import FactRecorder
from tests.application.races import at_once
from tests.application.sites import STAFF, Site, cause, themself


def news(site: Site) -> UUID:
    """An empty list."""
    list_id = ids.new()
    site.ledger.create_list(list_id, name="News", by=STAFF, cause=cause())
    return list_id


def add(site: Site, list_id: UUID, *members: UUID, emails: tuple[str, ...] = ()) -> int:
    """Staff add contacts and addresses."""
    return site.ledger.add_to_list(
        list_id, member_ids=members, emails=emails, by=STAFF, cause=cause()
    )


def standing(site: Site, list_id: UUID) -> list[Entry]:
    """Who is on a list."""
    return [one for one in site.ledger.mailing_list(list_id).entries.values() if one.is_on]


def test_a_list_holds_contacts_and_addresses_that_are_no_contacts(
    site: Site,
) -> None:  # part of SE2
    list_id, ada = news(site), site.person("ada")
    add(site, list_id, ada, emails=("zoe@example.org",))
    found = {(entry.member_id, entry.email) for entry in standing(site, list_id)}
    assert found == {(ada, None), (None, "zoe@example.org")}
    assert site.ledger.member_by_email("zoe@example.org") is None


def test_the_address_of_a_contact_stands_for_them(site: Site) -> None:  # part of SE2
    list_id, ada = news(site), site.person("ada")
    add(site, list_id, emails=("ADA@example.org",))
    assert add(site, list_id, ada) == 0
    assert [entry.member_id for entry in standing(site, list_id)] == [ada]


def test_somebody_added_by_two_at_once_is_added_once(site: Site) -> None:  # part of SE2
    list_id, ada = news(site), site.person("ada")
    at_once(*[partial(add, site, list_id, ada, emails=("zoe@example.org",)) for _ in range(4)])
    assert len(standing(site, list_id)) == 2
    assert site.topics(list_id).count("list.added") == 2


def test_adding_that_is_sent_again_answers_as_the_first_time(site: Site) -> None:
    list_id, one = news(site), cause()
    answers = {
        site.ledger.add_to_list(list_id, emails=["zoe@example.org"], by=STAFF, cause=one)
        for _ in range(2)
    }
    assert len(answers) == 1
    assert site.topics(list_id).count("list.added") == 1


def test_one_who_is_nobody_refuses_all(site: Site) -> None:
    list_id, ada, closed = news(site), site.person("ada"), site.person("gone")
    site.ledger.close_account(closed, "asked", by=STAFF, cause=cause())
    for members, emails, refusal in (
        ((ada, ids.new()), (), NotFound),
        ((ada, closed), (), AccountClosed),
        ((ada,), ("nobody",), EmailMalformed),
    ):
        with pytest.raises(refusal):
            add(site, list_id, *members, emails=emails)
    assert standing(site, list_id) == []


def test_a_list_is_about_each_contact_who_is_on_it(site: Site) -> None:  # part of AU2
    list_id, ada = news(site), site.person("ada")
    add(site, list_id, ada)
    (entry,) = standing(site, list_id)
    site.ledger.take_off_list(list_id, entry.entry_id, by=STAFF, cause=cause())
    concerning = [record.topic for record in FactRecorder(site.pool).of_subject(ada)]
    assert concerning[-2:] == ["list.added", "list.taken_off"]


def test_an_address_is_erased_under_each_entry_that_it_ever_had(site: Site) -> None:  # SE2
    list_id, ada = news(site), site.person("ada")
    add(site, list_id, ada, emails=("zoe@example.org", "max@example.org"))
    first = site.ledger.mailing_list(list_id).addresses()["zoe@example.org"]
    site.ledger.take_off_list(list_id, first.entry_id, by=STAFF, cause=cause())
    add(site, list_id, emails=("zoe@example.org",))
    erase = partial(site.ledger.erase_from_list, list_id, by=STAFF)
    erased = erase("ZOE@example.org", cause=cause())
    assert len(erased) == 2
    assert first.entry_id in erased
    entries = site.ledger.mailing_list(list_id).entries
    assert {entries[one].email for one in erased} == {ERASED}
    assert {entry.email for entry in standing(site, list_id)} == {None, "max@example.org"}
    assert erase("zoe@example.org", cause=cause()) == ()
    assert erase("ada@example.org", cause=cause()) == ()
    assert add(site, list_id, emails=("zoe@example.org",)) > 0
    (again,) = [one for one in standing(site, list_id) if one.email == "zoe@example.org"]
    assert again.entry_id not in erased


def test_an_erasure_that_broke_off_is_finished_when_it_is_asked_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:  # part of SE2
    list_id, one = news(site), cause()
    add(site, list_id, emails=("zoe@example.org",))
    erase = partial(site.ledger.erase_from_list, list_id, "zoe@example.org", by=STAFF, cause=one)
    with monkeypatch.context() as patch:
        patch.setattr(site.ledger.vault, "destroy", _dies)
        with pytest.raises(KeyboardInterrupt):
            erase()
    assert site.topics(list_id)[-1] == "list.taken_off"
    assert standing(site, list_id) == []
    assert len(erase()) == 1
    assert site.topics(list_id).count("list.taken_off") == 1
    assert {entry.email for entry in site.ledger.mailing_list(list_id).entries.values()} == {ERASED}


def _dies(_: UUID) -> None:
    raise KeyboardInterrupt


def test_who_wanted_no_messages_and_was_erased_still_gets_none(site: Site) -> None:  # part of SE2
    list_id = news(site)
    add(site, list_id, emails=("zoe@example.org",))
    (entry,) = standing(site, list_id)
    site.ledger.unsubscribe_from_list(
        list_id, entry.entry_id, by=themself(entry.entry_id), cause=cause()
    )
    site.ledger.erase_from_list(list_id, "zoe@example.org", by=STAFF, cause=cause())
    assert site.ledger.mailing_list(list_id).entry(entry.entry_id).unsubscribed
    assert site.ledger.is_unsubscribed("zoe@example.org")
    add(site, list_id, emails=("max@example.org",))
    for somebody in (themself(ids.new()), themself(entry.entry_id)):
        with pytest.raises(Forbidden):
            site.ledger.erase_from_list(list_id, "max@example.org", by=somebody, cause=cause())
    assert [one.email for one in standing(site, list_id)] == ["max@example.org"]


def test_only_the_person_unsubscribes_and_nobody_adds_them_again(site: Site) -> None:  # part of SE2
    list_id, ada = news(site), site.person("ada")
    add(site, list_id, ada, emails=("zoe@example.org",))
    for entry in standing(site, list_id):
        asks = partial(site.ledger.unsubscribe_from_list, list_id, entry.entry_id, cause=cause())
        with pytest.raises(OnlyThePerson):
            asks(by=STAFF)
        with pytest.raises(OnlyThePerson):
            asks(by=themself(ids.new()))
        asks(by=themself(entry.person_id))
    assert add(site, list_id, ada, emails=("zoe@example.org",)) == 0
    assert standing(site, list_id) == []


def test_a_list_that_is_over_takes_nobody(site: Site) -> None:
    list_id, ada = news(site), site.person("ada")
    for _ in range(2):
        site.ledger.end_list(list_id, by=STAFF, cause=cause())
    with pytest.raises(ListEnded):
        add(site, list_id, ada)
    assert site.topics(list_id) == ["list.created", "list.ended"]


def test_no_member_changes_a_list(site: Site) -> None:
    list_id, ada = news(site), site.person("ada")
    acts = [
        partial(site.ledger.create_list, ids.new(), name="Mine"),
        partial(site.ledger.add_to_list, list_id, member_ids=[ada]),
        partial(site.ledger.end_list, list_id),
    ]
    for act in acts:
        with pytest.raises(Forbidden):
            act(by=Actor(kind="member", id=ada), cause=cause())
    assert site.topics(list_id) == ["list.created"]


def test_something_else_is_no_list(site: Site) -> None:
    with pytest.raises(NotFound):
        add(site, site.person("ada"))
