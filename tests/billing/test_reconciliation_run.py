"""Reconciling a site with its payment company: what differs, by class, and what is mended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from ledger import ids
from ledger.billing import reconciliation_run
from ledger.billing.observing import Observing
from ledger.billing.outcomes import Collected
from ledger.billing.reconciliation_run import Reconciler, Report
from ledger.errors import GatewayChanged, RangeMalformed
from ledger.facts import Cause
from ledger.money import Money
from ledger.order import Moved
from ledger.payments.balance import Movement
from ledger.payments.gateway import Identity, Observation
from ledger.payments.sandbox import Sandbox
from tests.application.sites import (
    GATEWAY,
    MONTHLY,
    SCHEDULER,
    STAFF,
    VISA,
    Site,
    cause,
    eur,
    opened,
)


@pytest.fixture
def site(database: str) -> Iterator[Site]:
    with opened(database) as site:
        yield site


@dataclass
class Other:
    """The sandbox, but for what is told otherwise of it."""

    sandbox: Sandbox
    account: str = "sandbox"
    change: Callable[[Movement], Movement | None] = lambda one: one
    added: Sequence[Movement] = ()

    def identify(self) -> Identity:
        return Identity(self.account, "test")

    def list_movements(self, *, since: datetime, until: datetime) -> list[Movement]:
        listed = map(self.change, self.sandbox.list_movements(since=since, until=until))
        return [*(one for one in listed if one), *(a for a in self.added if since <= a.at < until)]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sandbox, name)


@dataclass
class Office:
    """Reconciles a site; what is ours is taken in as a notice is."""

    site: Site
    gateway: Any

    def run(self, **asked: Any) -> Report:
        self.site.later(hours=1)
        reconciler = Reconciler(self.site.ledger, self.gateway, self.take_in)
        return reconciler.run(by=SCHEDULER, cause=cause(), **asked)

    def take_in(self, found: Observation, why: Cause) -> None:
        Observing(self.site.ledger, self.site.collection).take_in(found, cause=why)


def classes(report: Report) -> list[str]:
    return [one.drift for one in report.found]


def a_payment(site: Site, card: str = VISA, name: str = "ada") -> Collected:
    """Somebody joined and paid."""
    return site.join(site.person(name), site.plan(), card)


def reference(site: Site, paid: Collected) -> str:
    (only,) = site.ledger.order(paid.order_id).payments
    return only


# --- nothing differs --------------------------------------------------------------------


def test_a_site_that_did_nothing_reconciles(site: Site) -> None:
    report = Office(site, site.sandbox).run()
    assert report.is_clean
    assert not report.receipt.sums
    assert site.topics(ids.SITE) == ["site.founded", "site.gateway_pinned", "site.reconciled"]


def test_payments_fees_and_refunds_agree_and_add_up(site: Site) -> None:
    paid = a_payment(site)
    site.collection.refund(paid.order_id, eur(500), "late", by=STAFF, cause=cause())
    office = Office(site, site.sandbox)
    first, again = office.run(), office.run()
    assert first.is_clean
    assert again.is_clean
    (total,) = again.receipt.sums
    assert total.theirs == total.ours == 1_200 - 43 - 500
    assert (total.movements, total.facts) == (3, 3)
    assert again.receipt.mended == 0


# --- missing and ours -------------------------------------------------------------------


def test_a_fee_that_nobody_wrote_down_is(site: Site) -> None:
    paid = a_payment(site)
    report = Office(site, site.sandbox).run()
    assert report.is_clean
    assert report.receipt.mended == 1
    assert site.topics(paid.order_id)[-1] == "order.fee_recorded"


def test_a_refund_made_behind_our_back_is_taken_in(site: Site) -> None:  # part of OR7
    paid = a_payment(site)
    site.sandbox.refund(refund_id=ids.new(), payment_id=reference(site, paid), amount=eur(300))
    report = Office(site, site.sandbox).run()
    assert report.is_clean
    assert site.ledger.order(paid.order_id).refunded == eur(300)


def test_a_refund_that_was_made_and_failed_before_anybody_looked_is_taken_in_as_both(
    site: Site,
) -> None:  # part of OR7
    paid = a_payment(site, "pm_card_refundFail")
    office = Office(site, site.sandbox)
    assert office.run().is_clean
    site.sandbox.refund_at_gateway(payment_id=reference(site, paid), amount=eur(300))
    site.later(days=2)
    report, again = office.run(), office.run()
    assert not report.found
    assert (report.receipt.mended, again.receipt.mended) == (2, 0)
    assert again.is_clean
    assert site.topics(paid.order_id)[-2:] == ["order.refunded", "order.refund_failed"]
    assert site.ledger.order(paid.order_id).refunded == eur(0)


def test_a_payment_whose_notice_was_lost_is_taken_in(site: Site) -> None:
    lost = a_payment(site, "pm_card_outcomeLost")
    assert lost.outcome == "unknown"
    report = Office(site, site.sandbox).run()
    assert report.is_clean
    assert site.ledger.order(lost.order_id).is_settled
    assert report.receipt.mended == 2  # with its fee


def test_a_dispute_whose_notices_were_lost_is_taken_in(site: Site) -> None:  # part of OR7
    paid = a_payment(site, "pm_card_createDisputeProductNotReceived")
    office = Office(site, site.sandbox)
    for _ in range(30):
        site.later(days=2)
        assert office.run().is_clean
    dispute = next(iter(site.ledger.order(paid.order_id).disputes.values()))
    assert (dispute.state, dispute.funds) == ("won", eur(0))
    assert site.topics(paid.order_id).count("order.dispute_funds_moved") == 2


def test_a_dispute_that_moves_money_again_and_again_never_drifts(site: Site) -> None:  # OR7
    paid = a_payment(site)
    office, sandbox = Office(site, site.sandbox), site.sandbox
    dispute = sandbox.dispute_at_gateway(payment_id=reference(site, paid))
    assert office.run().is_clean
    for minor, fee in ((500, 0), (700, 1_500), (-1_200, -1_500), (0, 1_500)):
        site.later(days=1)
        sandbox.adjust_at_gateway(dispute_id=dispute.id, amount=eur(minor), fee=fee)
        assert office.run().is_clean
    assert office.run().receipt.mended == 0
    seen = sandbox.get_dispute(dispute_id=dispute.id)
    facts = [fact for fact in site.facts(paid.order_id) if hasattr(fact, "movement_id")]
    told = {fact.movement_id: fact.occurred_at for fact in facts}
    assert {one.id: one.at for one in seen.moved}.items() <= told.items()
    assert len(told) == len(facts)


def test_what_the_books_refuse_to_take_in_is_left_to_a_person(site: Site) -> None:
    a_payment(site, "pm_card_outcomeLost")
    office = Office(site, site.sandbox)
    office.take_in = lambda *_: None  # type: ignore[method-assign] # nothing comes of it
    report = office.run()
    assert sorted(classes(report)) == ["fee_missing", "missing_in_ledger"]


# --- for a person -----------------------------------------------------------------------


def test_an_amount_that_differs_is_told_and_no_money_is_edited(site: Site) -> None:
    paid = a_payment(site)
    more = Other(site.sandbox, change=_plus_one_cent_where("payment"))
    report = Office(site, more).run()
    assert classes(report) == ["amount"]
    (drift,) = report.found
    assert (drift.ours, drift.theirs, drift.order_id) == (eur(1_200), eur(1_201), paid.order_id)
    assert site.ledger.order(paid.order_id).paid == eur(1_200)


def test_a_movement_in_another_currency_or_mode_is_told(site: Site) -> None:
    a_payment(site)
    yen = _where("payment", lambda one: replace(one, amount=Money(1_200, "JPY")))
    assert classes(Office(site, Other(site.sandbox, change=yen)).run()) == ["currency"]
    real = _where("payment", lambda one: replace(one, mode="live"))
    assert classes(Office(site, Other(site.sandbox, change=real)).run()) == ["mode"]


def test_money_of_others_is_told_once_and_counted_every_night(site: Site) -> None:
    office, there = Office(site, site.sandbox), site.sandbox.pay_at_gateway
    for _night in range(5):
        for minor in (500, 700):
            there(customer_id=None, method=VISA, amount=eur(minor))
        site.later(days=1)
        report = office.run()
        assert classes(report) == ["foreign"]
        assert len(report.open) == 1
        (others,) = report.receipt.foreign
        assert others.movements > 0
        assert others.minor * 4 == others.movements * (500 + 700 - 33 - 36), "with their fees"
        assert (report.receipt.sums, report.receipt.mended) == ((), 0)
    (state,) = report.open
    site.ledger.accept_drift(state.drift.drift_id, "our shop", by=STAFF, cause=cause())
    there(customer_id=None, method=VISA, amount=eur(500))
    assert office.run().is_clean
    site.later(days=9)
    assert not office.run().receipt.foreign
    there(customer_id=None, method=VISA, amount=eur(500))
    assert office.run().is_clean, "what somebody accepted is no news when it comes again"
    assert site.topics(ids.SITE).count("site.drift_detected") == 1


def test_money_of_others_is_theirs_however_much_it_is(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation_run, "MOST_ASKED", 1)
    for _ in range(3):
        site.sandbox.pay_at_gateway(customer_id=None, method=VISA, amount=eur(500))
    assert classes(Office(site, site.sandbox).run()) == ["foreign"]


def test_money_of_our_customer_that_nobody_asked_for_is_left_to_a_person(site: Site) -> None:
    member_id, _plan_id, _stay = site.joined(MONTHLY)
    customer = site.sandbox.ensure_customer(member_id=member_id)
    site.sandbox.pay_at_gateway(customer_id=customer.id, method=VISA, amount=eur(77))
    report = Office(site, site.sandbox).run()
    assert sorted(classes(report)) == ["fee_missing", "missing_in_ledger"]
    assert not report.receipt.foreign


def test_money_of_ours_that_moved_nowhere_is_missing_there(site: Site) -> None:
    paid = a_payment(site)
    never = Moved("never_fee", eur(-9), site.clock.now(), is_fee=True)
    site.ledger.record_fee(paid.order_id, reference="never", moved=never, by=GATEWAY, cause=cause())
    report = Office(site, site.sandbox).run()
    assert classes(report) == ["missing_at_gateway"]
    assert report.found[0].source == "never"


def test_a_payment_that_they_say_has_not_settled_differs_in_status(site: Site) -> None:
    paid = a_payment(site)
    never = Other(site.sandbox, change=lambda _: None)
    never.get_payment = lambda payment_id: replace(  # type: ignore[attr-defined]
        site.sandbox.get_payment(payment_id=payment_id), status="cancelled", settled_at=None
    )
    (drift,) = Office(site, never).run().found
    assert (drift.drift, drift.said, drift.order_id) == ("status", "cancelled", paid.order_id)


def test_a_try_of_which_nobody_knows_for_a_day_is_stale(site: Site) -> None:
    lost = a_payment(site, "pm_card_unreachable")
    office = Office(site, site.sandbox)
    assert office.run(undecided=[lost.order_id]).is_clean
    site.later(days=1)
    assert classes(office.run(undecided=[lost.order_id, ids.new()])) == ["stale_attempt"]


# --- from run to run --------------------------------------------------------------------


def test_a_drift_is_told_once_and_resolved_when_it_is_gone_however_late(site: Site) -> None:
    a_payment(site)
    wrong = Other(site.sandbox, change=_plus_one_cent_where("payment"))
    office = Office(site, wrong)
    first = office.run()
    assert len(first.open) == 1
    assert [one.drift.drift_id for one in office.run().open] == [first.found[0].drift_id]
    site.later(days=30)
    assert len(office.run().open) == 1, "it is older than what is looked at, and still there"
    office.gateway = site.sandbox
    assert office.run().is_clean
    topics = site.topics(ids.SITE)
    assert topics.count("site.drift_detected") == topics.count("site.drift_resolved") == 1


def test_a_drift_that_a_person_accepted_is_no_news(site: Site) -> None:
    stranger = Movement("m", "payment", "pay_x", "pay_x", eur(70), site.clock.now(), "test")
    office = Office(site, Other(site.sandbox, added=[stranger]))
    (open_one,) = office.run().open
    drift_id = open_one.drift.drift_id
    site.ledger.accept_drift(drift_id, "our other shop", by=STAFF, cause=cause())
    site.later(days=5)
    assert office.run().is_clean


def test_what_was_learned_late_is_still_the_same_money(site: Site) -> None:
    paid = a_payment(site)
    Office(site, site.sandbox).run()
    site.sandbox.refund(refund_id=ids.new(), payment_id=reference(site, paid), amount=eur(300))
    site.later(days=10)
    office = Office(site, site.sandbox)
    assert office.run(since=site.clock.now() - timedelta(days=20)).receipt.mended == 1
    assert office.run().is_clean
    assert not office.run().found


def test_a_fact_that_was_recorded_late_is_looked_for_when_its_money_moved(site: Site) -> None:
    paid = a_payment(site)
    site.later(days=10)
    name = reference(site, paid)
    kept = Moved(f"{name}_fee", eur(-43), site.clock.now(), is_fee=True)
    site.ledger.record_fee(paid.order_id, reference=name, moved=kept, by=GATEWAY, cause=cause())
    report = Office(site, site.sandbox).run()
    assert not report.found
    assert report.receipt.mended == 0


def test_the_same_run_again_is_one_fact(site: Site) -> None:
    reconciler = Reconciler(site.ledger, site.sandbox, lambda *_: True)
    why = cause()
    for _ in range(2):
        reconciler.run(by=SCHEDULER, cause=why)
    assert site.topics(ids.SITE).count("site.reconciled") == 1


def test_another_account_is_refused_before_anything_is_compared(site: Site) -> None:
    Office(site, site.sandbox).run()
    with pytest.raises(GatewayChanged):
        Office(site, Other(site.sandbox, account="acct_2")).run()


@pytest.mark.parametrize(("since", "until"), [(0, 0), (-1, -2), (-1, 3)])
def test_a_range_runs_forward_and_not_into_the_future(site: Site, since: int, until: int) -> None:
    now = site.clock.now()
    asked = {"since": now + timedelta(hours=since), "until": now + timedelta(hours=until)}
    with pytest.raises(RangeMalformed):
        Office(site, site.sandbox).run(**asked)


# --- within -----------------------------------------------------------------------------


def _where(kind: str, change: Callable[[Movement], Movement]) -> Callable[[Movement], Movement]:
    return lambda one: change(one) if one.kind == kind else one


def _plus_one_cent_where(kind: str) -> Callable[[Movement], Movement]:
    return _where(kind, lambda one: replace(one, amount=one.amount + eur(1)))
