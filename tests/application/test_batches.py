"""Many use cases in one save: the same books as one by one, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any
from uuid import UUID

import pytest

from ledger import ids
from ledger.application import Known, Ledger
from ledger.discount import DiscountRules
from ledger.errors import (
    AlreadyMember,
    CodeAlreadyUsed,
    EmailTaken,
    MembershipEnded,
    NotFound,
)
from ledger.facts import Cause
from ledger.order import Order
from ledger.store.refusals import ClaimTaken, StreamMoved
from tests.application.sites import (
    FREE,
    MONTHLY,
    SENDS_LATER_BACK,
    STAFF,
    VISA,
    Site,
    cause,
    eur,
    opened,
    themself,
)
from tests.conftest import FreshDatabases


class Tale:
    """A story whose every id is derived, so that it can be told twice alike."""

    def __init__(self, site: Site) -> None:
        self.site, self._causes = site, 0

    def because(self) -> Cause:
        """The next cause."""
        self._causes += 1
        return Cause(kind="request", id=ids.derived(ids.SITE, "tale", self._causes))

    def person(self, name: str) -> UUID:
        """Someone signs up."""
        member_id = ids.derived(ids.SITE, "tale", name)
        self.site.ledger.open_account(
            member_id,
            email=f"{name}@example.org",
            name=name,
            locale="en",
            by=themself(member_id),
            cause=self.because(),
        )
        return member_id

    def joins(self, member_id: UUID, plan_id: UUID, card: str = VISA) -> UUID:
        """Someone joins; the membership."""
        one = self.because()
        self.site.join(member_id, plan_id, card, "SPRING", because=one)
        return ids.derived(one.id, "membership")


def told(site: Site, plan_id: UUID, together: Callable[[], Any]) -> list[UUID]:
    """Two months of four people, each day within `together`; the people."""
    tale, ledger = Tale(site), site.ledger
    with together():
        people = [tale.person(name) for name in ("a", "b", "c", "d")]
        a, b, c, d = people
        stays = [tale.joins(a, plan_id), tale.joins(b, plan_id), tale.joins(c, plan_id)]
        with pytest.raises(AlreadyMember):
            tale.joins(a, plan_id)
        site.join(d, plan_id, "pm_card_chargeDeclined", "SPRING", because=tale.because())
        ledger.tag(a, "vip", by=STAFF, cause=tale.because())
        ledger.tag(b, "vip", by=STAFF, cause=tale.because())
    site.later(28)
    with together():
        for member_id, stay in zip(people, stays, strict=False):
            site.collection.charge_due(member_id, stay, cause=tale.because())
        site.ledger.self_cancel(a, stays[0], by=themself(a), cause=tale.because())
        ledger.remove_memberships(b, [stays[1]], "rude", by=STAFF, cause=tale.because())
        order_id = ids.order(stays[0], 1)
        site.collection.refund(order_id, eur(100), "sorry", by=STAFF, cause=tale.because())
        with pytest.raises(MembershipEnded):
            ledger.remove_memberships(b, [stays[1]], "rude", by=STAFF, cause=tale.because())
        tale.joins(d, plan_id)
        ledger.change_email(c, "other@example.org", by=themself(c), cause=tale.because())
        tale.person("c2")
    return people


def written(site: Site) -> list[Any]:
    """Everything in the books, in order."""
    facts = site.ledger._fact_mapper.open_records(site.ledger._fact_recorder.read(0, 10_000))
    return [fact.model_dump() for fact in facts]


@pytest.mark.parametrize("carried", [False, True])
def test_the_books_are_the_same_with_batches_and_without(
    database: str, fresh_databases: FreshDatabases, template: str, carried: bool
) -> None:
    known = Known() if carried else None
    with opened(database) as site:
        told(site, _prepared(site), lambda: site.ledger.batch(known))
        batched = written(site)
    with fresh_databases.copy_of(template) as other, opened(other) as site:
        told(site, _prepared(site), nullcontext)
        one_by_one = written(site)
    assert batched == one_by_one


def _prepared(site: Site) -> UUID:
    """A plan and a code of the tale; the plan."""

    def because(word: str) -> Cause:
        return Cause(kind="request", id=ids.derived(ids.SITE, "prepared", word))

    plan_id = ids.derived(ids.SITE, "tale", "plan")
    ledger = site.ledger
    ledger.draft_plan(plan_id, name="Gold", description="", by=STAFF, cause=because("draft"))
    ledger.set_price(plan_id, MONTHLY, by=STAFF, cause=because("price"))
    ledger.open_plan(plan_id, by=STAFF, cause=because("open"))
    ledger.make_discount(
        ids.derived(ids.SITE, "tale", "code"),
        code="SPRING",
        rules=DiscountRules(percent=50, once_per_person=False, total_uses=50),
        by=STAFF,
        cause=because("code"),
    )
    return plan_id


def test_nothing_is_saved_when_an_exception_leaves_the_block(site: Site) -> None:
    plan_id, known = site.plan(), Known()
    before = site.ledger.position_of(plan_id)
    with pytest.raises(ZeroDivisionError), site.ledger.batch(known):  # noqa: PT012
        member_id = site.person()
        site.join(member_id, plan_id)
        _ = 1 // 0
    assert not known.aggregates
    assert not known.begun
    assert site.ledger.member_by_email("ada@example.org") is None
    with pytest.raises(NotFound):
        site.ledger.member(member_id)
    assert site.ledger.position_of(plan_id) == before
    assert site.person("ada")


def test_a_batch_that_cannot_be_saved_is_forgotten(site: Site) -> None:
    known = Known()
    with pytest.raises(ClaimTaken), site.ledger.batch(known):  # noqa: PT012
        inside = site.person("ada")
        _signs_up_elsewhere(site, "ada")
    assert not known.aggregates
    with pytest.raises(NotFound):
        site.ledger.member(inside)


def _signs_up_elsewhere(site: Site, name: str) -> None:
    other = site.ledger_of(Ledger)
    member_id = ids.new()
    other.open_account(
        member_id,
        email=f"{name}@example.org",
        name=name,
        locale="en",
        by=themself(member_id),
        cause=cause(),
    )


def test_a_refused_use_case_leaves_nothing_to_the_next(site: Site) -> None:
    member_id, plan_id, stay = site.joined(FREE)
    with site.ledger.batch():
        with pytest.raises(NotFound):
            site.remove(member_id, stay.membership_id, ids.new())
        assert site.opens(member_id, plan_id)
        site.ledger.tag(member_id, "vip", by=STAFF, cause=cause())
    assert site.opens(member_id, plan_id)
    assert site.topics(member_id)[-1] == "member.tagged"


def test_what_a_refusal_undoes_is_no_more_than_its_own(site: Site) -> None:
    plan_id = site.plan(FREE)
    with site.ledger.batch():
        member_id = site.person()
        site.join(member_id, plan_id, None)
        stay = site.stay(member_id)
        site.ledger.tag(member_id, "vip", by=STAFF, cause=cause())
        with pytest.raises(MembershipEnded):
            site.ledger.remove_memberships(
                member_id,
                [stay.membership_id, _removed(site, member_id)],
                "x",
                by=STAFF,
                cause=cause(),
            )
        assert site.opens(member_id, plan_id)
    assert site.ledger.member(member_id).tags == {"vip"}
    assert site.opens(member_id, plan_id)


def _removed(site: Site, member_id: UUID) -> UUID:
    """A membership of theirs that is over."""
    other_id = site.plan(FREE, "Silver")
    site.join(member_id, other_id, None)
    over = site.stay(member_id)
    site.remove(member_id, over.membership_id)
    return over.membership_id


def test_a_batch_that_relied_on_what_has_moved_is_not_saved(site: Site) -> None:
    plan_id, known = site.plan(FREE), Known()
    with site.ledger.batch(known):
        first = site.person("a")
        site.join(first, plan_id, None)
    with pytest.raises(StreamMoved), site.ledger.batch(known):  # noqa: PT012
        second = site.person("b")
        site.join(second, plan_id, None)
        site.ledger_of(Ledger).close_plan(plan_id, by=STAFF, cause=cause())
    assert site.ledger.member_by_email("b@example.org") is None


def test_within_a_batch_uniqueness_holds(site: Site) -> None:
    plan_id = site.plan()
    site.code("ONCE")
    with site.ledger.batch():
        first = site.person("ada")
        with pytest.raises(EmailTaken):
            site.person("ADA")
        site.join(first, plan_id, code="ONCE")
        with pytest.raises(CodeAlreadyUsed):
            site.join(first, site.plan(MONTHLY, "Silver"), code="ONCE")
        site.ledger.change_email(first, "new@example.org", by=themself(first), cause=cause())
        second = site.person("ada")
        assert site.ledger.member_by_email("ada@example.org") == second
    assert site.ledger.member_by_email("ada@example.org") == second
    assert site.ledger.member_by_email("new@example.org") == first


def test_an_account_closed_within_a_batch_frees_its_address(site: Site) -> None:
    stored = site.person("bob")
    with site.ledger.batch():
        for member_id in (site.person("ada"), site.person("carl"), stored):
            site.ledger.close_account(member_id, "a double", by=STAFF, cause=cause())
        again = [site.person("ada"), site.person("bob")]
    found = [site.ledger.member_by_email(f"{name}@example.org") for name in ("ada", "bob")]
    assert found == again
    assert site.ledger.member_by_email("carl@example.org") is None
    assert site.person("carl")


def test_what_is_carried_along_is_what_is_in_the_books(site: Site) -> None:
    plan_id, known = site.plan(), Known()
    for card in (VISA, SENDS_LATER_BACK):
        with site.ledger.batch(known):
            member_id = site.person(card)
            site.join(member_id, plan_id, card)
    site.later(28)
    with site.ledger.batch(known):
        for member_id in [m for m in known.aggregates if m in known.begun]:
            for stay in getattr(known.aggregates[member_id], "memberships", {}):
                site.charge(member_id, stay)
    known.put_away(Order)
    for stream_id, carried in known.aggregates.items():
        stored = site.ledger.load(type(carried), stream_id)
        assert (stored.version, vars(stored)) == (carried.version, vars(carried))


def test_whose_a_payment_is_may_be_asked_before_and_after_it_came_in(site: Site) -> None:
    plan_id, known = site.plan(), Known()
    with site.ledger.batch(known=known):
        joined = site.join(site.person(), plan_id)
        (reference,) = site.ledger.order(joined.order_id).references
        assert site.ledger.order_of_payment("another") is None
        assert site.ledger.order_of_payment(reference) == joined.order_id
    with site.ledger.batch(known=known):
        assert site.ledger.order_of_payment(reference) == joined.order_id
    late = site.person("bo")
    with site.ledger.batch(known=known):
        second = site.join(late, plan_id)
    (reference,) = site.ledger.order(second.order_id).references
    with site.ledger.batch(known=known):
        assert site.ledger.order_of_payment("another") is None
        assert site.ledger.order_of_payment(reference) == second.order_id


def test_a_batch_within_a_batch_is_refused(site: Site) -> None:
    with site.ledger.batch(), pytest.raises(RuntimeError, match="open already"):
        site.ledger.batch().__enter__()
    assert not site.ledger.is_batching
