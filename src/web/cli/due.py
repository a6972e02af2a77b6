"""`ledger due`: what waits, and what was passed over."""

from __future__ import annotations

import json
from datetime import timedelta

import click

from web.cli.context import counted, opened

SINCE_DAYS = 90
MOST = 10_000


@click.group()
def due() -> None:
    """Due: what was not charged while nothing ran."""


@due.command("missed")
@click.option("--days", type=click.IntRange(1, 3650), default=SINCE_DAYS, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a membership and line.")
def due_missed(days: int, *, as_json: bool) -> None:
    """Periods passed over by a charge made in the last DAYS, for staff to decide (ids only).

    After a long absence of the service only the latest period is charged, dated as due.
    """
    from ledger.money import Money
    from projections.queries.due import DueQueries

    with opened() as (_settings, _dsn, parts):
        since = parts.clock.now() - timedelta(days=days)
        found = DueQueries(parts.pool).missed(since, MOST)
    for one in found:
        if as_json:
            click.echo(json.dumps(one._asdict(), default=str))
        else:
            stretch = f"{one.missed_from:%Y-%m-%d} to {one.missed_until:%Y-%m-%d}"
            price = Money(one.list_price, one.currency)
            click.echo(
                f"{one.plan_name:<20} member {one.member_id}  {stretch}"
                f"  {counted(one.periods, 'period')} of {price}  charged instead: {one.order_id}"
            )
    if not as_json and not found:
        click.echo("No period was passed over.")
