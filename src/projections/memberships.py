"""Memberships: one row a stay, from join to end."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, NamedTuple, cast
from uuid import UUID

from ledger.facts import Fact
from ledger.member.facts import (
    ActionCleared,
    ActionRequired,
    CancellationWithdrawn,
    InstalmentsCompleted,
    Joined,
    Lapsed,
    Left,
    MembershipFact,
    PastDue,
    PriceMoved,
    Removed,
    Renewed,
    SelfCancelled,
)
from ledger.terms import Terms
from projections.instants import FOREVER
from projections.laws import Law, one_row_a_fact
from projections.rows import quick
from projections.stays import Stay, begun, changes_of
from projections.view import Index, Key, Needs, View, first, on


@quick
class MembershipRow(NamedTuple):
    """One stay. Amounts in minor units of `currency`; `runs_until` FOREVER where it has no end."""

    member_id: UUID
    membership_id: UUID
    plan_id: UUID
    plan_name: str
    model: str
    price: int
    currency: str
    unit: str | None
    every: int | None
    payments: int | None
    price_version: int
    discount_code: str | None
    discount_percent: int | None
    discount_amount: int | None
    discount_every_payment: bool
    began_free: bool
    joined_at: datetime
    charge_index: int
    period_start: datetime
    period_end: datetime | None
    access_until: datetime | None
    billing: str
    failures: int
    retry_at: datetime | None
    unpaid_order_id: UUID | None
    order_id: UUID
    cancelled_at: datetime | None
    ended_at: datetime | None
    ending: str | None
    runs_until: datetime
    position: int = 0

    @property
    def stay(self) -> Stay:
        """The essentials, which know where it stands at an instant."""
        return Stay(
            membership_id=self.membership_id,
            plan_id=self.plan_id,
            plan_name=self.plan_name,
            model=self.model,
            joined_at=self.joined_at,
            access_until=self.access_until,
            billing=self.billing,
            retry_at=self.retry_at,
            cancelled_at=self.cancelled_at,
            ended_at=self.ended_at,
            ending=self.ending,
        )


class Memberships(View[MembershipRow]):
    """Every stay of every member, with its terms, its periods and its end."""

    name = "memberships"
    version = 2
    key = ("member_id", "membership_id")
    columns = MembershipRow
    needs: ClassVar[Needs] = {}
    indexes: ClassVar[tuple[Index, ...]] = (
        # How many of every plan stand is counted over all of them: no more is read than that takes.
        Index("running", "(plan_id, runs_until)"),
        # What they will pay is counted for thousands at once, and read off the index alone.
        Index(
            "plan",
            "(plan_id, runs_until, member_id) INCLUDE (price_version, price, currency, unit, every,"
            " payments, charge_index, discount_every_payment, discount_percent, discount_amount,"
            " period_end, joined_at, cancelled_at)",
        ),
        Index(
            "charge",
            "(period_end, membership_id) INCLUDE (plan_id, price_version, price, currency,"
            " discount_every_payment, discount_percent, discount_amount)"
            " WHERE billing = 'current' AND ended_at IS NULL AND cancelled_at IS NULL",
        ),
        Index(
            "retry",
            "(retry_at, membership_id) WHERE billing = 'past_due'"
            " AND ended_at IS NULL AND cancelled_at IS NULL",
        ),
        Index(
            "lapse",
            "(access_until, membership_id) WHERE billing IN ('past_due', 'action_required')"
            " AND retry_at IS NULL AND ended_at IS NULL AND cancelled_at IS NULL",
        ),
    )
    laws: ClassVar[tuple[Law, ...]] = (one_row_a_fact("member.joined"),)

    def keys(self, fact: Fact) -> tuple[Key, ...]:
        """The membership that the fact is about."""
        return ((fact.member_id, cast("MembershipFact", fact).membership_id),)

    @first(Joined)
    def joined(self, fact: Joined) -> MembershipRow:
        """A stay begins."""
        stay, discount = begun(fact), fact.discount
        return MembershipRow(
            member_id=cast("UUID", fact.member_id),
            membership_id=fact.membership_id,
            plan_id=fact.plan_id,
            plan_name=fact.plan_name,
            **_price(fact.terms),
            price_version=fact.price_version,
            discount_code=discount.code if discount else None,
            discount_percent=discount.percent if discount else None,
            discount_amount=discount.amount.minor if discount and discount.amount else None,
            discount_every_payment=bool(discount and discount.every_payment),
            began_free=fact.began_free,
            joined_at=fact.occurred_at,
            charge_index=0,
            period_start=fact.occurred_at,
            period_end=fact.period_end,
            access_until=fact.access_until,
            billing=stay.billing,
            failures=0,
            retry_at=None,
            unpaid_order_id=None,
            order_id=fact.order_id,
            cancelled_at=None,
            ended_at=None,
            ending=None,
            runs_until=FOREVER,
        )

    @on(Renewed)
    def renewed(self, row: MembershipRow, fact: Renewed) -> MembershipRow:
        """Paid up to the end of another period."""
        return _changed(
            row,
            fact,
            charge_index=fact.charge_index,
            period_start=fact.period_start,
            period_end=fact.period_end,
            order_id=fact.order_id,
            failures=0,
            unpaid_order_id=None,
        )

    @on(PastDue)
    def past_due(self, row: MembershipRow, fact: PastDue) -> MembershipRow:
        """A charge failed and is tried again."""
        return _changed(row, fact, failures=fact.failures, unpaid_order_id=fact.order_id)

    @on(ActionRequired)
    def action_required(self, row: MembershipRow, fact: ActionRequired) -> MembershipRow:
        """A charge failed and waits for the member."""
        return _changed(row, fact, unpaid_order_id=fact.order_id)

    @on(PriceMoved)
    def price_moved(self, row: MembershipRow, fact: PriceMoved) -> MembershipRow:
        """Another price from here on."""
        return _changed(row, fact, price_version=fact.price_version, **_price(fact.terms))

    @on(CancellationWithdrawn)
    def withdrawn(self, row: MembershipRow, fact: CancellationWithdrawn) -> MembershipRow:
        """It goes on; a charge that failed early is due again, as if never tried."""
        return _changed(row, fact, failures=0, unpaid_order_id=None)

    @on(ActionCleared, SelfCancelled, InstalmentsCompleted, Left, Removed, Lapsed)
    def moved(self, row: MembershipRow, fact: MembershipFact) -> MembershipRow:
        """Its end, or the day of its next charge, is another one."""
        return _changed(row, fact)

    def finish(self, row: MembershipRow) -> MembershipRow:
        """Until when it stands, by all that was said."""
        return row._replace(runs_until=row.stay.runs_until)


def _price(terms: Terms) -> dict[str, Any]:
    return {
        "model": terms.model,
        "price": terms.amount.minor,
        "currency": terms.amount.currency,
        "unit": terms.unit,
        "every": terms.every,
        "payments": terms.payments,
    }


def _changed(row: MembershipRow, fact: MembershipFact, **more: Any) -> MembershipRow:
    return row._replace(**changes_of(fact), **more)
