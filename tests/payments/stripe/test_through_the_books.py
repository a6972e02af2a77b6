"""From a member's card to the books and back, with Stripe in between."""

from __future__ import annotations

from tests.application.sites import STAFF, cause, eur, themself
from tests.payments.stripe.line import gateway_over
from tests.payments.stripe.shop import Shop

REAL_MONEY = {"payment", "refund"}


def test_a_year_of_a_member_balances_to_the_cent(shop: Shop) -> None:
    member_id, joined = shop.join()
    assert joined.outcome == "settled"
    stay = shop.site.stay(member_id)
    for _ in range(12):
        shop.site.later(31)
        assert shop.site.charge(member_id, stay.membership_id).outcome == "settled"
        assert shop.hear().is_well
    shop.site.collection.refund(joined.order_id, eur(500), "moved away", by=STAFF, cause=cause())
    assert shop.hear().is_well
    order = shop.site.ledger.order(joined.order_id)
    assert [(each.amount, each.state) for each in order.refunds.values()] == [(eur(500), "made")]
    assert shop.balance() == eur(13 * 1_200 - 500)
    assert "order.fee_recorded" in shop.site.topics(joined.order_id)


def test_a_renewal_never_searches_for_its_customer(shop: Shop) -> None:
    member_id, _ = shop.join()
    stay, search = shop.site.stay(member_id), ("GET", "/v1/customers/search")
    shop.stage.emulator.may_search = False  # as for an account in India
    before = shop.stage.emulator.requests.count(search)
    for _ in range(2):
        shop.site.later(31)
        again = gateway_over(shop.stage.emulator, shop.site.clock)
        shop.site.collection = shop.site.collection_through(again)
        assert shop.site.charge(member_id, stay.membership_id).outcome == "settled"
    assert shop.stage.emulator.requests.count(search) == before


def test_a_bank_is_asked_and_its_answer_heard(shop: Shop) -> None:
    member_id, joined = shop.join("pm_card_authenticationRequired")
    assert (joined.outcome, joined.action is not None) == ("waiting", True)
    assert shop.hear().is_well
    assert not shop.site.ledger.member(member_id).memberships
    shop.stage.confirm(joined.action, approved=True)
    assert shop.hear().is_well  # the member never comes back to our page
    assert shop.site.stay(member_id).billing == "current"
    assert shop.balance() == eur(1_200)


def test_a_renewal_that_fails_is_paid_with_another_card(shop: Shop) -> None:
    member_id, _ = shop.join("pm_card_chargeCustomerFail")
    stay = shop.site.stay(member_id)
    shop.site.later(31)
    assert shop.site.charge(member_id, stay.membership_id).decline_code == "generic_decline"
    shop.site.collection.save_method(
        member_id,
        method_token=shop.stage.card("pm_card_mastercard"),
        by=themself(member_id),
        cause=cause(),
    )
    assert shop.site.charge(member_id, stay.membership_id).outcome == "settled"
    assert shop.hear().is_well
    assert shop.site.stay(member_id).billing == "current"
    assert shop.balance() == eur(2_400)


def test_an_indian_renewal_settles_when_stripe_says(shop: Shop) -> None:  # part of DU4
    member_id, _ = shop.join("pm_card_in")
    stay = shop.site.stay(member_id)
    shop.site.later(31)
    assert shop.site.charge(member_id, stay.membership_id).outcome == "waiting"
    shop.site.later(hours=26)
    assert shop.hear().is_well
    assert shop.site.stay(member_id).billing == "current"
    assert shop.balance() == eur(2_400)


def test_a_refund_in_the_dashboard_reaches_the_books(shop: Shop) -> None:  # part of OR7
    _, joined = shop.join()
    [reference] = shop.site.ledger.order(joined.order_id).payments
    payment = shop.stage.stripe.get_payment(payment_id=reference)
    shop.stage.refund_there(payment, eur(700))
    assert shop.hear().is_well
    refunds = shop.site.ledger.order(joined.order_id).refunds.values()
    assert [each.amount for each in refunds] == [eur(700)]
