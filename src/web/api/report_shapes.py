"""What reports answer: lines with their definition, and how they are made from queries.

The command line prints the very same.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Generic, TypeVar
from uuid import UUID

from pydantic import Field

from ledger.money import Money
from projections.queries.money import Total
from projections.queries.reports.definitions import (
    LIFETIME,
    MEMBERS,
    MOVEMENTS,
    MRR,
    RETENTION,
    REVENUE,
    Definition,
)
from projections.queries.reports.lifetime import LifetimeLine
from projections.queries.reports.membership import CohortLine, MembersLine
from projections.queries.reports.recurring import Movement, Recurring
from projections.queries.reports.revenue import RevenueLine
from web.api.models import Page, Reply

Line = TypeVar("Line")


class DefinitionShown(Reply):
    """What a figure means: a name, a version, a sentence in each language."""

    name: str
    version: int
    english: str
    french: str

    @classmethod
    def of(cls, definition: Definition) -> DefinitionShown:
        """As data has it."""
        return cls(**definition._asdict())


class Report(Page[Line], Generic[Line]):
    """Lines, and what their figures mean."""

    definition: DefinitionShown


# --- revenue ------------------------------------------------------------------------------


class RevenueReply(Reply):
    """What the days from `start` on brought of a plan: net = gross - refunded - disputed."""

    definition: str
    start: date = Field(description="the day, or the first of the month")
    plan_id: UUID
    plan_name: str
    currency: str
    mode: str
    gross: Money
    refunded: Money
    disputed: Money
    net: Money
    fees: Money
    payments: int

    @classmethod
    def of(cls, line: RevenueLine) -> RevenueReply:
        """As it was asked for."""
        return cls(
            definition=REVENUE.label,
            start=line.start,
            plan_id=line.plan_id,
            plan_name=line.plan_name,
            **money_of(line.total),
        )


class RevenueTotal(Reply):
    """All of it in a currency and mode."""

    currency: str
    mode: str
    gross: Money
    refunded: Money
    disputed: Money
    net: Money
    fees: Money
    payments: int


class RevenueReport(Report[RevenueReply]):
    """A page of lines; the first one comes with what all of them add up to."""

    totals: list[RevenueTotal] | None


def money_of(total: Total) -> dict[str, object]:
    """The fields of a total."""
    amounts = ("gross", "refunded", "disputed", "net", "fees")
    return {
        "currency": total.currency,
        "mode": total.mode,
        **{name: Money(getattr(total, name), total.currency) for name in amounts},
        "payments": total.payments,
    }


# --- monthly recurring revenue ------------------------------------------------------------


class RecurringReply(Reply):
    """What a plan's memberships bring a month; `exact` in minor units, a fraction unrounded."""

    definition: str
    plan_id: UUID
    plan_name: str
    memberships: int
    mrr: Money
    exact: str


class RecurringTotal(Reply):
    """What all memberships of a currency bring a month, rounded once."""

    memberships: int
    mrr: Money
    exact: str


class RecurringReport(Report[RecurringReply]):
    """By currency and plan, at an instant; lines add up to the totals as they are shown."""

    at: datetime
    totals: list[RecurringTotal]

    @classmethod
    def of(cls, recurring: Recurring) -> RecurringReport:
        """As it was asked for."""
        return cls(
            definition=DefinitionShown.of(MRR),
            at=recurring.at,
            totals=[
                RecurringTotal(
                    memberships=total.memberships,
                    mrr=Money(total.minor, total.currency),
                    exact=str(total.exact),
                )
                for total in recurring.totals
            ],
            items=[
                RecurringReply(
                    definition=MRR.label,
                    plan_id=line.plan_id,
                    plan_name=line.plan_name,
                    memberships=line.memberships,
                    mrr=Money(minor, line.currency),
                    exact=str(line.exact),
                )
                for line, minor in recurring.shown
            ],
        )


