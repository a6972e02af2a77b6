"""The sweep, on the virtual clock: what falls due is charged, once, also after a long absence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from ledger import ids
from ledger.clock import VirtualClock
from ledger.facts import Actor, Cause
from ledger.money import Money
from ledger.terms import Terms
from web.parts import Parts
from web.schedule import sweep
from web.settings import Settings
from web.wiring import wire
from web.worker import follower

JANUARY = datetime(2026, 1, 31, 10, tzinfo=UTC)
MACHINE = Actor(kind="machine")
DECLINES_LATER = "pm_card_chargeCustomerFail"


class Site:
    """Parts whose views are brought up before each sweep."""

    def __init__(self, parts: Parts, clock: VirtualClock, dsn: str) -> None:
        self.parts, self.clock, self.dsn = parts, clock, dsn
        self.plan_id = ids.new()
        ledger = parts.ledger
        terms = Terms(model="recurring", amount=Money(1200, "EUR"), unit="month", every=1)
        ledger.draft_plan(self.plan_id, name="Gold", description="", by=MACHINE, cause=cause())
        ledger.set_price(self.plan_id, terms, by=MACHINE, cause=cause())
        ledger.open_plan(self.plan_id, by=MACHINE, cause=cause())

    def join(self, card: str) -> tuple[UUID, UUID]:
        """Somebody joins with a card; the member and the membership."""
        member_id = ids.new()
        person, email = Actor(kind="member", id=member_id), f"{member_id.hex}@example.org"
        ledger = self.parts.ledger
        ledger.open_account(
            member_id, email=email, name="Ada", locale="en", by=person, cause=cause()
        )
        self.parts.collection.join(
            member_id, self.plan_id, method_token=card, by=person, cause=cause()
        )
        return member_id, next(iter(ledger.member(member_id).memberships))

    def sweep(self) -> dict[str, int]:
        """Bring the views up, and sweep once."""
        follower(self.parts, self.dsn).catch_up()
        report = sweep(self.parts)
        assert report.is_well, report.broken
        return dict(report.outcomes)


def cause() -> Cause:
    return Cause(kind="request", id=ids.new())


@pytest.fixture
def site(settings: Settings, database: str) -> Iterator[Site]:
    clock = VirtualClock(JANUARY)
    with wire(settings, database, clock=clock) as parts:
        yield Site(parts, clock, database)


def test_nothing_is_charged_before_it_is_due(site: Site) -> None:
    site.join("pm_card_visa")
    site.clock.advance(timedelta(days=20))
    assert site.sweep() == {}


def test_what_is_due_is_charged_once_however_often_the_sweep_runs(site: Site) -> None:
    member_id, membership_id = site.join("pm_card_visa")
    site.clock.advance(timedelta(days=28))
    assert site.sweep() == {"settled": 1}
    assert site.sweep() == {}
    membership = site.parts.ledger.member(member_id).membership(membership_id)
    assert membership.charge_index == 1
    assert membership.period_end == datetime(2026, 3, 31, 8, tzinfo=UTC) + timedelta(hours=1)


def test_of_several_missed_periods_only_the_latest_is_charged(site: Site) -> None:  # part of DU10
    member_id, membership_id = site.join("pm_card_visa")
    site.clock.advance(timedelta(days=100))
    assert site.sweep() == {"settled": 1}
    assert site.sweep() == {}
    assert site.parts.ledger.member(member_id).membership(membership_id).charge_index == 3


def test_who_does_not_pay_is_tried_again_and_lapses(site: Site) -> None:  # part of DU1
    member_id, membership_id = site.join(DECLINES_LATER)
    swept = []
    for _day in range(42):
        site.clock.advance(timedelta(days=1))
        swept.append(site.sweep())
    told = [each for each in swept if each]
    assert told == [{"declined": 1}, {"declined": 1}, {"declined": 1}, {"lapsed": 1}]
    membership = site.parts.ledger.member(member_id).membership(membership_id)
    assert membership.ending == "lapsed"
    assert membership.ended_at == datetime(2026, 3, 10, 10, tzinfo=UTC)
