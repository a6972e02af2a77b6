"""MRR and its movements, explained membership by membership (NU2, NU3, NU4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from pydantic import Field

from ledger.money import Money
from projections.courses import Kind
from projections.explain.answers import Line
from projections.explain.moved import Month, MovementExplained
from projections.explain.recurring import (
    Asked,
    RecurringExplained,
    RecurringFigure,
    Worth,
)
from projections.queries.reports.calendar import Calendar
from projections.queries.reports.facts import Contribution
from projections.queries.reports.rounding import rounded
from web.api.explain_shapes import (
    AmountReply,
    ApartReply,
    DefinitionReply,
    Explained,
    ExplainQuery,
    FactReply,
    Say,
)
from web.api.framework import Call, Routes
from web.api.models import InstantField, Reply
from web.api.reports import CurrencyField, MonthField
from web.identity.permissions import Permission
from web.problems import parameter_fault
from web.reading.explaining import Explaining
from web.reading.past import Scope
from web.wording.explanations import translated

routes = Routes("explain")


class RecurringExplainQuery(ExplainQuery):
    """At which instant (now, unless told), of which currency and plan; pages of memberships."""

    at: InstantField | None = None
    currency: CurrencyField = None
    plan_id: UUID | None = None


class MovementsExplainQuery(ExplainQuery):
    """Which month in the site's time zone, in which currency, and the facts of which movement."""

    month: MonthField
    currency: str = Field(max_length=3)
    kind: Kind = "new"


class ExactReply(Reply):
    """Money a month, rounded to be shown, and exactly, as a fraction of minor units."""

    mrr: AmountReply
    exact: str
    memberships: int


class RecurringFigureReply(Reply):
    """The MRR of a currency: as the view states it, and from the stored facts themselves."""

    currency: str
    stated: ExactReply
    readded: ExactReply
    agrees: bool


class PartReply(Reply):
    """What a fact adds from `at` on: a fraction of minor units a month, signed, or a person."""

    fact: str
    member_id: UUID
    membership_id: UUID | None
    at: datetime
    amount: str


class WorthReply(Reply):
    """A membership's monthly value; its parts add up to what is stated."""

    membership_id: UUID
    member_id: UUID
    plan_id: UUID
    currency: str
    stated: str
    readded: str
    agrees: bool
    parts: list[PartReply]


class RecurringExplainedReply(Explained):
    """MRR at an instant. `facts` are those of the memberships listed; `apart` the first members
    whose value in the view is not that of the books, or can't be reckoned with.
    """

    at: datetime
    figures: list[RecurringFigureReply]
    memberships: list[WorthReply]
    membership_count: int
    apart: list[ApartReply]


class MovedReply(Explained):
    """A month of a currency: starting + moved, which is signed, = ending. `parts` add up to the
    kind that was asked for. `refolded`: how many people were folded anew, who are all who may have
    a share; fewer where too many are `apart`, whose share is not what their facts make of it.
    """

    currency: str
    kind: Kind
    starting: RecurringFigureReply
    ending: RecurringFigureReply
    moved: dict[str, str]
    parts: list[PartReply]
    apart: list[ApartReply]
    refolded: int


@routes.get(
    "/reports/mrr/explain",
    permission=Permission.READ_FIGURES,
    summary="Monthly recurring revenue, explained",
    query=RecurringExplainQuery,
    answers=RecurringExplainedReply,
    past=Scope.LISTS,
)
def explain_recurring(call: Call[None, RecurringExplainQuery]) -> RecurringExplainedReply:
    """Every membership that counts, what it is worth a month, and the facts that say so."""
    query, at = call.query, call.query.at or call.now
    if at > call.now:
        raise parameter_fault("at", "in_the_future", "Nobody knows yet what will be true then.")
    asked = Asked(query.currency, query.plan_id, query.limit, after(call))
    found = Explaining(call.parts, call.reading, call.now).recurring.at(at, asked)
    return recurring_reply(found, translated, lambda last: call.cursor([str(last)]))


