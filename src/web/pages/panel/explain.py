"""“Why?”: from a total, a status, an order's figures or access back to the facts (NU4, AX7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import render_template, url_for

from ledger.errors import NotFound, UnknownCurrency
from ledger.member import AccessAnswer
from ledger.money import Money
from projections.explain.access import AccessExplained
from projections.explain.answers import Definition, Figure, Line, Sum, Turn, turned
from projections.explain.segments import Condition, Entry
from projections.history import Entry as HistoryEntry
from projections.instants import known
from web.identity.auth import caller, parts, requires
from web.identity.permissions import Permission
from web.pages.filling import Args
from web.pages.forms import read_args
from web.pages.frame import group, url_with, word
from web.pages.panel import timeline
from web.pages.past_pages import now, of_moment, past, reading
from web.reading.explaining import Explaining
from web.reading.past import Scope
from web.wording.explanations import sentence, translated
from web.wording.languages import gettext, message, moment, money

pages = group("explain", url_prefix="/panel")
FACTS = 50

FIGURES = {
    "gross": message("Paid in"),
    "paid": message("Paid in"),
    "refunded": message("Given back"),
    "refunding": message("On its way back"),
    "contested": message("Contested"),
    "disputed": message("Lost to disputes"),
    "lost": message("Lost to disputes"),
    "fees": message("Fees"),
    "net": message("Total spent"),
    "refundable": message("Left to refund"),
}
SOURCES = {
    "spending": message("the member’s total"),
    "members": message("the member list"),
    "orders": message("the order"),
    "movements": message("the movements of money"),
}
COMPARED = {
    "action_required_until": message("action required until"),
    "past_due_until": message("past due until"),
    "cancelling_until": message("cancelled, runs until"),
    "member_until": message("a member until"),
    "closed_at": message("account closed on"),
    "is_customer": message("in a plan that takes money, now or before"),
    "same_name": message("name as it is compared"),
    "same_method": message("payment method as it is compared"),
    "same_email": message("e-mail as it is compared"),
}
MOVES = {
    "order.paid": message("Payment"),
    "order.payment_reversed": message("Payment that was taken back"),
    "order.refunded": message("Refund"),
    "order.refund_failed": message("Refund that failed after all"),
    "order.dispute_closed": message("Dispute decided"),
    "order.fee_recorded": message("Fee of the payment company"),
}
"""What a fact of a figure is, where the story of its member is not told."""


class ExplainArgs(Args):
    """Which facts to list."""

    after: int = 0


@dataclass(frozen=True)
class Shown:
    """A fact as it is shown, with what it adds or sets."""

    line: Line
    sentence: str
    does: Sequence[str]


@dataclass(frozen=True)
class Value:
    """A value that a condition looked at."""

    label: str
    stored: str
    agrees: bool


@pages.get("/members/<uuid:member_id>/spending/why")
@requires(Permission.READ_MEMBERS)
@of_moment(Scope.MEMBER)
def total(member_id: UUID) -> str:
    """Why a total is what it is."""
    name = _name(member_id)
    found = _explaining().money.total_of(member_id, turn())
    return show(gettext("Why this total?"), found, _told(found, member_id), trail=(member_id, name))


@pages.get("/members/<uuid:member_id>/status/why")
@requires(Permission.READ_MEMBERS)
@of_moment(Scope.MEMBER)
def status(member_id: UUID) -> str:
    """Why somebody has the status that the list shows."""
    name, explaining = _name(member_id), _explaining()
    found = explaining.status_of(member_id, turn())
    return show(
        gettext("Why this status?"),
        found,
        _told(found, member_id),
        trail=(member_id, name),
        answer=word("status", found.conditions[0].asked[0]),
        values=_values(found.conditions),
    )


@pages.get("/members/<uuid:member_id>/segments/<segment>/why")
@requires(Permission.READ_MEMBERS)
@of_moment(Scope.LISTS)
def entry(member_id: UUID, segment: str) -> str:
    """Why somebody is in a smart segment, or is not."""
    name, found = _name(member_id), _explaining().entry(segment, member_id, turn())
    is_in = gettext("In the segment") if found.is_in else gettext("Not in the segment")
    return show(
        word("segment", segment),
        found,
        _told(found, member_id),
        trail=(member_id, name),
        answer=is_in,
        values=_values(found.conditions),
    )


@pages.get("/members/<uuid:member_id>/access/<uuid:plan_id>/why")
@requires(Permission.READ_MEMBERS)
@of_moment(Scope.MEMBER)
def access(member_id: UUID, plan_id: UUID) -> str:
    """Why a plan is open to somebody now, or is not."""
    name = _name(member_id)
    found = _explaining().answer(member_id, plan_id, None)
    return show(
        gettext("Why this access?"),
        found,
        _told(found, member_id),
        trail=(member_id, name),
        answer=_answered(found.answer),
    )


@pages.get("/orders/<uuid:order_id>/why")
@requires(Permission.READ_ORDERS)
@of_moment(Scope.ORDER)
def order(order_id: UUID) -> str:
    """Why an order's figures are what they are."""
    found = _explaining().money.order(order_id, turn())
    if found is None:
        raise NotFound(what="order", id=order_id)
    told = timeline.lines(reading().queries.history.of_stream(order_id))
    sentences = {line.position: line.sentence for line in told}
    back = (url_for("orders.one", order_id=order_id), gettext("Order"))
    return show(gettext("Why these figures?"), found, shown(found, sentences), back=back)


