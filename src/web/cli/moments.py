"""Commands on what is kept of the past."""

from __future__ import annotations

import json

import click

from web.cli.context import Failure, opened


@click.group()
def moments() -> None:
    """Moments: what is kept of the views as they were."""


@moments.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a moment and line.")
def moments_list(*, as_json: bool) -> None:
    """Every moment, the one read last first, and how much disk it takes."""
    with opened() as (settings, _dsn, parts):
        kept = parts.past.moments.all()
    for one in kept:
        said = {
            "id": one.id,
            "as_of": one.as_of.isoformat(),
            "known_position": one.known_position,
            "state": one.state,
            "per_cent": one.per_cent,
            "bytes": one.bytes,
            "last_read_at": one.last_read_at.isoformat(),
            "why": one.why,
        }
        if as_json:
            click.echo(json.dumps(said))
        else:
            megabytes = -(-one.bytes >> 20)
            click.echo(
                f"{one.id:>6}  {said['as_of']:<32} known to {one.known_position:<10}"
                f" {one.state:<8} {one.per_cent:>3} %  {megabytes:>6} MB"
                + (f"  {one.why}" if one.why else "")
            )
    if not as_json:
        total = -(-sum(one.bytes for one in kept) >> 20)
        click.echo(f"{total} of {settings.moments_mb} MB are in use.")


@moments.command("drop")
@click.argument("moment_id", type=click.IntRange(1), metavar="ID", required=False)
@click.option("--all", "everything", is_flag=True, help="All of them.")
def moments_drop(moment_id: int | None, *, everything: bool) -> None:
    """Let go of a moment; whoever asks for it again waits until it is made anew."""
    if (moment_id is None) != everything:
        raise Failure("Name one moment by its ID, or drop --all of them.")
    with opened() as (_settings, _dsn, parts):
        kept = parts.past.moments
        dropped = [one.id for one in kept.all()] if moment_id is None else [moment_id]
        for one in dropped:
            kept.drop(one)
    click.echo(f"{len(dropped)} dropped.")
