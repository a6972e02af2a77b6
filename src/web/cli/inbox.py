"""`ledger inbox`: what the payment company told us, and what of it waits for a person."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from web.cli.context import Failure, counted, opened

if TYPE_CHECKING:
    from ledger.store.inbox import Listed, State

WAITS_FOR_A_PERSON = 3
"""The exit code where something does: 1 is a failure, 2 a wrong word."""
STATES = ("received", "retrying", "processed", "ignored_foreign", "dead")


@click.group()
def inbox() -> None:
    """What the payment company told us; each command asks the database that serves."""


@inbox.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice(STATES), help="Only these.")
@click.option("--after", type=click.IntRange(min=0), default=0, help="Only later numbers.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a notice and line.")
def inbox_list(states: tuple[State, ...], after: int, limit: int, *, as_json: bool) -> None:
    """What waits: notices that are tried again, and those left to a person (exit code 3).

    So it is where the payment company has not answered about one for a day: that is tried on.
    """
    with opened() as (_settings, _dsn, parts):
        table = parts.inbox.table
        asked: tuple[State, ...] = states or ("received", "retrying", "dead")
        found, counts = table.listed(asked, after=after, limit=limit), table.counts()
        unanswered = parts.inbox.unanswered()
    for one in found:
        click.echo(json.dumps(_described(one)) if as_json else _line(one))
    if not as_json:
        click.echo(", ".join(f"{counts.get(state, 0)} {state}" for state in STATES))
        if unanswered:
            click.echo(f"About {counted(unanswered, 'notice')} nobody has answered for a day.")
    if counts.get("dead") or unanswered:
        raise click.exceptions.Exit(WAITS_FOR_A_PERSON)


@inbox.command("retry")
@click.argument("number", type=click.IntRange(min=1), required=False)
@click.option("--all", "everything", is_flag=True, help="All that was given up.")
def inbox_retry(number: int | None, *, everything: bool) -> None:
    """Work again on the notice with this NUMBER that was given up, or on all of them."""
    if (number is None) != everything:
        raise click.UsageError("Name a NUMBER, or say --all.")
    with opened() as (_settings, _dsn, parts):
        again = parts.inbox.retry(number)
        if number is not None and not again:
            raise Failure(f"No notice {number} was given up.")
        done = parts.inbox.work().outcomes if again else {}
    became = ", ".join(f"{count} {state}" for state, count in sorted(done.items()))
    click.echo(f"{counted(again, 'notice')} tried again: {became or 'nothing came of it yet'}")


@inbox.command("catch-up")
def inbox_catch_up() -> None:
    """Fetch the notices that never arrived, now."""
    with opened() as (_settings, _dsn, parts):
        new = parts.inbox.catch_up()
    click.echo(f"{counted(new, 'notice')} fetched, to be worked off with the others.")


def _line(one: Listed) -> str:
    why = f" ({one.why})" if one.why else ""
    return (
        f"{one.number:>8}  {one.state:<15} {one.kind:<32} {one.object_id}"
        f"  made {one.made_at:%Y-%m-%d %H:%M}, tried {counted(one.tries, 'time')}{why}"
    )


def _described(one: Listed) -> dict[str, Any]:
    return json.loads(json.dumps(one._asdict(), default=str))  # type: ignore[no-any-return]
