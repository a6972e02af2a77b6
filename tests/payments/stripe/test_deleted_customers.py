"""Customers that somebody deleted at Stripe, with all that was saved for them."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import pytest

from ledger import ids
from ledger.payments.gateway import MethodChange
from tests.application.sites import cause, eur, themself
from tests.payments.stripe.shop import Shop

MASTERCARD = "pm_card_mastercard"


def joined(shop: Shop) -> tuple[UUID, UUID]:
    """A member who pays by the month, and the membership."""
    member_id, _ = shop.join()
    return member_id, shop.site.stay(member_id).membership_id


def deleted(shop: Shop, member_id: UUID, *, named: bool = False) -> str:
    """The member's customer is deleted. Their card may go on naming them; the customer's id."""
    saved = shop.site.ledger.member(member_id).method
    assert saved is not None
    shop.stage.emulator.delete_customer(saved.customer_id)
    if named:
        shop.stage.emulator.company.kept[saved.method_id]["customer"] = saved.customer_id
    return saved.customer_id


def saves(shop: Shop, member_id: UUID) -> str:
    """The member gives another card; how that went."""
    token = shop.stage.card(MASTERCARD)
    by = themself(member_id)
    setup = shop.site.collection.save_method(member_id, method_token=token, by=by, cause=cause())
    return setup.status


@pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])
@pytest.mark.parametrize("remembers", [True, False], ids=["remembered", "asked"])
def test_a_charge_of_a_deleted_customer_asks_the_member_for_another_card(  # DU3
    shop: Shop, named: bool, remembers: bool
) -> None:
    member_id, membership_id = joined(shop)
    deleted(shop, member_id, named=named)
    if not remembers:
        shop.site.collection = shop.elsewhere()
    shop.site.later(31)
    charged = shop.site.charge(member_id, membership_id)
    assert (charged.outcome, charged.decline_code) == ("declined", "method_detached")
    stay = shop.site.stay(member_id)
    assert (stay.billing, stay.retry_at) == ("action_required", None)
    assert saves(shop, member_id) == "succeeded"
    assert shop.site.charge(member_id, membership_id).outcome == "settled"
    assert shop.balance() == eur(2_400)


def test_the_notice_of_it_takes_the_card_out_of_the_books_at_once(shop: Shop) -> None:  # DU3
    member_id, membership_id = joined(shop)
    deleted(shop, member_id)
    assert shop.hear().is_well
    assert shop.site.ledger.member(member_id).method is None
    assert shop.site.topics(member_id).count("member.method_removed") == 1
    shop.site.later(31)
    order_id = shop.site.charge(member_id, membership_id).order_id
    assert "order.attempt_started" not in shop.site.topics(order_id)
    assert shop.site.stay(member_id).billing == "action_required"
    assert saves(shop, member_id) == "succeeded"
    assert shop.site.charge(member_id, membership_id).outcome == "settled"


def test_a_card_saved_with_another_customer_since_stays(shop: Shop) -> None:
    member_id, _ = joined(shop)
    deleted(shop, member_id)
    assert saves(shop, member_id) == "succeeded"
    assert shop.hear().is_well
    method = shop.site.ledger.member(member_id).method
    assert method is not None
    assert method.brand == "mastercard"


@pytest.mark.parametrize("hours", [1, 25])
@pytest.mark.parametrize("is_heard", [True, False], ids=["heard", "unheard"])
@pytest.mark.parametrize("lost", ["call", "answer"])
def test_an_open_attempt_of_a_deleted_customer_is_decided(  # part of OR1
    shop: Shop, lost: Literal["call", "answer"], is_heard: bool, hours: int
) -> None:
    member_id, membership_id = joined(shop)
    shop.site.later(31)
    shop.stage.lose(lost)
    order_id = shop.site.charge(member_id, membership_id).order_id
    assert shop.site.ledger.order(order_id).open_attempt is not None
    deleted(shop, member_id)
    if is_heard:
        gone = next(one for one in shop.stage.sent() if b"customer.deleted" in one.raw)
        shop.inbox.receive(gone.raw, gone.headers)
        assert shop.inbox.work().is_well
    shop.site.later(hours=hours)
    shop.site.collection = shop.elsewhere()
    resumed = shop.site.collection.resume(order_id, cause=cause())
    came_in = lost == "answer"
    assert resumed.outcome == ("settled" if came_in else "declined")
    assert shop.site.ledger.order(order_id).open_attempt is None
    assert shop.balance() == eur(2_400 if came_in else 1_200)


def test_a_card_of_a_deleted_customer_can_be_removed(shop: Shop) -> None:
    member_id, _ = joined(shop)
    deleted(shop, member_id)
    by = themself(member_id)
    shop.site.collection.methods.remove(member_id, by=by, cause=cause())
    assert shop.site.ledger.member(member_id).method is None


def test_whoever_was_deleted_before_they_saved_anything_saves_a_card(shop: Shop) -> None:
    member_id = shop.site.person()
    customer = shop.stage.stripe.ensure_customer(member_id=member_id)
    shop.stage.emulator.delete_customer(customer.id)
    assert saves(shop, member_id) == "succeeded"


def test_the_companys_own_page_opens_for_a_deleted_customer_too(shop: Shop) -> None:
    member_id, _ = joined(shop)
    gone = deleted(shop, member_id)
    attempt, asked = ids.new(), set[str]()

    def opens(customer_id: str) -> str:
        asked.add(customer_id)
        return shop.stage.stripe.start_checkout(
            attempt=attempt, customer_id=customer_id, back_to="https://site.example/?session="
        )

    methods = shop.site.collection.methods
    address = methods.for_customer(member_id, lambda customer: opens(customer.id))
    assert address.startswith("https://checkout.stripe.com/")
    assert len(asked - {gone}) == 1


def test_a_method_that_was_detached_before_its_customer_was_deleted_is_told(shop: Shop) -> None:
    member_id, _ = joined(shop)
    saved = shop.site.ledger.member(member_id).method
    assert saved is not None
    shop.stage.emulator.detach(saved.method_id)
    deleted(shop, member_id)
    told = shop.stage.notices_of(saved.method_id)[-1]
    assert told.kind == "payment_method.detached"
    [seen] = shop.stage.stripe.resolve(told).observations
    assert seen == MethodChange(saved.method_id, saved.customer_id, None, "test")
