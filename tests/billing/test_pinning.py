"""Whose account the books belong to, from start to start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ledger import ids
from ledger.application import Ledger
from ledger.billing.pinning import pin, repin
from ledger.errors import (
    Forbidden,
    GatewayChanged,
    GatewayModeDiffers,
    MoneyUnderWay,
    RealMoneyStays,
)
from ledger.facts import Actor
from ledger.payments.gateway import Identity, Mode
from ledger.site_money import Pin
from tests.application.sites import STAFF, Site, cause, eur, opened, themself

MACHINE = Actor(kind="machine")
SETTINGS = {"currency": "EUR", "time_zone": "Europe/Paris"}


@pytest.fixture
def site(database: str) -> Iterator[Site]:
    with opened(database) as site:
        yield site


@dataclass
class Company:
    """A payment company that says whose account it is."""

    account: str
    mode: Mode = "test"

    def identify(self) -> Identity:
        return Identity(self.account, self.mode)


def start(site: Site, company: Any, ledger: Ledger | None = None, **changed: str) -> None:
    pin(ledger or site.ledger, company, SETTINGS | changed, by=MACHINE, cause=cause())


def move(site: Site, company: Any, *orders: Any, ledger: Ledger | None = None) -> None:
    repin(ledger or site.ledger, company, "on purpose", undecided=orders, by=MACHINE, cause=cause())


def live(site: Site) -> Ledger:
    """A process with the same books whose site takes real money."""
    return site.ledger_of(Ledger, mode="live")


def test_a_site_is_pinned_at_its_first_start_and_no_other_is_news(site: Site) -> None:
    for _ in range(3):
        start(site, site.sandbox)
    assert site.topics(ids.SITE) == [
        "site.founded",
        "site.gateway_pinned",
        "site.setting_changed",
        "site.setting_changed",
    ]
    assert site.ledger.site().gateway == Pin("sandbox", "test", None)


def test_a_process_with_other_keys_does_not_start(site: Site) -> None:
    start(site, site.sandbox)
    with pytest.raises(GatewayChanged):
        start(site, Company("acct_2"))


def test_a_site_and_its_company_are_in_one_mode(site: Site) -> None:  # part of OR9
    with pytest.raises(GatewayModeDiffers):
        start(site, Company("acct_1", "live"))
    with pytest.raises(GatewayModeDiffers):
        start(site, site.sandbox, live(site))
    assert site.topics(ids.SITE) == []


def test_a_setting_that_changes_between_starts_is_a_fact(site: Site) -> None:
    start(site, site.sandbox)
    start(site, site.sandbox, time_zone="Europe/Lisbon")
    assert site.facts(ids.SITE)[-1].before == "Europe/Paris"


def test_a_site_that_was_tried_in_the_sandbox_goes_live(site: Site) -> None:  # part of OR9
    member_id = site.person()
    order_id = site.join(member_id, site.plan()).order_id
    start(site, site.sandbox)
    move(site, Company("acct_1", "live"), order_id, ledger=live(site))
    start(site, Company("acct_1", "live"), live(site))
    with pytest.raises(GatewayChanged):
        start(site, site.sandbox)
    assert site.ledger.order(order_id).placed.mode == "test"
    assert site.ledger.member(member_id).memberships


def test_nobody_moves_while_the_old_account_still_has_to_answer(site: Site) -> None:
    start(site, site.sandbox)
    waiting = site.join(site.person(), site.plan(), "pm_card_unreachable").order_id
    with pytest.raises(MoneyUnderWay) as refused:
        move(site, Company("acct_2"), waiting)
    assert str(refused.value).startswith("1 orders wait for sandbox (test mode)")
    paid = site.join(site.person("bob"), site.plan(name="Silver"), "pm_card_pendingRefund")
    site.collection.refund(paid.order_id, eur(100), "late", by=STAFF, cause=cause())
    with pytest.raises(MoneyUnderWay):
        move(site, Company("acct_2"), paid.order_id)


def test_real_money_never_moves_to_play_money(site: Site) -> None:  # part of OR9
    start(site, Company("acct_1", "live"), live(site))
    with pytest.raises(RealMoneyStays):
        move(site, site.sandbox)


def test_neither_members_nor_the_company_pin_anything(site: Site) -> None:
    member_id = site.person()
    for by in (themself(member_id), Actor(kind="gateway")):
        with pytest.raises(Forbidden):
            site.ledger.pin_gateway("acct_1", "test", by=by, cause=cause())
        with pytest.raises(Forbidden):
            site.ledger.repin_gateway("acct_1", "test", "why", by=by, cause=cause())
