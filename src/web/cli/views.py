"""Commands on the views: how they are, and another try for facts that were set aside."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import click

from web.cli.context import Failure, opened

if TYPE_CHECKING:
    from projections.status import ViewStatus
    from web.parts import Parts

NAP_SECONDS = 0.05


@click.group()
def views() -> None:
    """Views: how far they have read, and another try for facts that were set aside."""


@views.command("status")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a view and line.")
def views_status(*, as_json: bool) -> None:
    """How far each view has read, what it holds, and what could not be folded."""
    from dataclasses import asdict

    with opened() as (_settings, _dsn, parts):
        found = _status(parts)
    if as_json:
        for one in found:
            click.echo(json.dumps(asdict(one)))
        return
    click.echo(_line("view", "version", "position", "lag", "seconds", "rows", "parked"))
    for one in found:
        version = f"{one.version}" if one.is_current else f"{one.version}, outdated"
        line = (version, one.position, one.lag, one.lag_seconds, one.rows, one.parked)
        click.echo(_line(one.name, *line))


@views.command("retry")
@click.option("--wait", "wait_seconds", type=click.IntRange(1, 3600), default=60, show_default=True)
def views_retry(wait_seconds: int) -> None:
    """Fold the facts that were set aside again, each person's in their order.

    The worker that keeps the views does it; where none runs, this command does.
    """
    from projections.parking import ask_again, parked
    from web.worker import follower

    with opened() as (_settings, dsn, parts):
        with parts.pool.connection() as connection:
            before = len(parked(connection))
            ask_again(connection)
        if before:
            own = follower(parts, dsn)
            own.start()
            try:
                _answered(parts, wait_seconds)
            finally:
                own.stop()
        with parts.pool.connection() as connection:
            left = parked(connection)
    click.echo(f"{before - len(left)} of {before} facts were taken in again.")
    for one in left:
        click.echo(f"{one.position:>10}  {one.topic:<28} {one.why}")


def _line(name: str, *parts: str | int) -> str:
    return f"{name:<16}" + "".join(f"{part:>13}" for part in parts)


def _status(parts: Parts) -> list[ViewStatus]:
    from projections.catalogue import all_views
    from projections.status import ViewsStatus

    return ViewsStatus(parts.pool, all_views(parts.site), parts.clock).all()


def _answered(parts: Parts, wait_seconds: int) -> None:
    """Wait until everything was tried. Raises Failure when nobody did in time."""
    from projections.parking import asked_again

    deadline = time.monotonic() + wait_seconds
    with parts.pool.connection() as connection:
        while asked_again(connection):
            if time.monotonic() > deadline:
                message = f"No worker tried within {wait_seconds} seconds; it will when it can."
                raise Failure(message)
            time.sleep(NAP_SECONDS)
