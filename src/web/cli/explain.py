"""`ledger explain`: from a figure, a row or an answer to its definition and its facts (NU4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from web.cli.books import member_id_of
from web.cli.context import Failure, opened
from web.cli.past import INSTANT, read

if TYPE_CHECKING:
    from projections.courses import Kind
    from web.api.explain_shapes import Explained
    from web.cli.explain_text import Teller
    from web.parts import Parts
    from web.reading.explaining import Explaining
    from web.reading.past import Reading, Scope

KINDS = ("new", "reactivated", "expansion", "contraction", "churned")


@dataclass(frozen=True)
class Wishes:
    """How every explanation is asked for and shown."""

    as_json: bool
    lang: str
    limit: int
    as_of: datetime | None
    known_at: datetime | None


def wishes(command: Callable[..., None]) -> Callable[..., None]:
    """The options that every explanation has, given to it as one."""

    def carry_out(
        *,
        as_json: bool,
        lang: str,
        limit: int,
        as_of: datetime | None,
        known_at: datetime | None,
        **own: Any,
    ) -> None:
        command(wished=Wishes(as_json, lang, limit, as_of, known_at), **own)

    carry_out.__doc__ = command.__doc__
    for option in (
        click.option("--known-at", type=INSTANT, help="From what the ledger knew at an INSTANT."),
        click.option("--as-of", type=INSTANT, help="What was true at an INSTANT."),
        click.option("--limit", type=click.IntRange(1, 10_000), default=200, show_default=True),
        click.option("--lang", type=click.Choice(["en", "fr"]), default="en", show_default=True),
        click.option("--json", "as_json", is_flag=True, help="One JSON object."),
    ):
        carry_out = option(carry_out)
    return carry_out


@click.group()
def explain() -> None:
    """From a figure, a row or an answer to its definition and facts, added up once more.

    Ends with 1 where what is stored is not what the facts add up to.
    """


@explain.command("member-total")
@click.argument("member")
@wishes
def member_total(member: str, wished: Wishes) -> None:
    """What MEMBER (an id or an e-mail address) spent."""
    from web.reading.past import Scope

    def tell(explaining: Explaining, teller: Teller, member_id: UUID) -> Explained:
        return teller.total(explaining.money.total_of(member_id, teller.page))

    _explain(wished, Scope.MEMBER, tell, member=member)


@explain.command("order")
@click.argument("order_id", type=click.UUID, metavar="ORDER")
@wishes
def order(order_id: UUID, wished: Wishes) -> None:
    """What was paid for ORDER, given back, and is left to refund."""
    from web.reading.past import Scope

    def tell(explaining: Explaining, teller: Teller, _: UUID) -> Explained:
        found = explaining.money.order(order_id, teller.page)
        if found is None:
            raise Failure(f"There is no order {order_id}.")
        return teller.total(found)

    _explain(wished, Scope.ORDER, tell, order_id=order_id)


@explain.command("figure")
@click.option("--plan", "plan_id", type=click.UUID)
@click.option("--member", "member_id", type=click.UUID)
@click.option("--currency")
@click.option("--since", type=INSTANT)
@click.option("--before", type=INSTANT)
@wishes
def figure(wished: Wishes, **filters: Any) -> None:
    """What was spent on the site, with the filters of the figure."""
    from projections.queries.money import MovementFilter
    from web.reading.past import Scope

    def tell(explaining: Explaining, teller: Teller, _: UUID) -> Explained:
        asked = MovementFilter(**filters)
        return teller.spending(explaining.figures.spending(asked, teller.page))

    _explain(wished, Scope.LISTS, tell)


@explain.command("row")
@click.argument("view")
@click.argument("key", nargs=-1, required=True)
@wishes
def row(view: str, key: tuple[str, ...], wished: Wishes) -> None:
    """A row of VIEW by its KEY, value by value; by the first of them, all that begin so."""
    from web.reading.past import Scope

    def tell(explaining: Explaining, teller: Teller, _: UUID) -> Explained:
        return teller.rows(explaining.rows.explain(view, key, teller.page))

    _explain(wished, Scope.LISTS, tell)


@explain.command("segment")
@click.argument("segment")
@click.argument("member")
@wishes
def segment(segment: str, member: str, wished: Wishes) -> None:
    """Whether MEMBER is in SEGMENT: a smart one by its name, a saved one by its id."""
    from web.reading.past import Scope

    def tell(explaining: Explaining, teller: Teller, member_id: UUID) -> Explained:
        saved = _uuid(segment)
        if saved is None:
            entry = explaining.entry(segment, member_id, teller.page)
        else:
            entry = explaining.saved_entry(saved, member_id, teller.page)
        return teller.entry(entry, segment, member_id)

    _explain(wished, Scope.LISTS, tell, member=member)


@explain.command("access")
@click.argument("member")
@click.argument("plan_id", type=click.UUID, metavar="PLAN")
@click.option("--at", type=INSTANT, help="At another INSTANT than now.")
@wishes
def access(member: str, plan_id: UUID, at: datetime | None, wished: Wishes) -> None:
    """Whether PLAN is open to MEMBER."""
    from web.reading.past import Scope

    def tell(explaining: Explaining, teller: Teller, member_id: UUID) -> Explained:
        found = explaining.answer(member_id, plan_id, at)
        return teller.access(found, member_id, plan_id, teller.page)

    _explain(wished, Scope.MEMBER, tell, member=member)


@explain.command("mrr")
@click.option("--at", type=INSTANT, help="At another INSTANT than now.")
@click.option("--currency")
@click.option("--plan", "plan_id", type=click.UUID)
@wishes
def mrr(at: datetime | None, currency: str | None, plan_id: UUID | None, wished: Wishes) -> None:
    """Monthly recurring revenue, membership by membership."""
    from projections.explain.recurring import Asked as Recurring
    from web.reading.past import Scope

    def tell(explaining: Explaining, teller: Teller, _: UUID) -> Explained:
        instant = at or explaining.now
        _require_past(instant, explaining.now)
        asked = Recurring(currency, plan_id, wished.limit)
        return teller.recurring(explaining.recurring.at(instant, asked))

    _explain(wished, Scope.LISTS, tell)


@explain.command("movement")
@click.argument("month", type=click.DateTime(["%Y-%m"]))
@click.argument("currency")
@click.argument("kind", type=click.Choice(KINDS))
@wishes
def movement(month: datetime, currency: str, kind: Kind, wished: Wishes) -> None:
    """What MRR was new, reactivated, expansion, contraction or churned in a MONTH (2026-11)."""
    from ledger.money import Money
    from projections.explain.moved import Month
    from projections.queries.reports.calendar import Calendar
    from web.reading.past import Scope

    def tell(explaining: Explaining, teller: Teller, _: UUID) -> Explained:
        day, zone = month.date(), explaining.parts.settings.zone
        calendar = Calendar.months(day, day, zone)
        _require_past(calendar.since, explaining.now)
        known = Money.zero(currency).currency  # which is refused where there is no such one
        span = Month(calendar.since, calendar.before, explaining.now, known)
        found = explaining.moved.month(span, kind, limit=wished.limit, after=None)
        return teller.moved(found, currency, kind)

    _explain(wished, Scope.LISTS, tell)


# --- within -------------------------------------------------------------------------------


def _explain(
    wished: Wishes,
    scope: Scope,
    tell: Callable[[Explaining, Teller, UUID], Explained],
    *,
    member: str | None = None,
    order_id: UUID | None = None,
) -> None:
    from web.cli.explain_text import Teller, written
    from web.reading.explaining import Explaining

    with opened() as (_settings, _dsn, parts):
        member_id = member_id_of(parts, member) if member is not None else UUID(int=0)
        named = {"member_id": member_id, "order_id": order_id}
        teller = Teller(wished.lang, wished.limit)
        with _reading(parts, wished, scope, named) as (reading, now):
            found = tell(Explaining(parts, reading, now), teller, member_id)
    click.echo(found.model_dump_json() if wished.as_json else written(found))
    if not found.agrees:
        raise SystemExit(1)


@contextmanager
def _reading(
    parts: Parts, wished: Wishes, scope: Scope, named: dict[str, Any]
) -> Iterator[tuple[Reading, datetime]]:
    """The present, or the moment that is asked for, once it is made."""
    from web.reading.past import Asked, Reading

    asked = Asked(wished.as_of, wished.known_at)
    if not asked:
        yield Reading(parts.queries), parts.clock.now()
        return
    with read(parts, asked, scope, **named) as reading:
        assert reading.past is not None  # noqa: S101 -- a moment was asked for
        yield reading, reading.past.as_of


def _require_past(instant: datetime, now: datetime) -> None:
    if instant > now:
        raise Failure("Nobody knows yet what will be true then.")


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
