"""Commands on the views: how they are, rebuilding them, proving them, what was set aside."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import click

from web.cli.context import Failure, opened

if TYPE_CHECKING:
    from projections.parking import Parked
    from projections.status import ViewStatus
    from web.parts import Parts

NAP_SECONDS = 0.05
SHORT = 12
"""So many digits of a digest are shown where people read it."""


@click.group()
def views() -> None:
    """Views: how they are, rebuilding and proving them, facts that were set aside."""


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
    heads = ("position", "lag", "seconds", "rows", "parked", "damaged")
    click.echo(_line("view", "version", *heads, "digest"))
    for one in found:
        version = f"{one.version}" if one.is_current else f"{one.version}, outdated"
        line = (version, one.position, one.lag, one.lag_seconds, one.rows, one.parked, one.damaged)
        click.echo(_line(one.name, *line, one.digest[:SHORT]))


@views.command("parked")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a fact and line.")
def views_parked(*, as_json: bool) -> None:
    """Facts that were set aside, and why."""
    with opened() as (_settings, _dsn, parts):
        left = _parked(parts)
    for one in left:
        if as_json:
            click.echo(json.dumps(one._asdict(), default=str))
        else:
            click.echo(f"{one.position:>10}  {one.topic:<28} {one.why}")


@views.command("retry")
@click.option("--wait", "wait_seconds", type=click.IntRange(1, 3600), default=60, show_default=True)
def views_retry(wait_seconds: int) -> None:
    """Fold the facts that were set aside again, each person's in their order.

    The worker that keeps the views does it; where none runs, this command does.
    """
    with opened() as (_settings, dsn, parts):
        before = len(_parked(parts))
        left = _tried_again(parts, dsn, wait_seconds) if before else []
    click.echo(f"{before - len(left)} of {before} facts were taken in again.")
    for one in left:
        click.echo(f"{one.position:>10}  {one.topic:<28} {one.why}")


@views.command("skip")
@click.argument("position", type=click.IntRange(1, 2**63 - 1))
@click.option("--reason", required=True, help="Kept in the books with the decision.")
def views_skip(position: int, reason: str) -> None:
    """Let views leave out the fact at POSITION, which was set aside; it stays in the books.

    What waited behind it is folded. That it was left out, by whom and why is a fact itself.
    """
    from ledger import ids
    from ledger.facts import Actor, Cause

    with opened() as (_settings, dsn, parts):
        if position not in {one.position for one in _parked(parts)}:
            raise Failure(f"The fact at {position} was not set aside: only such facts are skipped.")
        cause = Cause(kind="command_line", id=ids.new())
        parts.ledger.skip_fact(position, reason, by=Actor(kind="machine"), cause=cause)
        left = _tried_again(parts, dsn, 60)
    click.echo(f"The views leave out {position}. {len(left)} facts are still set aside.")


def _line(name: str, *parts: str | int) -> str:
    return f"{name:<16}" + "".join(f"{part:>13}" for part in parts)


def _status(parts: Parts) -> list[ViewStatus]:
    from projections.catalogue import all_views
    from projections.status import ViewsStatus

    return ViewsStatus(parts.pool, all_views(parts.site), parts.clock).all()


def _parked(parts: Parts) -> list[Parked]:
    from projections.parking import parked

    with parts.pool.connection() as connection:
        return parked(connection)


def _tried_again(parts: Parts, dsn: str, wait_seconds: int) -> list[Parked]:
    """What is still set aside once somebody has tried it again."""
    from projections.parking import ask_again
    from web.running.following import follower

    with parts.pool.connection() as connection:
        ask_again(connection)
    own = follower(parts, dsn)
    own.start()
    try:
        _answered(parts, wait_seconds)
    finally:
        own.stop()
    return _parked(parts)


def _answered(parts: Parts, wait_seconds: int) -> None:
    """Wait until everything was tried. Raises Failure when nobody did in time."""
    from projections.parking import asked_again

    deadline = time.monotonic() + wait_seconds
    with parts.pool.connection() as connection:
        while asked_again(connection):
            if time.monotonic() > deadline:
                message = (
                    f"Nobody tried within {wait_seconds} seconds: a rebuild is under way, or no"
                    " worker can. It is tried when one can."
                )
                raise Failure(message)
            time.sleep(NAP_SECONDS)
