"""`ledger reconcile`: the books held against the payment company."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict
from uuid import UUID

import click

from web.cli.context import Failure, counted, opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ledger.billing.reconciliation_run import Report
    from ledger.facts import Actor, Cause
    from ledger.site_money import Drift, DriftState
    from web.parts import Parts

DRIFT = 3
"""The exit code where something waits for a person: 1 is a failure, 2 a wrong word."""


class AtTheMachine(TypedDict):
    """Who and why, of what is typed on the server."""

    by: Actor
    cause: Cause


class InstantOrDay(click.ParamType[datetime]):
    """`2026-11-01T12:00:00Z`, or a day, which begins at midnight UTC."""

    name = "instant"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        """The instant, in UTC."""
        if isinstance(value, datetime):
            return value
        try:
            instant = datetime.fromisoformat(value.upper())
        except ValueError:
            self.fail(f"{value!r} is no instant such as 2026-11-01T12:00:00Z.", param, ctx)
        day_alone = len(value) == len("2026-11-01")
        if instant.tzinfo is None and not day_alone:
            self.fail(f"{value!r} needs an offset, as in 2026-11-01T12:00:00Z.", param, ctx)
        return (instant.replace(tzinfo=UTC) if day_alone else instant).astimezone(UTC)


@click.command()
@click.option("--since", type=InstantOrDay(), help="From then; three days before --until.")
@click.option("--until", type=InstantOrDay(), help="To before then; now, unless told.")
@click.option("--csv", "csv_file", type=click.Path(path_type=Path), help="The drifts; - is stdout.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--accept", metavar="DRIFT", type=click.UUID, help="Let this difference stay.")
@click.option("--reason", help="Why it may stay.")
def reconcile(
    since: datetime | None,
    until: datetime | None,
    csv_file: Path | None,
    accept: UUID | None,
    reason: str | None,
    *,
    as_json: bool,
) -> None:
    """Hold the books against the payment company's own list of movements.

    What is missing in the books and ours is taken in; all else is reported. No money is edited.
    Ends with 3 while something waits for a person.
    """
    from web.payments.reconciling import reconcile as run

    with opened() as (_settings, _dsn, parts):
        if accept is not None:
            _accept(parts, accept, reason)
            return
        with answering():
            report = run(parts, since=since, until=until, **at_the_machine())
    if csv_file is not None:
        _write_csv(csv_file, report.open)
    if as_json:
        click.echo(_as_json(report))
    elif csv_file is None or str(csv_file) != "-":
        _print(report)
    if not report.is_clean:
        sys.exit(DRIFT)


# --- shared with `ledger gateway` -------------------------------------------------------


def at_the_machine() -> AtTheMachine:
    """A command of its own, by whoever sits here."""
    from ledger import ids
    from ledger.facts import Actor, Cause

    return {
        "by": Actor(kind="machine"),
        "cause": Cause(kind="command_line", id=ids.new()),
    }


@contextmanager
def answering() -> Iterator[None]:
    """Say it in a sentence where the payment company does not answer."""
    from ledger.payments.gateway import OutcomeUnknown

    try:
        yield
    except OutcomeUnknown as silent:
        message = "The payment company does not answer; nothing was done."
        raise Failure(message) from silent


# --- within -----------------------------------------------------------------------------


def _accept(parts: Parts, drift_id: UUID, reason: str | None) -> None:
    if reason is None:
        raise Failure("Say with --reason why the difference may stay.")
    parts.ledger.accept_drift(drift_id, reason, **at_the_machine())
    click.echo("It is no longer told of; the reason is in the books.")


def _write_csv(target: Path, drifts: Sequence[DriftState]) -> None:
    from web.api.reconciliation import DriftReply, drift_reply
    from web.reading.csv_export import pieces

    written = b"".join(pieces(DriftReply, map(drift_reply, drifts)))
    if str(target) == "-":
        sys.stdout.buffer.write(written)
        sys.stdout.buffer.flush()
    else:
        target.write_bytes(written)


def _as_json(report: Report) -> str:
    from web.api.reconciliation import drift_reply

    said = {
        "clean": report.is_clean,
        **report.receipt.model_dump(mode="json"),
        "open": [drift_reply(one).model_dump(mode="json") for one in report.open],
    }
    return json.dumps(said, ensure_ascii=False)


def _print(report: Report) -> None:
    from ledger.money import Money

    receipt = report.receipt
    click.echo(f"{receipt.account} ({receipt.mode} mode), {receipt.since} to {receipt.until}")
    for one in receipt.sums:
        theirs, ours = Money(one.theirs, one.currency), Money(one.ours, one.currency)
        click.echo(
            f"  {one.mode} {one.currency}: {counted(one.movements, 'movement')} there: {theirs};"
            f" {counted(one.facts, 'fact')} here: {ours}"
        )
    for others in receipt.foreign:
        click.echo(
            f"  {others.mode} {others.currency}: {counted(others.movements, 'movement')} of others"
            f" on the same account: {Money(others.minor, others.currency)}; not compared"
        )
    if receipt.mended:
        click.echo(f"{receipt.mended} of ours, missing in the books until now, taken in.")
    for state in report.open:
        click.echo(_line(state.drift))
    if receipt.left_out:
        click.echo(f"{receipt.left_out} more differ and are not listed one by one.")
    if report.is_clean:
        click.echo("Nothing differs.")
    else:
        click.echo(f"{counted(len(report.open), 'difference')} to be looked at by somebody.")


def _line(drift: Drift) -> str:
    ours, theirs = drift.ours or "nothing", drift.theirs or "nothing"
    order = f", order {drift.order_id}" if drift.order_id else ""
    said = f", they say {drift.said}" if drift.said else ""
    return (
        f"  {drift.drift_id} {drift.drift}: {drift.kind} {drift.source} of {drift.at}:"
        f" ours {ours}, theirs {theirs}{said}{order}"
    )