@routes.get(
    "/reports/movements/explain",
    permission=Permission.READ_FIGURES,
    summary="A movement of MRR, explained",
    query=MovementsExplainQuery,
    answers=MovedReply,
    past=Scope.LISTS,
)
def explain_movement(call: Call[None, MovementsExplainQuery]) -> MovedReply:
    """Where a month began and ended by the books, and the facts of one kind of movement."""
    query, zone = call.query, call.parts.settings.zone
    calendar = Calendar.months(query.month, query.month, zone)
    if calendar.since > call.now:
        raise parameter_fault("month", "in_the_future", "Nobody knows yet what will be true then.")
    currency = Money.zero(query.currency).currency  # which is refused where there is no such one
    month = Month(calendar.since, calendar.before, call.now, currency)
    explaining = Explaining(call.parts, call.reading, call.now)
    found = explaining.moved.month(month, query.kind, limit=query.limit, after=after(call))
    return moved_reply(
        found, query.currency, query.kind, translated, lambda last: call.cursor([str(last)])
    )


# --- making them --------------------------------------------------------------------------

Cursor = Callable[[UUID | int], str]


def recurring_reply(found: RecurringExplained, say: Say, cursor: Cursor) -> RecurringExplainedReply:
    """MRR at an instant, as it is answered."""
    return RecurringExplainedReply(
        **_common(found, found.facts, say, cursor),
        at=found.at,
        figures=[_figure(figure) for figure in found.figures],
        memberships=[_worth(one) for one in found.memberships],
        membership_count=found.count,
        apart=[ApartReply.of(one) for one in found.apart],
    )


def moved_reply(
    found: MovementExplained, currency: str, kind: Kind, say: Say, cursor: Cursor
) -> MovedReply:
    """A month, as it is answered."""
    return MovedReply(
        **_common(found, found.facts, say, cursor),
        currency=currency,
        kind=kind,
        starting=_figure(found.starting),
        ending=_figure(found.ending),
        moved={name: str(amount) for name, amount in found.moved.items()},
        parts=[part_reply(one) for one in found.parts],
        apart=[ApartReply.of(one) for one in found.apart],
        refolded=found.refolded,
    )


def part_reply(part: Contribution) -> PartReply:
    """What a fact adds, as it is answered."""
    return PartReply(
        fact=part.fact_id,
        member_id=part.member_id,
        membership_id=part.membership_id,
        at=part.at,
        amount=str(part.amount),
    )


def _common(
    found: RecurringExplained | MovementExplained, facts: Sequence[Line], say: Say, cursor: Cursor
) -> dict[str, Any]:
    return {
        "definition": DefinitionReply.of(found.definition, say),
        "position": found.position,
        "agrees": found.agrees,
        "facts": [FactReply.of(line) for line in facts],
        "fact_count": len(facts),
        "next": None if found.next_after is None else cursor(found.next_after),
    }


def _figure(figure: RecurringFigure) -> RecurringFigureReply:
    stated, readded = (
        _exact(side.exact, figure.currency, side.memberships)
        for side in (figure.stated, figure.readded)
    )
    return RecurringFigureReply(
        currency=figure.currency, stated=stated, readded=readded, agrees=figure.agrees
    )


def _exact(value: Fraction, currency: str, memberships: int) -> ExactReply:
    amount = AmountReply(minor=rounded(value), currency=currency)
    return ExactReply(mrr=amount, exact=str(value), memberships=memberships)


def _worth(one: Worth) -> WorthReply:
    return WorthReply(
        membership_id=one.membership_id,
        member_id=one.member_id,
        plan_id=one.plan_id,
        currency=one.currency,
        stated=str(one.stated),
        readded=str(one.readded),
        agrees=one.stated == one.readded,
        parts=[
            PartReply(
                fact=part.fact_id,
                member_id=one.member_id,
                membership_id=one.membership_id,
                at=part.at,
                amount=str(part.amount),
            )
            for part in one.parts
        ],
    )


def after(call: Call[None, Any]) -> UUID | None:
    """After which member, or membership, a page begins."""
    place = call.place()
    return UUID(str(place[0])) if place else None
