"""`ledger clock`: the time of a site in test mode, which can be moved on."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from threading import Event
from typing import TYPE_CHECKING

import click

from web.cli.context import Failure, opened

if TYPE_CHECKING:
    from web.parts import Parts
    from web.sessions.site_time import SiteClock, Travel

TURN_SECONDS = 1.0


@click.group()
def clock() -> None:
    """Clock: what time it is for the site, and moving a test site through months."""


@clock.command("show")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def clock_show(*, as_json: bool) -> None:
    """The site's time, how far it is ahead of the machine's, and where it is on its way to."""
    from web.sessions.site_time import SiteClock

    with opened() as (_settings, _dsn, parts):
        own = parts.clock if isinstance(parts.clock, SiteClock) else None
        now, ahead = parts.clock.now(), own.ahead() if own else None
        travel = own.travel() if own else None
    said = {
        "now": now.isoformat(),
        "ahead_seconds": int(ahead.total_seconds()) if ahead else 0,
        "on_its_way_to": travel.target.isoformat() if travel else None,
    }
    if as_json:
        click.echo(json.dumps(said))
        return
    whole = timedelta(seconds=round(ahead.total_seconds())) if ahead else None
    click.echo(f"{now:%Y-%m-%d %H:%M:%S} UTC" + (f", {whole} ahead" if whole else ""))
    if travel:
        click.echo(
            f"On its way to {travel.target:%Y-%m-%d %H:%M} UTC; a worker, or"
            f" `ledger clock advance {travel.span}`, goes on."
        )


@clock.command("advance")
@click.argument("span")
def clock_advance(span: str) -> None:
    """Live through SPAN: 36h, 3d, 2w, 18mo, 1y. Every job runs as it would have.

    Only on a site in test mode, with the sandbox. What was broken off goes on when it is asked
    for again; the clock never goes back.
    """
    with opened() as (settings, dsn, parts):
        from web.jobs.spans import after

        own = _movable(parts)
        travel = own.set_out(span, after(own.now(), span, settings.zone))
        _go(parts, dsn, own, travel)
        click.echo(f"It is {own.now():%Y-%m-%d %H:%M} UTC. `ledger schedule` says what happened.")


def _movable(parts: Parts) -> SiteClock:
    from ledger.payments.sandbox import Sandbox
    from web.sessions.site_time import SiteClock

    if not isinstance(parts.clock, SiteClock) or not isinstance(parts.collection.gateway, Sandbox):
        message = "Only the clock of a site in test mode that charges through the sandbox is moved."
        raise Failure(message)
    return parts.clock


def _go(parts: Parts, dsn: str, own: SiteClock, travel: Travel) -> None:
    """Lead, and go; or watch the worker that leads go."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from web.jobs.travelling import travel_on
    from web.sessions.leadership import leading

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        total = (travel.target - travel.began_at).total_seconds()
        task = bar.add_task("", total=total)

        def told(now: datetime) -> None:
            lived = (now - travel.began_at).total_seconds()
            bar.update(task, completed=lived, description=f"{now:%Y-%m-%d}")

        while own.travel() is not None:
            with leading(dsn, Event(), patience_seconds=TURN_SECONDS) as lead:
                if lead is not None:
                    travel_on(parts, dsn, own, lead, told=told)
            told(own.now())
