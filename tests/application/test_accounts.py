"""Accounts: addresses, payment methods, and what staff write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from ledger import ids
from ledger.application import Ledger
from ledger.errors import (
    AccountClosed,
    AccountHasHistory,
    EmailTaken,
    Forbidden,
    LedgerError,
    MethodForbidden,
    NotFound,
    TooManyTags,
)
from ledger.facts import Actor
from ledger.terms import Terms
from tests.application.sites import (
    FREE,
    MONTHLY,
    ONE_TIME,
    STAFF,
    Site,
    cause,
    eur,
    themself,
)

CARD = {
    "method_id": "pm_1",
    "customer_id": "cus_1",
    "brand": "visa",
    "last_four": "4242",
    "fingerprint": "f",
    "expires": "2031-04",
    "country": "FR",
}


def close(site: Site, member_id: UUID) -> int:
    return site.ledger.close_account(member_id, "a double", by=STAFF, cause=cause())


# --- closing ----------------------------------------------------------------------------


def test_staff_close_an_account_that_never_bought_or_joined(site: Site) -> None:  # AC4
    member_id = site.person()
    assert close(site, member_id)
    with pytest.raises(AccountClosed):
        site.join(member_id, site.plan(FREE), None)


@pytest.mark.parametrize("terms", [FREE, ONE_TIME])
def test_an_account_that_joined_is_not_closed_even_after_the_end(  # AC4
    site: Site, terms: Terms
) -> None:
    member_id, _, stay = site.joined(terms)
    site.remove(member_id, stay.membership_id)
    with pytest.raises(AccountHasHistory, match="joined a plan"):
        close(site, member_id)


def test_an_account_whose_payment_failed_is_not_closed(site: Site) -> None:  # AC4
    member_id, plan_id = site.person(), site.plan()
    assert site.join(member_id, plan_id, "pm_card_chargeDeclined").outcome == "declined"
    with pytest.raises(AccountHasHistory, match="ordered something"):
        close(site, member_id)


# --- addresses --------------------------------------------------------------------------


def test_one_address_has_one_open_account_however_it_is_spelled(site: Site) -> None:  # AC5
    first = site.person("ada")
    for spelling in ("ADA", "ada", "\uff41da"):  # the last with a wide a
        with pytest.raises(EmailTaken):
            site.person(spelling)
    assert site.ledger.member_by_email("Ada@EXAMPLE.org") == first


def test_an_address_that_was_given_up_is_free_for_another(site: Site) -> None:  # AC5
    first = site.person("ada")
    site.ledger.change_email(first, "new@example.org", by=themself(first), cause=cause())
    second = site.person("ada")
    assert site.ledger.member_by_email("ada@example.org") == second
    assert site.ledger.member_by_email("new@example.org") == first
    with pytest.raises(EmailTaken):
        site.ledger.change_email(second, "NEW@example.org", by=themself(second), cause=cause())


def test_a_person_may_spell_their_own_address_otherwise(site: Site) -> None:  # part of AC5
    member_id = site.person("ada")
    site.ledger.change_email(member_id, "Ada@Example.org", by=themself(member_id), cause=cause())
    assert site.ledger.member(member_id).email == "Ada@Example.org"
    assert site.ledger.member_by_email("ada@example.org") == member_id


# --- payment methods --------------------------------------------------------------------


@pytest.mark.parametrize(
    "actor",
    [
        STAFF,
        Actor(kind="machine"),
        Actor(kind="program", id=ids.new()),
        Actor(kind="scheduler"),
        Actor(kind="member", id=ids.new()),
    ],
)
def test_nobody_else_touches_a_payment_method(site: Site, actor: Actor) -> None:  # AC6
    member_id, _, _ = site.joined()
    why: dict[str, Any] = {"by": actor, "cause": cause()}
    for act in (
        lambda: site.ledger.save_method(member_id, CARD, **why),
        lambda: site.ledger.remove_method(member_id, **why),
        lambda: site.collection.save_method(member_id, method_token="pm_card_amex", **why),
        lambda: site.collection.methods.remove(member_id, **why),
    ):
        with pytest.raises(MethodForbidden):
            act()
    method = site.ledger.member(member_id).method
    assert method is not None
    assert method.last_four == "4242"


def test_a_replaced_method_is_forgotten_by_the_payment_company(site: Site) -> None:  # AC6
    member_id, _, stay = site.joined()
    before = site.ledger.member(member_id).method
    site.collection.save_method(
        member_id, method_token="pm_card_amex", by=themself(member_id), cause=cause()
    )
    after = site.ledger.member(member_id).method
    assert before is not None
    assert after is not None
    assert (before.brand, after.brand) == ("visa", "amex")
    customer = site.sandbox.ensure_customer(member_id=member_id)
    tried = site.sandbox.charge_offsession(
        attempt=ids.new(), customer_id=customer.id, method_id=before.method_id, amount=eur(100)
    )
    assert tried.status == "failed"
    site.later(28)
    assert site.charge(member_id, stay.membership_id).outcome == "settled"


def test_a_removed_method_leaves_the_renewal_to_the_member(site: Site) -> None:  # AC6
    member_id, plan_id, stay = site.joined()
    site.collection.methods.remove(member_id, by=themself(member_id), cause=cause())
    site.later(28)
    site.charge(member_id, stay.membership_id)
    assert site.stay(member_id).billing == "action_required"
    assert site.opens(member_id, plan_id)
    with pytest.raises(NotFound):
        site.collection.methods.remove(member_id, by=themself(member_id), cause=cause())


# --- what the member sees and does ------------------------------------------------------


def test_a_member_sees_their_plan_dates_price_method_and_orders(site: Site) -> None:  # AC8
    member_id, plan_id, stay = site.joined(MONTHLY)
    member = site.ledger.member(member_id)
    order = site.ledger.order(ids.order(stay.membership_id, 0))
    assert (stay.plan_id, stay.plan_name, stay.terms) == (plan_id, "Gold", MONTHLY)
    assert stay.joined_at.isoformat() == "2025-01-31T12:00:00+00:00"
    assert stay.period_end is not None
    assert stay.period_end.isoformat() == "2025-02-28T12:00:00+00:00"
    assert member.method is not None
    assert (member.method.brand, member.method.last_four) == ("visa", "4242")
    assert member.method.expires == "2099-12"
    assert order.paid == eur(1_200)


def test_a_member_cancels_returns_and_changes_who_they_are(site: Site) -> None:  # AC8
    member_id, _, stay = site.joined()
    by = themself(member_id)
    site.cancel(member_id, stay.membership_id)
    site.ledger.withdraw_cancellation(member_id, stay.membership_id, by=by, cause=cause())
    site.ledger.rename(member_id, "Ada Lovelace", by=by, cause=cause())
    site.ledger.choose_locale(member_id, "fr", by=by, cause=cause())
    member = site.ledger.member(member_id)
    assert (member.name, member.locale) == ("Ada Lovelace", "fr")
    assert site.stay(member_id).cancelled_at is None


# --- what staff write -------------------------------------------------------------------


def test_a_site_has_250_distinct_tags_and_no_more(site: Site) -> None:  # AC9
    assert site.ledger.rules.most_tags == 250
    member_id, other_id = site.person("a"), site.person("b")
    with site.ledger.batch():
        for number in range(250):
            site.ledger.tag(member_id, f"tag {number}", by=STAFF, cause=cause())
    with pytest.raises(TooManyTags, match="250"):
        site.ledger.tag(other_id, "tag 250", by=STAFF, cause=cause())
    site.ledger.tag(other_id, "tag 249", by=STAFF, cause=cause())
    assert site.ledger.member(other_id).tags == {"tag 249"}


def test_a_note_keeps_its_author_and_time_and_is_corrected_by_a_new_fact(site: Site) -> None:  # AC9
    member_id, note_id = site.person(), ids.new()
    site.ledger.write_note(member_id, note_id, "Pays by cheque", by=STAFF, cause=cause())
    site.later(1)
    site.ledger.correct_note(member_id, note_id, "Pays by card", by=STAFF, cause=cause())
    written, corrected = site.facts(member_id)[1:]
    assert (written.text, corrected.text) == ("Pays by cheque", "Pays by card")
    assert written.actor == STAFF
    assert (corrected.occurred_at - written.occurred_at).days == 1
    assert site.ledger.member(member_id).notes == {note_id: "Pays by card"}


@pytest.mark.parametrize("kind", ["member", "scheduler", "gateway"])
def test_only_staff_do_what_staff_do(site: Site, kind: Any) -> None:  # AC9, OR3
    member_id, plan_id, stay = site.joined()
    order_id = ids.order(stay.membership_id, 0)
    ledger: Ledger = site.ledger
    why: dict[str, Any] = {"by": Actor(kind=kind, id=member_id), "cause": cause()}
    acts = [
        lambda: ledger.tag(member_id, "vip", **why),
        lambda: ledger.untag(member_id, "vip", **why),
        lambda: ledger.write_note(member_id, ids.new(), "x", **why),
        lambda: ledger.remove_memberships(member_id, [stay.membership_id], "x", **why),
        lambda: ledger.close_account(member_id, "x", **why),
        lambda: ledger.request_refund(order_id, eur(1), "x", refund_id=ids.new(), **why),
        lambda: ledger.close_plan(plan_id, **why),
        lambda: ledger.draft_plan(ids.new(), name="P", description="", **why),
    ]
    refused = [_refusal(act) for act in acts]
    assert {type(each) for each in refused} == {Forbidden}
    assert site.topics(order_id)[-1] == "order.paid"


def _refusal(act: Callable[[], object]) -> LedgerError | None:
    try:
        act()
    except LedgerError as refusal:
        return refusal
    return None
