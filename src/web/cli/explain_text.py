"""Explanations as text for a terminal; as JSON they are what the interface answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ledger.money import Money
from projections.courses import Kind
from projections.explain.answers import Turn
from projections.explain.moved import MovementExplained
from projections.explain.recurring import RecurringExplained
from web.api import explain_reports as reports
from web.api import explain_shapes as shapes
from web.api import explain_telling as telling
from web.wording.explanations import FRENCH
from web.wording.languages import catalogue


class Teller(telling.Teller):
    """Answers in a language, with so many facts at most; the machine's owner sees everything."""

    def __init__(self, lang: str, limit: int) -> None:
        self._said = _in_french if lang == "fr" else str
        super().__init__(self._said, str)
        self.page = Turn(limit=limit)

    def recurring(self, found: RecurringExplained) -> reports.RecurringExplainedReply:
        """MRR."""
        return reports.recurring_reply(found, self._said, str)

    def moved(self, found: MovementExplained, currency: str, kind: Kind) -> reports.MovedReply:
        """A movement of MRR."""
        return reports.moved_reply(found, currency, kind, self._said, str)


def _in_french(text: str) -> str:
    return FRENCH.get(text) or catalogue("fr").gettext(text)


def written(found: shapes.Explained) -> str:
    """An explanation, line by line."""
    definition = found.definition
    lines = [f"{definition.name} {definition.version}: {definition.sentence}", ""]
    lines += [*_body(found), ""]
    lines += [_fact(fact) for fact in found.facts]
    shown = len(found.facts)
    more = "" if shown == found.fact_count else f", the first {shown} shown"
    lines.append(f"{found.fact_count} facts{more}, up to position {found.position}.")
    lines.append("Agrees." if found.agrees else "Differs: what is stored is not what they make.")
    return "\n".join(lines)


def _body(found: shapes.Explained) -> Iterator[str]:
    if isinstance(found, shapes.SumReply):
        yield from _figures(found)
    elif isinstance(found, shapes.RowsReply):
        yield from _rows(found)
    elif isinstance(found, shapes.EntryReply):
        yield from _conditions(found)
    elif isinstance(found, reports.RecurringExplainedReply):
        yield from _recurring(found)
    elif isinstance(found, reports.MovedReply):
        yield from _moved(found)
    elif isinstance(found, shapes.AccessExplainedReply):
        said = "yes" if found.access else "no"
        until = f", until {found.until.isoformat()}" if found.until else ""
        yield f"{said}, {found.rule}{until}, at {found.at.isoformat()}"
        yield from _broken(found.broken)


def _figures(found: shapes.SumReply) -> Iterator[str]:
    yield f"{'figure':<12}{'view':<12}{'mode':<6}{'stored':>18}{'re-added':>18}"
    for one in found.figures:
        apart = "" if one.agrees else f"   differs by {_value(one.difference)}"
        stated = _value(one.stated)
        yield f"{one.name:<12}{one.view:<12}{one.mode:<6}{stated:>18}{one.readded!s:>18}{apart}"
    yield from _broken(found.broken)
    if isinstance(found, shapes.SpendingSumReply) and found.apart:
        yield f"missed, wrong or made up: {', '.join(map(str, found.apart))}"


def _recurring(found: reports.RecurringExplainedReply) -> Iterator[str]:
    yield f"at {found.at.isoformat()}, {found.membership_count} memberships"
    for figure in found.figures:
        yield f"  {'mrr':<10}{_both(figure)}"
    for one in found.memberships:
        apart = "" if one.agrees else f"   the facts make {one.readded}"
        yield f"  {one.membership_id}  {one.stated:>12} {one.currency}{apart}"
        yield from _parts(one.parts)
    yield from _apart(found.apart)


def _moved(found: reports.MovedReply) -> Iterator[str]:
    yield f"  {'starting':<14}{_both(found.starting)}"
    for kind, amount in found.moved.items():
        yield f"  {kind:<14}{amount:>14}"
    yield f"  {'ending':<14}{_both(found.ending)}"
    yield f"{found.kind}:"
    yield from _parts(found.parts)
    yield f"{found.refolded} members folded anew, {len(found.apart)} of them apart"
    yield from _apart(found.apart)


def _broken(found: Sequence[shapes.BrokenReply]) -> Iterator[str]:
    for one in found:
        yield f"{one.view}.{one.column} holds what no fact makes: {one.stored}"


def _apart(members: Sequence[shapes.ApartReply]) -> Iterator[str]:
    for one in members:
        yield f"apart: {one.member_id}"
        for column in one.columns:
            made = _other(agrees=False, refolded=column.refolded)
            yield f"  {f'{one.view}.{column.name}':<24} {_value(column.stored)}{made}"


def _both(figure: reports.RecurringFigureReply) -> str:
    apart = "" if figure.agrees else f"   differs: the facts make {figure.readded.mrr}"
    return f"{figure.stated.mrr!s:>18} ({figure.stated.exact}){apart}"


def _parts(parts: Sequence[reports.PartReply]) -> Iterator[str]:
    for part in parts:
        yield f"    {part.at.isoformat():<32} {part.fact}  {part.amount:>12}"


def _rows(found: shapes.RowsReply) -> Iterator[str]:
    for row in found.rows:
        verdict = "agrees" if row.agrees else "differs"
        yield f"{', '.join(map(str, row.key.values()))}: {row.fact_count} facts, {verdict}"
        if not row.is_stored or not row.is_made:
            yield "  is not stored" if row.is_made else "  no fact makes it"
            continue
        for cell in row.columns:
            yield f"  {cell.name:<24}{_value(cell.stored)}{_other(cell.agrees, cell.refolded)}"


def _conditions(found: shapes.EntryReply) -> Iterator[str]:
    yield f"{'in' if found.is_in else 'not in'} {found.segment}, at {found.at.isoformat()}"
    if found.is_stored != found.is_made:
        yield "  is not stored" if found.is_made else "  no fact makes the member"
    for condition in found.conditions:
        holds = "holds" if condition.holds else "does not hold"
        yield f"  {condition.name} {_value(condition.asked)}: {holds}"
        for one in condition.compared:
            same = one.stored == one.refolded
            by = f"   set by {one.set_by}" if one.set_by else ""
            yield f"    {one.column:<22}{_value(one.stored)}{_other(same, one.refolded)}{by}"
    for other in found.others:
        shared = [
            name
            for name, same in (("name", other.same_name), ("payment method", other.same_method))
            if same
        ]
        verdict = "" if other.agrees else "   differs: their facts say otherwise"
        yield f"  {other.member_id} has the same {' and '.join(shared)}{verdict}"


def _other(agrees: bool, refolded: Any) -> str:
    return "" if agrees else f"   differs: the facts make {_value(refolded)}"


def _value(value: Any) -> str:
    return "–" if value is None else str(value)


def _fact(fact: shapes.FactReply) -> str:
    when = fact.occurred_at.isoformat() if fact.occurred_at else "–"
    does = [f"{name} {_signed(amount)}" for name, amount in fact.adds.items()]
    does += [f"sets {', '.join(fact.changed)}"] if fact.changed else []
    does += [f"can't be read or folded: {fact.fault}"] if fact.fault else []
    return (
        f"{fact.position:>10}  {when:<32} {fact.topic:<28} {fact.fact}  {'; '.join(does)}".rstrip()
    )


def _signed(amount: Money) -> str:
    return f"+{amount}" if amount.minor >= 0 else str(amount)
