"""People who join on given terms, for sums that can be done in one's head."""

from __future__ import annotations

from uuid import UUID

from ledger.dunning import STANDARD
from ledger.facts import Stamp
from ledger.member import Member
from ledger.money import Money
from ledger.terms import Discount, Terms, period
from tests.projections.stories import ZONE, Story

MONTHLY = Terms(model="recurring", amount=Money(100, "EUR"), unit="month", every=1)
YEARLY = Terms(model="recurring", amount=Money(600, "EUR"), unit="year", every=1)


class Joiners(Story):
    """People who join on given terms, without the papers, at the instant that a test sets."""

    def stamp(self, *, late_days: int = 0) -> Stamp:
        """Now, not later."""
        now, stamp = self.now, super().stamp(late_days=late_days)
        self.now = now
        return Stamp(stamp.actor, stamp.cause, now, now)

    def join_on(
        self,
        terms: Terms,
        *,
        plan: int = 1,
        discount: Discount | None = None,
        member: Member | None = None,
    ) -> Member:
        """Somebody, new unless told, joins the plan of that number."""
        stamp, found = self.stamp(), member or self.open_account()[0]
        assert isinstance(found, Member)
        member = found
        _, end = period(terms, stamp.occurred_at, 0, ZONE)
        member.join(
            self.id(),
            plan_id=UUID(int=plan),
            plan_name=f"Plan {plan}",
            terms=terms,
            price_version=1,
            order_id=self.id(),
            discount=discount,
            began_free=False,
            period_end=end,
            policy=STANDARD,
            stamp=stamp,
        )
        return member
