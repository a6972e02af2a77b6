"""What was done at the payment company, by whomever, becomes the same facts, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from ledger.payments.gateway import Mandate, MandateStatus, Payment, Resolved
from ledger.payments.sandbox_states import FEE_KNOWN_AFTER
from tests.application.gateways import faulty
from tests.application.sites import MONTHLY, SENDS_LATER_BACK, STAFF, cause, eur, themself
from tests.billing.offices import Altered, Office, see


def mandate(office: Office, member_id: UUID, status: MandateStatus) -> Mandate:
    """What the bank says of the right to debit the saved method."""
    saved = office.site.ledger.member(member_id).method
    assert saved is not None
    return Mandate("mandate_1", saved.method_id, status, "test")


def failed(payment: Payment) -> Payment:
    """The same payment, as one that did not come in."""
    return replace(payment, status="failed", settled_at=None)


def test_notices_of_what_is_known_are_no_news(office: Office) -> None:  # part of OR6
    order = office.order()
    before = office.topics(order.id)
    report = office.hear()
    assert report.outcomes["processed"]
    assert office.topics(order.id) == before


def test_two_notices_of_one_payment_are_one_fact(office: Office) -> None:  # OR6
    order = office.order("pm_card_noticeTwice")
    office.hear()
    assert office.states()["processed"] > 1
    assert office.topics(order.id).count("paid") == 1


def test_a_lost_answer_is_made_good_by_the_notice(office: Office) -> None:  # OR6, OR7
    order = office.order("pm_card_outcomeLost")
    assert office.topics(order.id)[-1] == "outcome_unknown"
    office.hear()
    assert office.topics(order.id)[-1] == "paid"
    assert office.site.opens(order.member_id, order.placed.plan_id)


def test_the_fee_is_recorded_once_it_is_known(office: Office) -> None:  # part of OR8
    order = office.order()
    office.site.later(hours=1)
    office.hear()
    office.hear()
    assert office.topics(order.id).count("fee_recorded") == 1


def test_a_fee_that_is_learned_late_is_of_the_day_on_which_it_was_kept(
    office: Office,
) -> None:  # part of NU1
    order = office.order()
    paid = office.site.facts(order.id)[-1]
    office.site.later(3)
    office.hear()
    fee = office.site.facts(order.id)[-1]
    assert (fee.TOPIC, fee.recorded_at) == ("order.fee_recorded", office.site.clock.now())
    assert fee.occurred_at == paid.occurred_at + FEE_KNOWN_AFTER


def test_a_refund_made_at_the_gateway_is_tracked_by_itself(office: Office) -> None:  # OR2, OR7
    order, sandbox = office.order(), office.site.sandbox
    for _refund in range(2):
        sandbox.refund_at_gateway(payment_id=office.reference(order.id), amount=eur(2_000))
    office.hear()
    office.hear()
    found = office.site.ledger.order(order.id)
    assert (found.refunded, found.refundable) == (eur(4_000), eur(5_900))
    assert office.topics(order.id).count("refunded") == 2


def test_a_refund_that_pends_at_the_gateway_is_under_way(office: Office) -> None:  # part of OR7
    order, sandbox = office.order("pm_card_pendingRefund"), office.site.sandbox
    sandbox.refund_at_gateway(payment_id=office.reference(order.id), amount=eur(2_000))
    office.hear()
    found = office.site.ledger.order(order.id)
    assert (found.refunded, found.refundable) == (eur(0), eur(7_900))
    office.site.later(10)
    office.hear()
    assert office.site.ledger.order(order.id).refunded == eur(2_000)


def test_a_refund_that_comes_back_is_a_fact_of_its_own(office: Office) -> None:  # OR2, OR7
    order = office.order("pm_card_refundFail")
    office.site.collection.refund(order.id, eur(9_900), "moved", by=STAFF, cause=cause())
    office.hear()
    assert office.site.ledger.order(order.id).refunded == eur(9_900)
    office.site.later(10)
    office.hear()
    assert office.topics(order.id).count("refund_failed") == 1
    found = office.site.ledger.order(order.id)
    assert (found.refunded, found.refundable) == (eur(0), eur(9_900))


def test_a_refund_seen_only_after_it_failed_was_made_and_failed(office: Office) -> None:  # OR7
    order, sandbox = office.order("pm_card_refundFail"), office.site.sandbox
    made = sandbox.refund_at_gateway(payment_id=office.reference(order.id), amount=eur(2_000))
    office.site.later(10)
    office.hear()
    office.hear()
    told = [fact for fact in office.site.facts(order.id) if "refund" in fact.TOPIC]
    assert [(fact.TOPIC, fact.occurred_at) for fact in told] == [
        ("order.refund_requested", made.made_at),
        ("order.refunded", made.made_at),
        ("order.refund_failed", made.made_at + timedelta(days=1)),
    ]
    found = office.site.ledger.order(order.id)
    assert (found.refunded, found.refundable) == (eur(0), eur(9_900))


def test_a_refund_of_ours_seen_only_after_it_failed_was_made_and_failed(
    office: Office,
) -> None:  # OR2
    order = office.order("pm_card_refundFail")
    deaf = office.site.collection_through(faulty(office.site.sandbox, "after"))
    deaf.refund(order.id, eur(2_000), "asked", by=STAFF, cause=cause())
    assert office.topics(order.id)[-1] == "refund_requested"
    office.site.later(10)
    office.site.collection.resume(order.id, cause=cause())
    assert office.topics(order.id)[-2:] == ["refunded", "refund_failed"]
    assert office.site.ledger.order(order.id).refunded == eur(0)


def test_a_refund_keeps_the_membership_whoever_made_it(office: Office) -> None:  # OR4
    order, sandbox = office.order(), office.site.sandbox
    sandbox.refund_at_gateway(payment_id=office.reference(order.id), amount=eur(9_900))
    office.hear()
    assert office.site.opens(order.member_id, order.placed.plan_id)


def test_a_failure_told_after_success_changes_nothing(office: Office) -> None:  # OR6
    order = office.order()
    stands = office.site.sandbox.get_payment(payment_id=office.reference(order.id))
    before = office.topics(order.id)
    see(office, failed(stands))
    assert office.topics(order.id) == before


def test_a_payment_that_the_company_takes_back_is_reversed(office: Office) -> None:  # part of OR7
    order = office.order()
    gone = failed(office.site.sandbox.get_payment(payment_id=office.reference(order.id)))
    inbox = office.through(Altered(office, get_payment=lambda **_: gone))
    for _notice in range(2):
        inbox.observing.take_in(gone, cause=cause())
    found = office.site.ledger.order(order.id)
    assert office.topics(order.id).count("payment_reversed") == 1
    assert (found.paid, found.refundable) == (eur(0), eur(0))


def test_money_taken_at_the_gateway_pays_what_is_owed(office: Office) -> None:  # OR7
    site = office.site
    member_id, _plan_id, stay = site.joined(MONTHLY, SENDS_LATER_BACK)
    site.later(28)
    site.charge(member_id, stay.membership_id)
    assert site.stay(member_id).billing == "past_due"
    customer = site.sandbox.ensure_customer(member_id=member_id)
    site.sandbox.pay_at_gateway(
        customer_id=customer.id, method="pm_card_visa", amount=MONTHLY.amount
    )
    office.hear()
    assert site.stay(member_id).billing == "current"


def test_money_that_nobody_owes_is_left_to_a_person(office: Office) -> None:  # part of OR7
    site = office.site
    member_id, _plan_id, _stay = site.joined(MONTHLY)
    customer = site.sandbox.ensure_customer(member_id=member_id)
    site.sandbox.pay_at_gateway(customer_id=customer.id, method="pm_card_visa", amount=eur(77))
    assert office.hear().outcomes["retrying"] == 1
    for _hour in range(14):
        site.later(hours=2)
        office.work()
    [left] = office.inbox.left_to_people()
    assert left.why == "not_known_yet"


def test_anothers_money_is_none_of_ours(office: Office) -> None:  # part of OR7
    office.site.sandbox.pay_at_gateway(customer_id=None, method="pm_card_visa", amount=eur(77))
    assert office.hear().outcomes == {"ignored_foreign": 1}


def charged_without_answer(office: Office) -> tuple[UUID, UUID, UUID]:
    """A member whose renewal was paid, which only the company knows; membership and order."""
    site = office.site
    member_id, _plan_id, stay = site.joined(MONTHLY)
    site.later(28)
    bad_line = site.collection_through(faulty(site.sandbox, "after"))
    lost = bad_line.charge_due(member_id, stay.membership_id, cause=cause())
    assert lost.outcome == "unknown"
    return member_id, stay.membership_id, lost.order_id


def test_a_payment_that_settles_after_a_removal_goes_back(office: Office) -> None:  # AX2, OR6
    member_id, membership_id, order_id = charged_without_answer(office)
    office.site.remove(member_id, membership_id)
    office.hear()
    office.hear()
    found = office.site.ledger.order(order_id)
    assert (found.paid, found.refunded) == (MONTHLY.amount, MONTHLY.amount)
    assert not office.site.stay(member_id).is_running(office.site.clock.now())


def test_two_payments_for_one_order_are_two_facts(office: Office) -> None:  # OR6
    member_id, membership_id, order_id = charged_without_answer(office)
    site = office.site
    blind = office.through(Altered(office, find_payment=lambda **_: None)).observing.collection
    site.later(2)
    assert blind.resume(order_id, cause=cause()).decline_code == "abandoned"
    saved = site.collection.save_method(
        member_id, method_token="pm_card_visa", by=themself(member_id), cause=cause()
    )
    assert saved.status == "succeeded"
    assert site.charge(member_id, membership_id).outcome == "settled"
    office.hear()
    office.hear()
    found = site.ledger.order(order_id)
    assert (len(found.payments), found.paid) == (2, MONTHLY.amount + MONTHLY.amount)
    assert found.refunded == MONTHLY.amount
    assert site.stay(member_id).charge_index == 1


# --- methods and mandates -----------------------------------------------------------------


def test_an_ended_mandate_asks_the_member_to_act(office: Office) -> None:  # part of DU3
    site = office.site
    member_id, _plan_id, stay = site.joined(MONTHLY, SENDS_LATER_BACK)
    site.later(28)
    site.charge(member_id, stay.membership_id)
    assert site.stay(member_id).billing == "past_due"
    see(office, mandate(office, member_id, "inactive"))
    assert site.stay(member_id).billing == "action_required"
    assert site.topics(member_id)[-2:] == ["member.mandate_changed", "member.action_required"]


def test_a_charge_without_a_mandate_is_not_tried(office: Office) -> None:  # part of DU3
    site = office.site
    member_id, _plan_id, stay = site.joined(MONTHLY, "pm_card_in")
    saved = site.ledger.member(member_id).method
    assert saved is not None
    site.sandbox.end_mandate_at_gateway(method_id=saved.method_id)
    office.hear()
    assert site.stay(member_id).billing == "current"
    site.later(28)
    collected = site.charge(member_id, stay.membership_id)
    assert "order.attempt_started" not in site.topics(collected.order_id)
    assert site.stay(member_id).billing == "action_required"


def test_a_mandate_given_again_makes_the_charge_due(office: Office) -> None:  # part of DU3
    site = office.site
    member_id, _plan_id, stay = site.joined(MONTHLY, SENDS_LATER_BACK)
    site.later(28)
    site.charge(member_id, stay.membership_id)
    for status in ("inactive", "inactive", "active", "active"):
        see(office, mandate(office, member_id, status))
    found = site.stay(member_id)
    assert (found.billing, found.retry_at) == ("past_due", site.clock.now())
    assert site.topics(member_id)[-2:] == ["member.mandate_changed", "member.action_cleared"]
    assert site.charge(member_id, stay.membership_id).outcome == "declined"


def test_a_renewed_card_is_kept_and_what_waits_is_due(office: Office) -> None:  # part of DU3
    site = office.site
    member_id, _plan_id, _stay = site.joined(MONTHLY, "pm_card_visa:2025-02")
    saved = site.ledger.member(member_id).method
    assert saved is not None
    site.later(29)
    site.charge(member_id, site.stay(member_id).membership_id)
    assert site.stay(member_id).billing == "action_required"
    site.sandbox.renew_at_gateway(method_id=saved.method_id, exp_year=2029, exp_month=7)
    office.hear(timedelta(days=50))
    kept = site.ledger.member(member_id).method
    assert kept is not None
    assert (kept.method_id, kept.expires) == (saved.method_id, "2029-07")
    assert site.stay(member_id).billing == "past_due"
    assert site.charge(member_id, site.stay(member_id).membership_id).outcome == "settled"


def test_a_method_that_is_gone_is_kept_no_longer(office: Office) -> None:  # part of DU3
    site = office.site
    member_id, _plan_id, _stay = site.joined(MONTHLY)
    saved = site.ledger.member(member_id).method
    assert saved is not None
    site.sandbox.detach_method(method_id=saved.method_id)
    office.hear()
    office.hear()
    assert site.ledger.member(member_id).method is None
    assert site.topics(member_id).count("member.method_removed") == 1


def test_an_unknown_kind_of_thing_is_foreign(office: Office) -> None:
    office.order()
    inbox = office.through(Altered(office, resolve=lambda _: Resolved(foreign=True)))
    office.post(office.told())
    assert set(inbox.work().outcomes) == {"ignored_foreign"}