# --- within -------------------------------------------------------------------------------

Explained = Sum | Entry | AccessExplained


def _explaining() -> Explaining:
    return Explaining(parts(), reading(), now())


def turn() -> Turn:
    """Which facts to list."""
    filled = read_args(ExplainArgs)
    return Turn(limit=FACTS, after=filled.value.after if filled.value else 0)


def _name(member_id: UUID) -> str:
    """What the list calls somebody; the books know who is not in it yet."""
    listed = reading().queries.members.one(member_id, now())
    if listed is not None:
        return listed.name
    moment = past()
    found = moment.facts.member(member_id) if moment else parts().ledger.member(member_id)
    return found.name


def show(
    title: str,
    found: Explained,
    facts: Sequence[Shown],
    *,
    trail: tuple[UUID, str] | None = None,
    back: tuple[str, str] | None = None,
    **more: Any,
) -> str:
    """The page of an explanation."""
    if trail is not None:
        back = (url_for("member.profile", member_id=trail[0]), trail[1])
    following = None if isinstance(found, AccessExplained) else found.facts.next_after
    return render_template(
        "panel/explain.html",
        title=title,
        found=found,
        means=means(found.definition),
        figures=[_figure(figure) for figure in found.figures] if isinstance(found, Sum) else [],
        facts=facts,
        back=back,
        following=None if following is None else url_with(after=following),
        **more,
    )


def means(definition: Definition) -> str:
    """What a definition says, in the reader's language."""
    return translated(sentence(definition))


def _figure(figure: Figure) -> Mapping[str, Any]:
    currency = figure.unit.currency
    return {
        "label": gettext(FIGURES[figure.name]),
        "source": gettext(SOURCES[figure.view]),
        "is_test": figure.unit.mode == "test",
        "stated": as_stored(figure.stated, currency),
        "readded": as_stored(figure.readded, currency),
        "difference": as_stored(figure.difference, currency),
        "agrees": figure.agrees,
    }


def as_stored(minor: int | None, currency: str) -> str:
    """An amount, whatever a hand has left in its place."""
    if minor is None:
        return "–"
    try:
        return money(Money(minor, currency))
    except (UnknownCurrency, ValueError):
        return f"{minor} {currency}"


def _told(found: Explained, member_id: UUID) -> list[Shown]:
    """The facts with their sentences, where the reader may see the member's history."""
    entries: list[HistoryEntry] = []
    if caller().principal_for(Permission.READ_HISTORY):
        positions = {line.position for line in _page(found)}
        entries = reading().queries.history.some_of_subject(member_id, positions)
    return shown(found, {line.position: line.sentence for line in timeline.lines(entries)})


def shown(found: Explained, sentences: Mapping[int, str]) -> list[Shown]:
    """The facts of an explanation, with their sentences by position."""
    return [
        Shown(line, sentences.get(line.position) or _named(line), _does(line))
        for line in _page(found)
    ]


def _page(found: Explained) -> Sequence[Line]:
    if isinstance(found, AccessExplained):
        return turned(found.facts, Turn()).lines
    return found.facts.lines


def _named(line: Line) -> str:
    return gettext(MOVES.get(line.topic, line.topic))


def _does(line: Line) -> list[str]:
    currency = line.unit.currency if line.unit else None
    amounts = [
        f"{gettext(FIGURES[name])} {_signed(minor, currency)}" for name, minor in line.adds.items()
    ]
    return amounts + [gettext(COMPARED[name]) for name in line.changed if name in COMPARED]


def _signed(minor: int, currency: str | None) -> str:
    written = money(abs(minor), currency)
    return f"+{written}" if minor >= 0 else f"−{written}"


def _answered(answer: AccessAnswer) -> str:
    said = gettext("yes") if answer.allowed else gettext("no")
    return f"{said}, {word('access_rule', answer.rule)}"


def _values(conditions: Sequence[Condition]) -> list[Value]:
    return [
        # What the list is sorted and found by has no other name; it is there where it differs.
        Value(
            gettext(COMPARED[one.column]) if one.column in COMPARED else one.column,
            _written(one.stored),
            one.agrees,
        )
        for condition in conditions
        for one in condition.compared
    ]


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, datetime):
        return moment(value) if known(value) else gettext("without end")
    return gettext("never") if value is None else str(value)
