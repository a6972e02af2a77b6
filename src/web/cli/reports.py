"""`ledger report`: the reports of the interface, at the terminal (NU1 to NU4)."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from web.cli.context import Failure, opened
from web.cli.past import read

if TYPE_CHECKING:
    from web.api.framework import Route
    from web.parts import Parts

NAP_SECONDS = 0.2
GAP = "  "

OPTIONS: dict[str, Callable[[Any], Any]] = {
    "currency": click.option("--currency", help="Of one currency alone."),
    "first_day": click.option("--from", "first_day", metavar="DAY", help="2026-11-01, included."),
    "last_day": click.option("--to", "last_day", metavar="DAY", help="2026-11-30, included."),
    "step": click.option("--step", type=click.Choice(["day", "month"])),
    "plan_id": click.option("--plan", "plan_id", metavar="ID", help="Of one plan alone."),
    "at": click.option("--at", metavar="INSTANT", help="2026-11-01T12:00:00Z; now, unless told."),
    "first_month": click.option("--from", "first_month", metavar="MONTH", help="2026-01."),
    "last_month": click.option("--to", "last_month", metavar="MONTH", help="2026-12, included."),
    "by": click.option("--by", type=click.Choice(["cohort", "plan"])),
}
MONTHS = ("first_month", "last_month")
COMMON = (
    click.option("--as-of", metavar="INSTANT", help="What was true then."),
    click.option("--known-at", metavar="INSTANT", help="From what the ledger knew then."),
    click.option("--csv", "as_csv", is_flag=True, help="As the interface exports it."),
    click.option("--json", "as_json", is_flag=True, help="One JSON object a line."),
    click.option("--lang", type=click.Choice(["en", "fr"]), default="en", show_default=True),
)


@click.group()
def report() -> None:
    """Reports: revenue, MRR, its movements, members, retention, lifetime value."""


def _declared(name: str, *options: str) -> Callable[[Callable[..., None]], None]:
    """A report's command, with the parameters that the interface has."""

    def declare(described: Callable[..., None]) -> None:
        def tell(**given: Any) -> None:
            _tell(name, given)

        tell.__doc__ = described.__doc__
        command: Any = tell
        for option in reversed([*(OPTIONS[one] for one in options), *COMMON]):
            command = option(command)
        report.command(name)(command)

    return declare


@_declared("revenue", "first_day", "last_day", "step", "currency", "plan_id")
def _revenue() -> None:
    """Gross, refunded, disputed and net by day, plan and currency."""


@_declared("mrr", "at", "currency")
def _mrr() -> None:
    """Monthly recurring revenue by plan and currency."""


@_declared("movements", *MONTHS, "currency")
def _movements() -> None:
    """What changed the MRR, month by month."""


@_declared("members", *MONTHS)
def _members() -> None:
    """How many came, came back and left, month by month."""


@_declared("cohorts", *MONTHS)
def _cohorts() -> None:
    """How many of those who joined in a month are still there."""


@_declared("lifetime", *MONTHS, "by", "currency")
def _lifetime() -> None:
    """What people who joined in a month, or in a plan, have brought."""


def _tell(name: str, given: dict[str, Any]) -> None:
    from web.api.exports import item_of
    from web.problems import Problem
    from web.reading.csv_export import pieces

    as_csv, as_json, lang = (given.pop(one) for one in ("as_csv", "as_json", "lang"))
    route = _route(name)
    with opened() as (_settings, _dsn, parts):
        try:
            lines = list(_lines(parts, route, {k: v for k, v in given.items() if v is not None}))
        except Problem as refused:
            raise Failure(_sentence(refused)) from refused
    if as_csv:
        for piece in pieces(item_of(route), lines):
            sys.stdout.buffer.write(piece)
    elif as_json:
        for line in lines:
            click.echo(line.model_dump_json())
    else:
        _print(route, lines, _definition(lines, lang))


def _route(name: str) -> Route:
    from web.api import reports

    return next(route for route in reports.routes if route.path == f"/reports/{name}")


def _lines(parts: Parts, route: Route, given: dict[str, str]) -> Iterator[Any]:
    from pydantic import ValidationError

    from ledger import ids
    from web.api.exports import whole_list
    from web.api.framework import Call
    from web.api.models import PastQuery
    from web.identity.principals import Anonymous
    from web.problems import from_validation
    from web.reading.past import Asked, Scope

    past = {one: given.pop(one) for one in ("as_of", "known_at") if one in given}
    assert route.query is not None  # noqa: S101 -- every report has a range
    try:
        query = route.query.model_validate_json(json.dumps(given))
        moment = PastQuery.model_validate_json(json.dumps(past))
    except ValidationError as refused:
        raise from_validation(refused, place="query") from None
    with read(parts, Asked(moment.as_of, moment.known_at), Scope.LISTS) as reading:
        call: Call[None, Any] = Call(
            route=route,
            parts=parts,
            reading=reading,
            principal=Anonymous(),  # whoever sits at the machine
            body=None,
            query=query,
            command_id=ids.new(),
        )
        asked = {name: getattr(query, name) for name in query.model_fields_set}
        yield from whole_list(call, {}, asked)


def _sentence(refused: Any) -> str:
    faults = (f"{fault.parameter}: {fault.detail}" for fault in refused.errors)
    return "; ".join(faults) or refused.detail


def _definition(lines: Sequence[Any], lang: str) -> str | None:
    from projections.queries.reports.definitions import DEFINITIONS

    cited = lines[0].definition if lines else None
    found = next((one for one in DEFINITIONS if one.label == cited), None)
    if found is None:
        return None
    return f"{found.label}: {found.french if lang == 'fr' else found.english}"


def _print(route: Route, lines: Sequence[Any], definition: str | None) -> None:
    from web.api.exports import item_of

    if not lines:
        click.echo("Nothing in this range.")
        return
    names = [name for name in item_of(route).model_fields if not _is_aside(name)]
    table = [names, *([_shown(getattr(line, name)) for name in names] for line in lines)]
    widths = [max(len(row[place]) for row in table) for place in range(len(names))]
    for row in table:
        click.echo(GAP.join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
    click.echo()
    click.echo(definition)


def _is_aside(name: str) -> bool:
    return name in {"definition", "plan_id"}


def _shown(value: Any) -> str:
    return "" if value is None else str(value)
