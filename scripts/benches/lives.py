"""Lives of members, in the order in which they happen: sign-up, first payment, renewals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID
from zoneinfo import ZoneInfo

from ledger import ids
from ledger.dunning import STANDARD
from ledger.facts import Actor, Aggregate, Cause, Fact, Stamp
from ledger.member import Member
from ledger.money import Money
from ledger.order import Moved, Order
from ledger.plan import Plan
from ledger.terms import Terms, period
from projections.site import Site

SITE = Site(currency="EUR", mode="test", zone="Europe/Paris")
ZONE = ZoneInfo(SITE.zone)
START = datetime(2025, 1, 15, 9, tzinfo=UTC)
TERMS = Terms(model="recurring", amount=Money(1200, "EUR"), unit="month", every=1)
PLAN_ID = ids.derived(ids.SITE, "bench", "plan")
PLAN = "Gold"


@dataclass
class Life:
    """One person and the membership they pay for every month."""

    number: int
    member: Member
    membership_id: UUID

    def stamp(self, month: int) -> Stamp:
        """When it was due, by the member; a minute lies between two people."""
        when, _ = period(TERMS, START + timedelta(minutes=self.number), month, ZONE)
        return _stamp(self.member.id, month, when)

    def begins(self) -> list[Aggregate]:
        """Signs up, saves a card, joins."""
        stamp, member = self.stamp(0), self.member
        member.verify_email(stamp=stamp)
        member.save_method(
            stamp=stamp,
            method_id=f"pm_{self.number}",
            customer_id=f"cus_{self.number}",
            brand="visa",
            last_four="4242",
            fingerprint=f"fp_{self.number}",
            expires="2030-01",
            country="FR",
        )
        order = self._paid(0, stamp)
        member.join(
            self.membership_id,
            plan_id=PLAN_ID,
            plan_name=PLAN,
            terms=TERMS,
            price_version=1,
            order_id=order.id,
            discount=None,
            began_free=False,
            period_end=order.placed.period_end,
            policy=STANDARD,
            stamp=stamp,
        )
        return [member, order]

    def goes_on(self, month: int) -> list[Aggregate]:
        """Pays for another month."""
        stamp = self.stamp(month)
        order = self._paid(month, stamp)
        self.member.renew(
            self.membership_id,
            order_id=order.id,
            charge_index=month,
            period_start=order.placed.period_start,
            period_end=order.placed.period_end,
            policy=STANDARD,
            stamp=stamp,
        )
        return [order, self.member]

    def _paid(self, month: int, stamp: Stamp) -> Order:
        start, end = period(TERMS, START + timedelta(minutes=self.number), month, ZONE)
        order = Order.place(
            member_id=self.member.id,
            membership_id=self.membership_id,
            plan_id=PLAN_ID,
            plan_name=PLAN,
            price_version=1,
            charge="renewal" if month else "first",
            charge_index=month,
            list_price=TERMS.amount,
            amount=TERMS.amount,
            discount=None,
            tax_basis_points=2000,
            period_start=start,
            period_end=end,
            mode=SITE.mode,
            stamp=stamp,
        )
        attempt = order.start_attempt(method_id="pm_1", off_session=True, stamp=stamp)
        reference = f"py_{order.id}"
        order.pay(attempt.attempt_id, reference=reference, amount=TERMS.amount, stamp=stamp)
        kept = Moved(f"fee_{order.id}", Money(-42, "EUR"), stamp.occurred_at, is_fee=True)
        order.record_fee(reference, [kept], stamp=stamp)
        return order


def lived(people: int, months: int) -> Iterator[list[Fact]]:
    """What happens to so many people in so many months; each list is one save.

    The first save is one fact that concerns nobody.
    """
    plan = Plan.draft(
        PLAN_ID, name=PLAN, description="", tax_basis_points=2000, stamp=_stamp(PLAN_ID, 0, START)
    )
    yield _facts(plan)
    lives = [_life(number) for number in range(people)]
    for month in range(months):
        for life in lives:
            changed = life.goes_on(month) if month else life.begins()
            yield _facts(*changed)


def _facts(*changed: Aggregate) -> list[Fact]:
    return [cast("Fact", fact) for one in changed for fact in one.collect_events()]


def _stamp(who: UUID, month: int, when: datetime) -> Stamp:
    cause = Cause(kind="request", id=ids.derived(who, "bench", month))
    return Stamp(Actor(kind="member", id=who), cause, when, when)


def _life(number: int) -> Life:
    member_id = ids.derived(ids.SITE, "bench", number)
    member = Member.open_account(
        member_id,
        email=f"person{number}@example.org",
        name=f"Zoë Müller {number}",
        locale="fr",
        stamp=_stamp(member_id, 0, START + timedelta(minutes=number)),
    )
    return Life(number, member, ids.derived(member_id, "bench", "stay"))
