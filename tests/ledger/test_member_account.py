"""A contact's account: made by the person, closed by staff only where nothing happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from ledger.errors import (
    AccountClosed,
    AccountHasHistory,
    EmailMalformed,
    EmailUnchanged,
    Forbidden,
    NameMissing,
    NoteMalformed,
    NotFound,
    TagMalformed,
)
from ledger.facts import Actor, Stamp
from ledger.member import Member, facts
from tests.ledger.stories import (
    ANNE,
    JOINED_FREE,
    NOON,
    STAY,
    anne,
    by_anne,
    by_gateway,
    by_scheduler,
    by_staff,
    day,
    names,
    past,
    recorded,
    stamp,
    uid,
)


def sign_up(*, email: str = "anne@example.org", name: str = "Anne", by: Stamp) -> Member:
    """Open an account."""
    return Member.open_account(ANNE, email=email, name=name, locale="fr", stamp=by)


def test_signing_up_makes_a_contact_with_email_and_name() -> None:  # AC1
    member = sign_up(by=by_anne())
    assert (member.email, member.name, member.locale) == ("anne@example.org", "Anne", "fr")
    assert names(member) == ["member.account_opened"]


@pytest.mark.parametrize("kind", ["contributor", "program", "machine"])
def test_staff_cannot_create_a_contact(kind: str) -> None:  # AC1
    with pytest.raises(Forbidden):
        sign_up(by=stamp(Actor.model_validate({"kind": kind, "id": ANNE}), NOON))


def test_a_contact_always_has_an_email() -> None:  # AC1
    with pytest.raises(EmailMalformed):
        sign_up(email="", by=by_anne())


def test_a_contact_always_has_a_name() -> None:  # AC1
    with pytest.raises(NameMissing):
        sign_up(name=" ", by=by_anne())


def test_an_account_alone_is_not_a_membership() -> None:  # AC2
    member = anne()
    assert member.memberships == {}
    assert member.access(STAY, NOON).rule == "never_joined"


def test_an_address_is_verified_once() -> None:  # part of AC10
    member = anne()
    member.verify_email(stamp=by_anne())
    member.verify_email(stamp=by_anne())
    assert (names(member), member.verified_email) == (["member.email_verified"], member.email)


def test_a_changed_address_counts_as_verified() -> None:  # part of AC10
    member = anne()
    member.change_email("Anne@new.example", stamp=by_anne())
    assert member.email == member.verified_email == "Anne@new.example"


def test_the_same_address_is_no_change() -> None:
    with pytest.raises(EmailUnchanged):
        anne().change_email(" anne@example.org ", stamp=by_anne())


def test_a_member_changes_name_and_language() -> None:  # part of AC8
    member = anne()
    member.rename("Anne B.", stamp=by_anne())
    member.choose_locale("fr", stamp=by_anne())
    assert (member.name, member.locale) == ("Anne B.", "fr")


def test_what_is_so_already_is_no_news() -> None:
    member = anne()
    member.rename(" Anne ", stamp=by_anne())
    member.choose_locale("en", stamp=by_anne())
    member.untag("vip", stamp=by_staff())
    assert recorded(member) == []


def test_staff_close_an_account_that_never_joined_anything() -> None:  # AC4
    member = anne()
    member.close_account("a test", has_orders=False, stamp=by_staff(day(1)))
    assert member.closed_at == day(1)


def test_an_account_that_joined_a_plan_cannot_be_closed() -> None:  # AC4
    member = anne(JOINED_FREE, past(facts.Left, day(1), membership_id=STAY))
    with pytest.raises(AccountHasHistory, match="joined a plan"):
        member.close_account("a test", has_orders=False, stamp=by_staff(day(2)))


def test_an_account_that_ordered_something_cannot_be_closed() -> None:  # AC4
    with pytest.raises(AccountHasHistory, match="ordered something"):
        anne().close_account("a test", has_orders=True, stamp=by_staff())


def test_nothing_happens_to_a_closed_account() -> None:
    member = anne(past(facts.AccountClosed, reason="a test"))
    acts: list[Callable[[], None]] = [
        lambda: member.verify_email(stamp=by_anne()),
        lambda: member.change_email("a@b.example", stamp=by_anne()),
        lambda: member.rename("Eve", stamp=by_anne()),
        lambda: member.choose_locale("fr", stamp=by_anne()),
        lambda: member.close_account("again", has_orders=False, stamp=by_staff()),
        lambda: member.remove_method(stamp=by_anne()),
        lambda: member.require_may_join(STAY, "Gold", needs_method=False, instant=NOON),
    ]
    for act in acts:
        with pytest.raises(AccountClosed):
            act()
    assert recorded(member) == []


def test_staff_tag_a_member_once() -> None:  # part of AC9
    member = anne()
    for tag in ("vip", " vip ", "press"):
        member.tag(tag, stamp=by_staff())
    member.untag("press", stamp=by_staff())
    assert member.tags == {"vip"}
    assert names(member) == ["member.tagged", "member.tagged", "member.untagged"]


def test_a_tag_is_a_word() -> None:  # part of AC9
    with pytest.raises(TagMalformed):
        anne().tag(" ", stamp=by_staff())


def test_a_note_is_corrected_by_a_new_fact() -> None:  # AC9
    member, note = anne(), uid("note")
    member.write_note(note, "Call her.", stamp=by_staff(day(1)))
    member.correct_note(note, "Called her.", stamp=by_staff(day(2)))
    assert member.notes == {note: "Called her."}
    assert names(member) == ["member.noted", "member.note_corrected"]
    assert [f.actor.kind for f in recorded(member)] == ["contributor", "contributor"]
    assert [f.occurred_at for f in recorded(member)] == [day(1), day(2)]


def test_a_note_that_is_sent_again_does_not_replace_the_first() -> None:  # AC9
    member, note = anne(), uid("note")
    member.write_note(note, "first", stamp=by_staff())
    member.write_note(note, "second", stamp=by_staff())
    assert member.notes == {note: "first"}


def test_only_a_note_that_exists_is_corrected() -> None:
    with pytest.raises(NotFound):
        anne().correct_note(uid("note"), "x", stamp=by_staff())


def test_an_empty_note_is_refused() -> None:
    with pytest.raises(NoteMalformed):
        anne().write_note(uid("note"), "", stamp=by_staff())


@pytest.mark.parametrize("by", [by_anne(), by_staff(), by_scheduler(), by_gateway()])
def test_every_fact_says_who_why_and_when(by: Stamp) -> None:  # AU2
    member = anne()
    late = replace(by, recorded_at=day(3))
    member.tag("vip", stamp=late)
    (fact,) = recorded(member)
    assert (fact.actor, fact.cause) == (by.actor, by.cause)
    assert (fact.occurred_at, fact.recorded_at) == (NOON, day(3))
    assert (fact.member_id, fact.subject_id) == (ANNE, ANNE)


@pytest.mark.parametrize(
    "instant",
    [datetime(2026, 1, 1), datetime.fromisoformat("2026-01-01T00:00+02:00")],  # noqa: DTZ001 -- the naive instant is the point
)
def test_an_instant_is_in_utc(instant: datetime) -> None:
    member = anne()
    with pytest.raises(ValidationError, match=r"[Tt]imezone"):
        member.tag("vip", stamp=by_staff(instant))
    assert recorded(member) == []
    assert member.modified_on.tzinfo is not None
    assert member.modified_on == NOON.astimezone(UTC)
