"""MRR by plan, added up once for many questions, with pages of memberships added up anew (NU4).

To add up what every membership is worth, all that ever happened to any is read. The sums are made
of one instant; a page of memberships is told of the same instant, from its own facts alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection, Cursor
from psycopg.rows import tuple_row

from projections.explain import recurring_sql as queries
from projections.explain.recurring import (
    DEFINITION,
    NOTHING,
    Amount,
    Asked,
    ExplainRecurring,
    RecurringExplained,
    RecurringFigure,
    Worth,
    ask,
    worths,
)
from projections.explain.refolded import Apart
from projections.explain.stored import one_instant

ROUNDS = (3, 3, 6, 12, 24)
"""Where few of those who joined are members still, so many times as many are looked at for a page;
then it is what was found, and the next one goes on from there.
"""


class OfPlan(NamedTuple):
    """What is added up apart. A hand may have left a change without a plan."""

    currency: str
    plan_id: UUID | None


class PlanFigure(NamedTuple):
    """The MRR of a plan in a currency, by both sides."""

    plan_id: UUID | None
    figure: RecurringFigure


@dataclass(frozen=True)
class RecurringSums:
    """Both sides by plan, at an instant and up to a position of the books."""

    at: datetime
    position: int
    stated: Mapping[OfPlan, Amount]
    readded: Mapping[OfPlan, Amount]
    apart: Sequence[Apart]


@dataclass(frozen=True, slots=True)
class RecurringByPlan(RecurringExplained):
    """The MRR with what each plan has of it. `next_after` is a position: memberships come in the
    order in which people joined.
    """

    plans: Sequence[PlanFigure]

    @property
    def agrees(self) -> bool:
        """Whether every currency's MRR, every plan's, and every membership's that is listed is
        what the facts say.
        """
        are_alike = all(one.figure.agrees for one in self.plans)
        return are_alike and RecurringExplained.agrees.fget(self)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class ExplainRecurringSums:
    """Explains MRR by plan."""

    recurring: ExplainRecurring

    def added(self, at: datetime) -> RecurringSums:
        """Both sides at an instant, and who is apart if they differ."""
        recurring = self.recurring
        with one_instant(recurring.scope.source) as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            position = recurring.position(cursor)
            named = recurring.parameters(at, Asked(limit=0), position)
            sides = (queries.STATED_BY_PLAN, queries.SUMS_BY_PLAN)
            stated, readded = (_amounts(ask(cursor, side, named)) for side in sides)
            figures = _figures(stated, readded)
            apart = recurring.apart(connection, named, figures)
        return RecurringSums(at, position, stated, readded, apart)

    def explain(self, sums: RecurringSums, asked: Asked, after: int) -> RecurringByPlan:
        """The MRR of a currency and plan, with the memberships of who joined after a position."""
        sides = [_wanted(side, asked) for side in (sums.stated, sums.readded)]
        figures = _figures(*sides)
        count = sum(figure.readded.memberships for figure in figures)
        is_all_alike = sums.stated == sums.readded
        is_alike = all(figure.agrees for figure in figures)
        shown, next_after = self._page(sums, asked, after) if count else ([], None)
        return RecurringByPlan(
            definition=DEFINITION,
            position=sums.position,
            at=sums.at,
            figures=figures,
            memberships=shown,
            count=count,
            next_after=next_after,
            # Where all is alike they are beyond reckoning, of whatever plan that would be.
            apart=() if is_alike and not is_all_alike else sums.apart,
            facts=(),
            plans=_by_plan(*sides),
        )

    def _page(
        self, sums: RecurringSums, asked: Asked, after: int
    ) -> tuple[list[Worth], int | None]:
        """Memberships that count, each added up anew, and after which position there are more."""
        named = {
            **self.recurring.parameters(sums.at, asked, sums.position),
            "after": after,
        }
        with one_instant(self.recurring.scope.source) as connection:
            found, more = _some(connection.cursor(row_factory=tuple_row), named, asked.limit)
            shown = self._told(connection, sums.at, found[: asked.limit])
        if len(found) > asked.limit:
            return shown, found[asked.limit - 1][6]
        return shown, more

    def _told(self, connection: Connection[Any], at: datetime, page: Sequence[Any]) -> list[Worth]:
        return worths(page, self.recurring.parts(connection, at, {row[1] for row in page}))


def _some(
    cursor: Cursor[tuple[Any, ...]], named: dict[str, Any], limit: int
) -> tuple[list[tuple[Any, ...]], int | None]:
    """Memberships that count, and after whose joining others may be found."""
    found: list[tuple[Any, ...]] = []
    for times in ROUNDS:
        named["joined"] = times * limit
        joined = cursor.execute(queries.JOINED, named).fetchall()
        if joined:
            named["positions"] = [position for position, _ in joined]
            named["member_ids"] = [member_id for _, member_id in joined]
            found += ask(cursor, queries.WORTHS, named, whose=queries.OF_MEMBERS)
            named["after"] = joined[-1][0]
        if len(joined) < times * limit:
            return found, None
        if len(found) > limit:
            break
    return found, named["after"]


def _amounts(rows: Sequence[Any]) -> dict[OfPlan, Amount]:
    amounts: dict[OfPlan, Amount] = defaultdict(lambda: NOTHING)
    for currency, plan_id, denominator, numerator, memberships in rows:
        before = amounts[OfPlan(currency, plan_id)]
        amounts[OfPlan(currency, plan_id)] = Amount(
            before.exact + Fraction(int(numerator), denominator),
            before.memberships + int(memberships),
        )
    return {plan: amount for plan, amount in amounts.items() if amount != NOTHING}


def _wanted(side: Mapping[OfPlan, Amount], asked: Asked) -> dict[OfPlan, Amount]:
    return {
        plan: amount
        for plan, amount in side.items()
        if asked.currency in {None, plan.currency} and asked.plan_id in {None, plan.plan_id}
    }


def _figures(
    stated: Mapping[OfPlan, Amount], readded: Mapping[OfPlan, Amount]
) -> list[RecurringFigure]:
    """By currency."""
    currencies = sorted({plan.currency for plan in (*stated, *readded)})
    figures = [
        RecurringFigure(one, *(_sum(side, one) for side in (stated, readded))) for one in currencies
    ]
    return [one for one in figures if (one.stated, one.readded) != (NOTHING, NOTHING)]


def _sum(side: Mapping[OfPlan, Amount], currency: str) -> Amount:
    own = [amount for plan, amount in side.items() if plan.currency == currency]
    exact = sum((amount.exact for amount in own), Fraction(0))
    return Amount(exact, sum(amount.memberships for amount in own))


def _by_plan(stated: Mapping[OfPlan, Amount], readded: Mapping[OfPlan, Amount]) -> list[PlanFigure]:
    """By currency and plan."""
    plans = sorted({*stated, *readded}, key=lambda one: (one.currency, str(one.plan_id)))
    return [
        PlanFigure(
            one.plan_id,
            RecurringFigure(one.currency, *(side.get(one, NOTHING) for side in (stated, readded))),
        )
        for one in plans
    ]
