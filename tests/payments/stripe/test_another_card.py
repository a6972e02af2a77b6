"""While a bank asks about one card, the member pays with another: never with both."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import pytest

from ledger.billing.dues import Dues
from ledger.billing.outcomes import Collected
from ledger.payments.gateway import OutcomeUnknown
from tests.application.sites import SENDS_LATER_BACK, cause, eur, themself
from tests.payments.stripe.shop import Shop

ASKS, VISA = "pm_card_authenticationRequired", "pm_card_visa"


def pays(shop: Shop, member_id: UUID, card: str) -> Collected:
    """The member pays the renewal with a card."""
    return Dues(shop.site.collection).pay(
        member_id,
        shop.site.stay(member_id).membership_id,
        method_token=shop.stage.card(card),
        by=themself(member_id),
        cause=cause(),
    )


@pytest.fixture
def asked(shop: Shop) -> tuple[UUID, str]:
    """A member whose bank asks about the renewal, and what it asks about."""
    member_id, _ = shop.join(SENDS_LATER_BACK)
    shop.site.later(31)
    shop.site.charge(member_id, shop.site.stay(member_id).membership_id)
    waiting = pays(shop, member_id, ASKS)
    assert waiting.action is not None
    return member_id, waiting.action


def test_the_first_payment_is_called_off_before_the_other_card_is_charged(  # part of OR1
    shop: Shop, asked: tuple[UUID, str]
) -> None:
    member_id, action = asked
    assert pays(shop, member_id, VISA).outcome == "settled"
    shop.stage.confirm(action, approved=True)
    assert shop.hear().is_well
    assert shop.balance() == eur(2_400)
    told = [event["type"] for event in shop.stage.emulator.company.events]
    assert "payment_intent.canceled" in told


def test_a_bank_that_approves_just_as_it_is_called_off_is_paid_alone(  # part of OR1
    shop: Shop, asked: tuple[UUID, str]
) -> None:
    member_id, action = asked

    def approves(_method: str, path: str) -> None:
        if path.endswith("/cancel"):
            shop.stage.confirm(action, approved=True)

    shop.stage.emulator.fate = approves
    assert pays(shop, member_id, VISA).outcome == "settled"
    assert shop.hear().is_well
    assert shop.balance() == eur(2_400)
    saved = shop.site.ledger.member(member_id).method
    assert saved is not None
    assert saved.last_four == "3184"


@pytest.mark.parametrize("lost", ["call", "answer"])
def test_until_it_is_surely_called_off_no_other_card_is_charged(  # part of OR1
    shop: Shop, asked: tuple[UUID, str], lost: Literal["call", "answer"]
) -> None:
    member_id, action = asked
    left = [3]

    def loses(_method: str, path: str) -> Literal["call lost", "answer lost"] | None:
        if not path.endswith("/cancel") or not left[0]:
            return None
        left[0] -= 1
        return "call lost" if lost == "call" else "answer lost"

    shop.stage.emulator.fate = loses
    with pytest.raises(OutcomeUnknown):
        pays(shop, member_id, VISA)
    assert shop.balance() == eur(1_200)
    assert pays(shop, member_id, VISA).outcome == "settled"
    shop.stage.confirm(action, approved=True)
    assert shop.hear().is_well
    assert shop.balance() == eur(2_400)
