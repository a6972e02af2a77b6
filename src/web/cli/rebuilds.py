"""Commands that fold views anew, give that up, take it back, and prove what serves."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from web.cli.context import Failure, opened
from web.cli.views import views

if TYPE_CHECKING:
    from projections.rebuild import Report
    from projections.rebuild_rows import Mismatch, Rebuild

__all__ = ["views"]

MOST_SHOWN = 40


@views.command("rebuild")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="Every view.")
@click.option("--outdated", is_flag=True, help="Those of them that this version did not make.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True)
@click.option("--dask", metavar="ADDRESS", help="Fold on the workers of this scheduler.")
@click.option(
    "--replace-damaged",
    is_flag=True,
    help="The rows that serve are known to be wrong: don't hold the new ones against them.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object at the end, no progress.")
def views_rebuild(
    names: tuple[str, ...],
    *,
    everything: bool,
    outdated: bool,
    workers: int,
    dask: str | None,
    replace_damaged: bool,
    as_json: bool,
) -> None:
    """Fold views anew beside those that serve, prove them, and swap them in.

    The site goes on meanwhile. Without a NAME, what was begun and broke off is taken up again.
    """
    from web.running.rebuilding import Hands, rebuilder
    from web.settings import hand_on

    with opened() as (settings, _dsn, parts), _telling(quiet=as_json) as tell:
        hand_on(settings)
        own = rebuilder(parts, hands=Hands(workers=workers, dask=dask), tell=tell)
        asked = [view.name for view in own.views] if everything else list(names)
        begun = own.carry_on() if outdated or not asked else None
        if outdated:  # asked once nothing is under way any more, which may have been just that
            asked = [name for name in own.outdated() if name in asked or not asked]
        done = own.run(asked, workers=workers, replaces_damaged=replace_damaged) if asked else begun
    _say(done, as_json=as_json)


@views.command("rebuilds")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a rebuild and line.")
def views_rebuilds(*, as_json: bool) -> None:
    """The last rebuilds, and what was found wrong in those that were refused."""
    from web.running.rebuilding import rebuilder

    with opened() as (_settings, _dsn, parts):
        found = rebuilder(parts).latest()
    for report in found:
        if as_json:
            click.echo(json.dumps(_described(report.rebuild)))
            continue
        rebuild, progress = report.rebuild, report.progress
        click.echo(
            f"{rebuild.number:>5}  {rebuild.state:<12} {progress.parts_done}/{progress.parts} parts"
            f"  {', '.join(rebuild.names)}{': ' + rebuild.why if rebuild.why else ''}"
        )
        _list(rebuild.differences)


@views.command("cancel")
def views_cancel() -> None:
    """Give up the rebuild under way; the old rows go on serving."""
    from web.running.rebuilding import rebuilder

    with opened() as (_settings, _dsn, parts):
        rebuild = rebuilder(parts).cancel()
    click.echo(f"The rebuild of {', '.join(rebuild.names)} is given up.")


@views.command("rollback")
@click.argument("name")
def views_rollback(name: str) -> None:
    """Put back the rows that the last rebuild of NAME replaced, with the views rebuilt with it."""
    from web.running.rebuilding import rebuilder

    with opened() as (_settings, _dsn, parts):
        rebuild = rebuilder(parts).roll_back(name)
    for standing in rebuild.before:
        click.echo(f"{standing.name} serves as version {standing.version} made it.")
    click.echo("A program of that version follows them on; `views rebuild` begins anew.")


@views.command("verify")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--everybody", is_flag=True, help="Fold every person again, not a sample.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a difference and line.")
def views_verify(names: tuple[str, ...], *, everybody: bool, as_json: bool) -> None:
    """Hold the rows that serve against the books: sums over all facts, people folded again.

    What is found is kept until the view is rebuilt, and answers carry a warning meanwhile.
    """
    from web.running.checking import checker

    with opened() as (_settings, _dsn, parts):
        found = checker(parts).check(names, everybody=everybody)
    for one in found:
        if as_json:
            click.echo(json.dumps(one._asdict()))
    if not as_json:
        _list(found)
    if found:
        raise Failure(f"{len(found)} differences. `ledger views rebuild --replace-damaged NAME`.")
    if not as_json:
        click.echo("The views hold what the books say.")


def _say(done: Rebuild | None, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_described(done) if done else {"state": "nothing to do"}))
    elif done is None:
        click.echo("Every view is as this version makes it.")
    else:
        rate = done.facts * 1000 // max(1, done.folding_ms)
        click.echo(
            f"{', '.join(done.names)}: {done.state}. {done.facts} facts folded in"
            f" {done.folding_ms / 1000:.1f} s ({rate}/s); the swap took {done.blocked_ms} ms."
        )


def _described(rebuild: Rebuild) -> dict[str, Any]:
    return json.loads(json.dumps(rebuild._asdict(), default=str))  # type: ignore[no-any-return]


def _list(found: tuple[Mismatch, ...] | list[Mismatch]) -> None:
    for one in found[:MOST_SHOWN]:
        columns = f" ({', '.join(one.columns)})" if one.columns else ""
        expected, seen = one.expected or "no row", one.found or "no row"
        click.echo(
            f"       {one.check:<7} {one.view} {one.key}{columns}: {seen} instead of {expected}"
        )
    if len(found) > MOST_SHOWN:
        click.echo(f"       and {len(found) - MOST_SHOWN} more")


@contextmanager
def _telling(*, quiet: bool) -> Iterator[Callable[[Report], None]]:
    """A progress bar: facts folded of all, facts a second, time left, facts to catch up."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.fields[state]:<12}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} facts"),
        TextColumn("{task.fields[rate]:,.0f}/s"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[behind]:,.0f} behind"),
    )
    begun = time.monotonic()
    with Progress(*columns, console=Console(stderr=True, quiet=quiet)) as bar:
        task = bar.add_task("rebuild", total=1, state="planned", rate=0, behind=0)

        def tell(report: Report) -> None:
            part = report.progress.parts_done / max(1, report.progress.parts)
            folded = round(report.rebuild.facts * part)
            bar.update(
                task,
                total=max(1, report.rebuild.facts),
                completed=folded,
                state=report.rebuild.state,
                rate=folded / max(0.001, time.monotonic() - begun),
                behind=report.behind,
            )

        yield tell