class MovementsReply(Reply):
    """starting + new + reactivated + expansion - contraction - churned = ending."""

    definition: str
    month: date = Field(description="its first day")
    starting: Money
    new: Money
    reactivated: Money
    expansion: Money
    contraction: Money
    churned: Money
    ending: Money


class MovementsReport(Report[MovementsReply]):
    """By month and currency; of the month that is not over, until now."""

    @classmethod
    def of(cls, lines: Iterable[Movement]) -> MovementsReport:
        """As they were asked for."""
        return cls(
            definition=DefinitionShown.of(MOVEMENTS),
            items=[
                MovementsReply.model_validate(
                    {
                        "definition": MOVEMENTS.label,
                        "month": line.month,
                        **{name: Money(minor, line.currency) for name, minor in line.minor.items()},
                    }
                )
                for line in lines
            ],
        )


# --- members ------------------------------------------------------------------------------


class MembersReply(Reply):
    """starting + new + returned - left = ending."""

    definition: str
    month: date = Field(description="its first day")
    starting: int
    new: int
    returned: int
    left: int
    ending: int
    churn_basis_points: int | None = Field(
        description="churn-1: of ten thousand who were members at its beginning, how many left"
    )


class MembersReport(Report[MembersReply]):
    """By month; of the month that is not over, until now."""

    @classmethod
    def of(cls, lines: Iterable[MembersLine]) -> MembersReport:
        """As they were asked for."""
        names = (
            "month",
            "starting",
            "new",
            "returned",
            "left",
            "ending",
            "churn_basis_points",
        )
        return cls(
            definition=DefinitionShown.of(MEMBERS),
            items=[
                MembersReply.model_validate(
                    {
                        "definition": MEMBERS.label,
                        **{name: getattr(line, name) for name in names},
                    }
                )
                for line in lines
            ],
        )


class CohortReply(Reply):
    """Of `size` people who joined first in the month `cohort`, how many were members at the end of
    `month`; `basis_points` of ten thousand.
    """

    definition: str
    cohort: date = Field(description="the first day of the month")
    month: date = Field(description="its first day")
    months_after: int
    size: int
    members: int
    basis_points: int


class CohortsReport(Report[CohortReply]):
    """By month of the first join; of the month that is not over, until now."""

    @classmethod
    def of(cls, lines: Iterable[CohortLine]) -> CohortsReport:
        """As they were asked for."""
        names = ("cohort", "month", "months_after", "size", "members", "basis_points")
        return cls(
            definition=DefinitionShown.of(RETENTION),
            items=[
                CohortReply.model_validate(
                    {
                        "definition": RETENTION.label,
                        **{name: getattr(line, name) for name in names},
                    }
                )
                for line in lines
            ],
        )


class LifetimeReply(Reply):
    """What people have brought until now who joined first in a month, or in a plan. `average` is
    net a member, also of those who never paid.
    """

    definition: str
    cohort: date | None = Field(description="the first day of the month")
    plan_id: UUID | None
    plan_name: str | None
    members: int
    payers: int
    currency: str
    mode: str
    gross: Money
    refunded: Money
    disputed: Money
    net: Money
    average: Money
    payments: int


class LifetimeReport(Report[LifetimeReply]):
    """By month of the first join, or by the plan joined first."""

    @classmethod
    def of(cls, lines: Iterable[LifetimeLine]) -> LifetimeReport:
        """As they were asked for."""
        return cls(
            definition=DefinitionShown.of(LIFETIME), items=[_lifetime(line) for line in lines]
        )


def _lifetime(line: LifetimeLine) -> LifetimeReply:
    total = line.total
    return LifetimeReply(
        definition=LIFETIME.label,
        cohort=line.cohort,
        plan_id=line.plan_id,
        plan_name=line.plan_name,
        members=line.members,
        payers=line.payers,
        currency=total.currency,
        mode=total.mode,
        gross=Money(total.gross, total.currency),
        refunded=Money(total.refunded, total.currency),
        disputed=Money(total.disputed, total.currency),
        net=Money(total.net, total.currency),
        average=Money(line.average, total.currency),
        payments=total.payments,
    )
