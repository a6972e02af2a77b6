"""Explanations: from a figure, a row or an answer to its definition and its facts (NU4, AX7)."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from ledger.errors import CurrencyMismatch, NotFound
from projections.explain.answers import Turn
from projections.explain.rows import KeyMalformed
from projections.queries.money import MovementFilter
from web.api.explain_shapes import (
    AccessExplainedReply,
    EntryReply,
    ExplainQuery,
    RowsReply,
    SpendingSumReply,
    SumReply,
)
from web.api.explain_telling import Teller
from web.api.figures import MoneyQuery
from web.api.framework import Call, Routes
from web.api.models import InstantField
from web.identity.permissions import Permission
from web.problems import parameter_fault
from web.reading.explaining import Explaining
from web.reading.past import Scope
from web.wording.explanations import translated

routes = Routes("explain")


KeyText = Annotated[str, StringConstraints(max_length=200)]


class SpendingExplainQuery(MoneyQuery, ExplainQuery):
    """The same filters as the figures have, and the mode of a line of revenue."""

    mode: Literal["live", "test"] | None = None


class RowExplainQuery(ExplainQuery):
    """A row by its key, value by value in the order of the view's key; by the first of them, all
    rows that begin so. `member_id` stands for a key that begins with a member.
    """

    key: list[KeyText] = Field(default=[], max_length=8)
    member_id: UUID | None = None


class AccessExplainQuery(ExplainQuery):
    """To which plan's content, and when; now, unless told."""

    plan_id: UUID
    at: InstantField | None = None


@routes.get(
    "/members/<uuid:member_id>/spending/explain",
    permission=Permission.READ_MEMBERS,
    summary="What a member spent, explained",
    query=ExplainQuery,
    answers=SumReply,
    past=Scope.MEMBER,
)
def explain_total(call: Call[None, ExplainQuery], member_id: UUID) -> SumReply:
    """Gross, refunded, disputed and net by currency and mode, re-added from the books (OR8)."""
    call.member(member_id)
    return teller(call).total(_explaining(call).money.total_of(member_id, turn(call)))


@routes.get(
    "/orders/<uuid:order_id>/explain",
    permission=Permission.READ_ORDERS,
    summary="An order's figures, explained",
    query=ExplainQuery,
    answers=SumReply,
    past=Scope.ORDER,
)
def explain_order(call: Call[None, ExplainQuery], order_id: UUID) -> SumReply:
    """Paid, given back, on its way back, contested, lost, fees, and what is left to refund."""
    found = _explaining(call).money.order(order_id, turn(call))
    if found is None:
        raise NotFound(what="order", id=order_id)
    return teller(call).total(found)


@routes.get(
    "/figures/spending/explain",
    permission=Permission.READ_FIGURES,
    summary="Spending totals, explained",
    query=SpendingExplainQuery,
    answers=SpendingSumReply,
    past=Scope.LISTS,
)
def explain_spending(call: Call[None, SpendingExplainQuery]) -> SpendingSumReply:
    """The totals of a filter, re-added over the stored facts themselves (NU4)."""
    asked = MovementFilter(**call.query.model_dump(exclude={"cursor", "limit"}))
    return teller(call).spending(_explaining(call).figures.spending(asked, turn(call)))


@routes.get(
    "/views/<view_name>/rows/explain",
    permission=Permission.READ_VIEWS,
    summary="Rows of a view, explained",
    query=RowExplainQuery,
    answers=RowsReply,
    past=Scope.LISTS,
)
def explain_rows(call: Call[None, RowExplainQuery], view_name: str) -> RowsReply:
    """The facts that made a row, and the row folded anew, column by column.

    Who may not read members sees ids, column names and digests (NO5).
    """
    try:
        found = _explaining(call).rows.explain(view_name, _key(call), turn(call))
    except KeyMalformed as malformed:
        raise parameter_fault("key", malformed.code, str(malformed)) from malformed
    return teller(call).rows(found)


@routes.get(
    "/segments/<segment>/members/<uuid:member_id>/explain",
    permission=Permission.READ_MEMBERS,
    summary="An entry of a smart segment, explained",
    query=ExplainQuery,
    answers=EntryReply,
    past=Scope.LISTS,
)
def explain_entry(call: Call[None, ExplainQuery], segment: str, member_id: UUID) -> EntryReply:
    """Whether a member is in it now: each condition, what it looked at, which fact set that."""
    entry = _explaining(call).entry(segment, member_id, turn(call))
    return teller(call).entry(entry, segment, member_id)


@routes.get(
    "/segments/saved/<uuid:segment_id>/members/<uuid:member_id>/explain",
    permission=Permission.READ_MEMBERS,
    summary="An entry of a saved segment, explained",
    query=ExplainQuery,
    answers=EntryReply,
    refusals=(NotFound, CurrencyMismatch),
    past=Scope.LISTS,
)
def explain_saved_entry(
    call: Call[None, ExplainQuery], segment_id: UUID, member_id: UUID
) -> EntryReply:
    """The same for a filter that somebody saved, condition by condition."""
    entry = _explaining(call).saved_entry(segment_id, member_id, turn(call))
    return teller(call).entry(entry, str(segment_id), member_id)


@routes.get(
    "/members/<uuid:member_id>/access/explain",
    permission=Permission.READ_MEMBERS,
    summary="A member's access, explained by its facts",
    query=AccessExplainQuery,
    answers=AccessExplainedReply,
    past=Scope.MEMBER,
)
def explain_answer(call: Call[None, AccessExplainQuery], member_id: UUID) -> AccessExplainedReply:
    """The books' answer with its rule and facts, and the same asked of the fold (AX7)."""
    plan_id = call.query.plan_id
    found = _explaining(call).answer(member_id, plan_id, call.query.at)
    return teller(call).access(found, member_id, plan_id, turn(call))


# --- within -------------------------------------------------------------------------------


def _explaining(call: Call[Any, Any]) -> Explaining:
    return Explaining(call.parts, call.reading, call.now)


def teller(call: Call[None, Any]) -> Teller:
    """Answers as whoever asks may see them, in their language."""
    masked = Permission.READ_MEMBERS not in call.principal.permissions
    return Teller(translated, lambda position: call.cursor([position]), masked=masked)


def turn(call: Call[None, Any]) -> Turn:
    """Which facts to list."""
    place = call.place()
    return Turn(limit=call.query.limit, after=int(place[0] or 0) if place else 0)


def _key(call: Call[None, RowExplainQuery]) -> list[str]:
    named = [] if call.query.member_id is None else [str(call.query.member_id)]
    if bool(named) == bool(call.query.key):
        raise parameter_fault("key", "which", "Give either key or member_id.")
    return call.query.key or named
