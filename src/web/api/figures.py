"""Figures: what was spent, and the movements that add up to it (OR8, OR9)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from ledger.money import Money
from projections.queries.money import MovementFilter, Told, Total, told
from projections.queries.paging import Turn
from web.api.framework import Call, Routes
from web.api.lists import cursor_in
from web.api.models import InstantField, Page, PageQuery, Query, Reply
from web.identity.permissions import Permission
from web.reading.past import Scope

routes = Routes("figures")


class MoneyQuery(Query):
    """Which movements; all that is given must hold. Dates are when it was true."""

    member_id: UUID | None = None
    plan_id: UUID | None = None
    currency: str | None = Field(default=None, max_length=3)
    since: InstantField | None = None
    before: InstantField | None = None


class MovementsQuery(PageQuery, MoneyQuery):
    """A page of them."""

    kind: Told | None = None


class TotalReply(Reply):
    """Totals of one currency and mode: net = gross - refunded - disputed; fees stand apart."""

    currency: str
    mode: str
    gross: Money
    refunded: Money
    disputed: Money
    net: Money
    fees: Money
    payments: int


class MovementReply(Reply):
    """Money that moved; the amount is signed, and `dispute_won` is money that was lost before.

    `fact` is the fact that says so.
    """

    position: int
    fact: str
    kind: Told
    member_id: UUID
    order_id: UUID
    amount: Money
    mode: str
    occurred_at: datetime
    recorded_at: datetime


@routes.get(
    "/figures/spending",
    permission=Permission.READ_FIGURES,
    summary="Spending totals",
    query=MoneyQuery,
    answers=Page[TotalReply],
    past=Scope.LISTS,
)
def list_spending(call: Call[None, MoneyQuery]) -> Page[TotalReply]:
    """Payments less refunds less disputes lost, each when it settled, by currency and mode."""
    totals = call.queries.money.totals(MovementFilter(**dict(call.query)))
    return Page[TotalReply](items=[_total(one) for one in totals])


@routes.get(
    "/figures/movements",
    permission=Permission.READ_FIGURES,
    summary="Movements of money",
    query=MovementsQuery,
    answers=Page[MovementReply],
    past=Scope.LISTS,
)
def list_movements(call: Call[None, MovementsQuery]) -> Page[MovementReply]:
    """The facts that a total adds up, the latest first."""
    named = call.query.model_dump(exclude={"cursor", "limit"})
    turn = Turn("position", descending=True, limit=call.query.limit, cursor=cursor_in(call))
    page = call.queries.money.page(MovementFilter(**named), turn)
    return Page[MovementReply](
        items=[
            MovementReply(
                position=row.position,
                fact=row.fact_id,
                kind=told(row),
                member_id=row.member_id,
                order_id=row.order_id,
                amount=Money(row.minor, row.currency),
                mode=row.mode,
                occurred_at=row.occurred_at,
                recorded_at=row.recorded_at,
            )
            for row in page.rows
        ],
        next=call.cursor([page.next_cursor]) if page.next_cursor else None,
    )


def _total(total: Total) -> TotalReply:
    amounts = ("gross", "refunded", "disputed", "net", "fees")
    return TotalReply.model_validate(
        {
            "currency": total.currency,
            "mode": total.mode,
            "payments": total.payments,
            **{name: Money(getattr(total, name), total.currency) for name in amounts},
        }
    )
