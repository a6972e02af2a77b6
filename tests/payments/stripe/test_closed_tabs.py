"""Cards that a bank approved after their member had closed the page: the notice saves them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from ledger.facts import Cause
from ledger.payments.gateway import Setup
from tests.application.sites import SENDS_LATER_BACK, STAFF, cause, eur, themself
from tests.payments.stripe.shop import Shop

ASKS_ONCE = "pm_card_authenticationRequiredOnSetup"
ASKS = "pm_card_authenticationRequired"
SAVED = {"member.method_saved", "member.method_replaced"}


def gives(shop: Shop, member_id: UUID, card: str = ASKS_ONCE, by: Cause | None = None) -> Setup:
    """The member gives a card on our page."""
    return shop.site.collection.save_method(
        member_id, method_token=shop.stage.card(card), by=themself(member_id), cause=by or cause()
    )


def saved(shop: Shop, member_id: UUID) -> str | None:
    """The last digits of the saved card."""
    method = shop.site.ledger.member(member_id).method
    return method.last_four if method else None


def times_saved(shop: Shop, member_id: UUID) -> int:
    return len([topic for topic in shop.site.topics(member_id) if topic in SAVED])


def owing(shop: Shop) -> tuple[UUID, UUID]:
    """A member whose renewal failed, and the membership."""
    member_id, _ = shop.join(SENDS_LATER_BACK)
    membership_id = shop.site.stay(member_id).membership_id
    shop.site.later(31)
    assert shop.site.charge(member_id, membership_id).outcome == "declined"
    return member_id, membership_id


def test_a_card_approved_after_its_page_was_closed_is_saved_and_charged_what_is_due(  # DU3
    shop: Shop,
) -> None:
    member_id, _ = owing(shop)
    setup = gives(shop, member_id)
    shop.stage.confirm(setup.action, approved=True)
    assert saved(shop, member_id) == "0341"
    assert shop.hear().is_well
    assert saved(shop, member_id) == "3155"
    assert shop.site.stay(member_id).billing == "current"
    assert (times_saved(shop, member_id), shop.balance()) == (2, eur(2_400))


def test_the_first_card_of_all_is_saved_so_too(shop: Shop) -> None:
    member_id = shop.site.person()
    shop.stage.confirm(gives(shop, member_id).action, approved=True)
    assert shop.hear().is_well
    assert saved(shop, member_id) == "3155"


@pytest.mark.parametrize("first", ["page", "notice"])
def test_a_page_that_comes_back_and_a_notice_save_the_card_once(shop: Shop, first: str) -> None:
    member_id, command, token = shop.site.person(), cause(), shop.stage.card(ASKS_ONCE)
    asked: dict[str, Any] = {"method_token": token, "by": themself(member_id), "cause": command}
    waiting = shop.site.collection.save_method(member_id, **asked)
    shop.stage.confirm(waiting.action, approved=True)
    if first == "notice":
        shop.hear()
    assert shop.site.collection.save_method(member_id, **asked).status == "succeeded"
    assert shop.hear().is_well
    assert (saved(shop, member_id), times_saved(shop, member_id)) == ("3155", 1)


def test_a_card_that_was_chosen_since_stays(shop: Shop) -> None:  # AC6
    member_id = shop.site.person()
    before = gives(shop, member_id)
    shop.site.later(hours=1)
    gives(shop, member_id, "pm_card_mastercard")
    shop.stage.confirm(before.action, approved=True)
    assert shop.hear().is_well
    assert saved(shop, member_id) == "4444"


def test_whoever_removed_their_card_since_has_none(shop: Shop) -> None:  # AC6
    member_id = shop.site.person()
    gives(shop, member_id, "pm_card_visa")
    before = gives(shop, member_id)
    shop.site.later(hours=1)
    shop.site.collection.methods.remove(member_id, by=themself(member_id), cause=cause())
    shop.stage.confirm(before.action, approved=True)
    assert shop.hear().is_well
    assert saved(shop, member_id) is None


@pytest.mark.parametrize("turned", [False, True], ids=["as told", "turned round"])
def test_of_two_closed_pages_the_later_one_counts_however_they_are_told(  # DU9
    shop: Shop, turned: bool
) -> None:
    member_id = shop.site.person()
    first = gives(shop, member_id)
    shop.site.later(hours=1)
    second = gives(shop, member_id, ASKS)
    for setup in (second, first):
        shop.stage.confirm(setup.action, approved=True)
    shop.site.later(hours=1)
    told = list(shop.stage.sent())
    for one in told[::-1] if turned else told:
        shop.inbox.receive(one.raw, one.headers)
        shop.inbox.work()
    assert saved(shop, member_id) == "3184"


def test_a_card_that_the_bank_refused_is_not_saved(shop: Shop) -> None:
    member_id = shop.site.person()
    shop.stage.confirm(gives(shop, member_id).action, approved=False)
    assert shop.hear().is_well
    assert saved(shop, member_id) is None


def test_a_card_that_staff_saved_at_the_company_is_none_of_the_members(shop: Shop) -> None:  # AC6
    member_id = shop.site.person()
    customer = shop.stage.stripe.ensure_customer(member_id=member_id)
    shop.stage.emulator.intents.create_setup(
        {"customer": customer.id, "payment_method": "pm_card_visa", "metadata": {}}
    )
    assert shop.hear().is_well
    assert saved(shop, member_id) is None


def test_an_account_that_was_closed_meanwhile_stays_as_it_is(shop: Shop) -> None:
    member_id = shop.site.person()
    waiting = gives(shop, member_id)
    shop.site.ledger.close_account(member_id, "never came", by=STAFF, cause=cause())
    shop.stage.confirm(waiting.action, approved=True)
    assert shop.hear().outcomes["retrying"] == 0
    assert saved(shop, member_id) is None


def test_a_crash_before_the_charge_is_made_good_when_the_notice_is_tried_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    member_id, _ = owing(shop)
    shop.stage.confirm(gives(shop, member_id).action, approved=True)
    with monkeypatch.context() as broken:
        broken.setattr(shop.inbox.observing.collection, "charge_unpaid", lambda *_, **__: 1 // 0)
        shop.hear()
    assert saved(shop, member_id) == "3155"
    shop.site.later(hours=1)
    assert shop.inbox.work().is_well
    assert shop.site.stay(member_id).billing == "current"
    assert (times_saved(shop, member_id), shop.balance()) == (2, eur(2_400))


def test_a_card_given_on_the_companys_page_is_saved_though_nobody_came_back(shop: Shop) -> None:
    member_id, command = shop.site.person(), cause()
    address = shop.site.collection.methods.for_customer(
        member_id,
        lambda customer: shop.stage.stripe.start_checkout(
            attempt=command.id, customer_id=customer.id, back_to="https://site.example/?session="
        ),
    )
    shop.stage.emulator.give_on_page(address.rpartition("/")[2], "pm_card_mastercard")
    assert shop.hear().is_well
    assert (saved(shop, member_id), times_saved(shop, member_id)) == ("4444", 1)
