"""Nobody is charged a price of which they were not told before (PL4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from ledger.application import Ledger
from ledger.billing.dues import next_charge
from tests.application.sites import NOON, SCHEDULER, Site, cause, eur

DAY = timedelta(days=1)
INDIAN = "pm_card_in"


def charged(site: Site, member_id: UUID) -> int:
    """What the renewal that is due costs, in cents."""
    order_id = site.charge(member_id, site.stay(member_id).membership_id).order_id
    return site.ledger.order(order_id).placed.amount.minor


def foreseen(site: Site, member_id: UUID) -> int:
    """What the member is shown to be charged next, in cents."""
    following = next_charge(site.ledger, site.stay(member_id))
    assert following is not None
    return following.amount.minor


def test_a_price_of_which_a_member_was_not_told_waits_for_the_renewal_after_they_are(
    site: Site,
) -> None:  # PL4
    member_id, plan_id, _stay = site.joined()  # renews on the 28th of February, 31st of March
    price = site.dearer(plan_id, NOON + DAY)
    site.later(28)
    assert charged(site, member_id) == 1_200
    site.tell_price(member_id, price)
    site.later(31)
    assert charged(site, member_id) == 1_500
    assert site.moved() == eur(1_200 + 1_200 + 1_500)


def test_who_is_told_as_their_renewal_falls_due_was_not_told_before(site: Site) -> None:  # PL4
    member_id, plan_id, _stay = site.joined()
    price = site.dearer(plan_id, NOON + DAY)
    site.later(28)
    site.tell_price(member_id, price)
    assert charged(site, member_id) == 1_200


def test_a_charge_that_begins_early_costs_what_was_told_before_it_began(
    site: Site,
) -> None:  # PL4, DU4
    member_id, plan_id, _stay = site.joined(card=INDIAN)
    price = site.dearer(plan_id, NOON + DAY)
    site.later(27)
    site.tell_price(member_id, price)
    assert foreseen(site, member_id) == 1_200
    assert charged(site, member_id) == 1_200


def waits(ledger: Ledger, notice_id: UUID) -> None:
    """Nobody has written it yet."""
    assert ledger.notice(notice_id).is_waiting


def lost(ledger: Ledger, notice_id: UUID) -> None:
    """Its first try fails."""
    ledger.record_notice_failed(notice_id, attempt=1, why="refused", by=SCHEDULER, cause=cause())


def given_up(ledger: Ledger, notice_id: UUID) -> None:
    """It is not tried any more."""
    ledger.give_up_notice(notice_id, "no_address", by=SCHEDULER, cause=cause())


def bounced(ledger: Ledger, notice_id: UUID) -> None:
    """It comes back."""
    ledger.record_notice_bounced(notice_id, "unknown", by=SCHEDULER, cause=cause())


def sent_late(ledger: Ledger, notice_id: UUID) -> None:
    """It is sent when the renewal is due already."""
    ledger.clock.advance(28 * DAY)  # type: ignore[attr-defined]
    ledger.record_notice_sent(notice_id, attempt=1, by=SCHEDULER, cause=cause())


@pytest.mark.parametrize("happens", [waits, lost, given_up, bounced, sent_late])
def test_a_letter_that_did_not_arrive_before_told_nobody(
    site: Site, happens: Callable[[Ledger, UUID], None]
) -> None:  # PL4
    member_id, plan_id, _stay = site.joined()
    happens(site.ledger, site.queue_price(member_id, site.dearer(plan_id, NOON + DAY)))
    site.clock.advance_to(NOON + 28 * DAY)
    assert charged(site, member_id) == 1_200


def test_a_letter_that_was_sent_in_time_told_them(site: Site) -> None:  # PL4
    member_id, plan_id, _stay = site.joined()
    notice_id = site.queue_price(member_id, site.dearer(plan_id, NOON + DAY))
    lost(site.ledger, notice_id)
    site.ledger.record_notice_sent(notice_id, attempt=2, by=SCHEDULER, cause=cause())
    site.later(28)
    assert charged(site, member_id) == 1_500


def test_of_two_prices_the_one_that_was_told_is_charged(site: Site) -> None:  # PL4
    member_id, plan_id, _stay = site.joined()
    site.tell_price(member_id, site.dearer(plan_id, NOON + DAY))
    site.dearer(plan_id, NOON + 2 * DAY, 1_900)
    site.later(28)
    assert charged(site, member_id) == 1_500


@pytest.mark.parametrize(("then", "pays"), [(900, 900), (1_200, 1_200), (1_300, 1_200)])
def test_nobody_waits_for_a_letter_to_pay_less(site: Site, then: int, pays: int) -> None:  # PL4
    member_id, plan_id, _stay = site.joined()
    site.dearer(plan_id, NOON + DAY)
    site.dearer(plan_id, NOON + 2 * DAY, then)
    site.later(28)
    assert charged(site, member_id) == pays


def test_what_a_member_is_shown_is_what_they_will_be_charged(site: Site) -> None:  # PL4
    member_id, plan_id, _stay = site.joined()
    price = site.dearer(plan_id, NOON + DAY)
    assert foreseen(site, member_id) == 1_500  # there is time to tell them
    site.later(28)
    assert foreseen(site, member_id) == charged(site, member_id) == 1_200
    site.tell_price(member_id, price)
    site.later(31)
    assert foreseen(site, member_id) == charged(site, member_id) == 1_500
