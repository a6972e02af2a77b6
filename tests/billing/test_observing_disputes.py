"""What a bank contests, as the payment company tells it, becomes the same facts, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ledger import ids
from ledger.errors import RefundBlocked
from ledger.payments.balance import Dispute, Fee, Movement
from ledger.store.refusals import ClaimTaken
from tests.application.sites import GATEWAY, STAFF, cause, eur
from tests.billing.offices import Office, see

DAY = timedelta(days=1)
FAR = 4_000 * DAY


def dispute_of(office: Office, payment_id: str, **more: Any) -> Dispute:
    """A dispute as a company may tell of it."""
    said: dict[str, Any] = {
        "id": "dp_1",
        "payment_id": payment_id,
        "amount": eur(2_000),
        "status": "open",
        "reason": "fraudulent",
        "refundable": False,
        "moved": (),
        "made_at": office.site.clock.now(),
        "closed_at": None,
        "mode": "test",
    }
    return Dispute(**{**said, **more})


def funds_of(office: Office, payment_id: str, *minors: int) -> tuple[Movement, ...]:
    """What a dispute moved of our balance, one sum after another."""
    return tuple(
        Movement(
            f"txn_{number}",
            "dispute" if minor < 0 else "dispute_reversal",
            "dp_1",
            payment_id,
            eur(minor),
            office.site.clock.now(),
            "test",
        )
        for number, minor in enumerate(minors)
    )


def test_a_dispute_goes_its_whole_way(office: Office) -> None:  # OR7, OR8
    order, sandbox = office.order(), office.site.sandbox
    dispute = sandbox.dispute_at_gateway(payment_id=office.reference(order.id))
    office.hear()
    contested = office.site.ledger.order(order.id)
    assert (contested.lost, contested.refundable) == (eur(0), eur(0))
    with pytest.raises(RefundBlocked):
        office.site.collection.refund(order.id, eur(1), "asked", by=STAFF, cause=cause())
    office.site.later(3)
    sandbox.decide_at_gateway(dispute_id=dispute.id, outcome="lost")
    office.hear()
    office.hear()
    assert office.site.ledger.order(order.id).lost == eur(9_900)
    assert office.topics(order.id).count("dispute_opened") == 1
    assert office.topics(order.id).count("dispute_closed") == 1


def test_a_dispute_that_is_won_gives_the_money_back(office: Office) -> None:  # part of OR8
    order, sandbox = office.order(), office.site.sandbox
    dispute = sandbox.dispute_at_gateway(payment_id=office.reference(order.id))
    office.hear()
    sandbox.decide_at_gateway(dispute_id=dispute.id, outcome="won")
    office.hear()
    found = office.site.ledger.order(order.id)
    assert (found.lost, found.refundable) == (eur(0), eur(9_900))
    moved = [f.amount for f in office.site.facts(order.id) if "funds" in f.TOPIC]
    assert sum((amount.minor for amount in moved), 0) == 0


def test_a_dispute_that_was_lost_and_is_won_after_all_counts_again(
    office: Office,
) -> None:  # OR7, OR8
    order, sandbox = office.order(), office.site.sandbox
    dispute = sandbox.dispute_at_gateway(payment_id=office.reference(order.id))
    office.site.later(3)
    lost = sandbox.decide_at_gateway(dispute_id=dispute.id, outcome="lost")
    office.hear()
    assert office.site.ledger.order(order.id).lost == eur(9_900)
    office.site.later(3)
    sandbox.decide_at_gateway(dispute_id=dispute.id, outcome="won")
    office.hear()
    see(office, lost)  # fetched before it was won, and taken in late
    found = office.site.ledger.order(order.id)
    assert (found.lost, found.refundable) == (eur(0), eur(9_900))
    decided = [fact for fact in office.site.facts(order.id) if "dispute_closed" in fact.TOPIC]
    assert [(fact.outcome, fact.was_lost) for fact in decided] == [("lost", False), ("won", True)]
    assert decided[1].occurred_at == office.site.clock.now()


def test_what_the_bank_says_of_a_dispute_may_change(office: Office) -> None:  # part of OR7
    order = office.order()
    payment_id = office.reference(order.id)
    inquiry = dispute_of(office, payment_id, refundable=True, reason="inquiry")
    see(office, inquiry, inquiry)
    assert office.site.ledger.order(order.id).refundable == eur(9_900)
    withdrawn = funds_of(office, payment_id, -3_000)
    see(office, dispute_of(office, payment_id, amount=eur(3_000), moved=withdrawn))
    found = office.site.ledger.order(order.id)
    assert (found.refundable, found.disputes["dp_1"].funds) == (eur(0), eur(-3_000))
    updated, moved = office.topics(order.id)[-2:]
    assert (updated, moved) == ("dispute_updated", "dispute_funds_moved")


def test_funds_that_move_decide_nothing(office: Office) -> None:  # part of OR8
    order = office.order()
    payment_id = office.reference(order.id)
    funds = funds_of(office, payment_id, -2_000, 2_000, -2_000)
    for known in (1, 2, 2, 3):
        see(office, dispute_of(office, payment_id, moved=funds[:known]))
    found = office.site.ledger.order(order.id)
    assert (found.disputes["dp_1"].state, found.lost) == ("open", eur(0))
    assert office.topics(order.id).count("dispute_funds_moved") == 3


def test_one_thing_at_the_company_is_never_told_of_two_orders(office: Office) -> None:  # OR6
    ledger, mine, other = office.site.ledger, office.order(), office.order()
    see(office, dispute_of(office, office.reference(mine.id)))
    refund = office.site.sandbox.refund_at_gateway(
        payment_id=office.reference(mine.id), amount=eur(100)
    )
    see(office, refund)
    about: dict[str, Any] = {"amount": eur(100), "by": GATEWAY, "cause": cause()}
    theirs, before = office.reference(other.id), office.topics(other.id)
    with pytest.raises(ClaimTaken):
        ledger.observe_dispute(
            other.id,
            "dp_1",
            payment_reference=theirs,
            reason="fraudulent",
            refundable=True,
            moved=[],
            outcome=None,
            opened_at=office.site.clock.now(),
            closed_at=None,
            **about,
        )
    with pytest.raises(ClaimTaken):
        ledger.observe_refund(
            other.id, refund.refund_id, payment_reference=theirs, reference=refund.id, **about
        )
    reference = office.reference(mine.id)
    with pytest.raises(ClaimTaken):
        ledger.settle_join(other.id, ids.new(), reference=reference, method=None, **about)
    assert office.topics(other.id) == before


@pytest.mark.parametrize("off", [-FAR, FAR])
def test_nothing_was_before_its_payment_nor_is_to_come_whatever_the_company_says(
    office: Office, off: timedelta
) -> None:  # part of OR7
    order, site = office.order("pm_card_refundFail"), office.site
    paid, payment_id = site.facts(order.id)[-1], office.reference(order.id)
    site.later(5)
    now = site.clock.now()
    told: dict[str, Any] = {"moved_at": now + off, "settled_at": now + off}
    refunds = [
        site.sandbox.refund_at_gateway(payment_id=payment_id, amount=eur(100)) for _ in range(2)
    ]
    moved = [replace(one, at=now + off) for one in funds_of(office, payment_id, -500)]
    see(
        office,
        replace(refunds[0], **told),
        replace(refunds[1], status="failed", failure="returned_by_bank", **told),
        Fee("txn_fee", payment_id, eur(43), now + off, "test"),
        dispute_of(
            office,
            payment_id,
            status="lost",
            moved=tuple(moved),
            made_at=now + off,
            closed_at=now + off,
        ),
    )
    news = site.facts(order.id)[paid.originator_version :]
    assert len(news) == 9
    assert {fact.occurred_at for fact in news} == {paid.occurred_at if off < DAY else now}
