"""`ledger gateway`: the account at the payment company that the books belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import click

from web.cli.context import Failure, opened
from web.cli.reconcile import answering, at_the_machine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from web.parts import Parts

VIEWS_SECONDS = 10.0


@click.group()
def gateway() -> None:
    """The account at the payment company that the books belong to."""


@gateway.command("show")
def gateway_show() -> None:
    """Whose account it is, and whether its money is real."""
    from web.payments.reconciling import Standing

    with opened() as (_settings, _dsn, parts):
        pin = Standing.of(parts).gateway
    click.echo(str(pin) if pin else "No account is pinned yet.")


@gateway.command("repin")
@click.option("--reason", required=True, help="Why the books move; it stays in the books.")
@click.option("--yes", is_flag=True, help="Don't ask.")
def gateway_repin(reason: str, *, yes: bool) -> None:
    """Let the books belong to the account that the settings name now.

    Not while money is under way, and never from real money to play money. Saved payment methods
    stay with the account that is left: members save theirs anew.
    """
    from ledger.billing.pinning import repin

    with opened() as (_settings, _dsn, parts), answering():
        identity = parts.collection.gateway.identify()
        found, pinned = f"{identity.account} ({identity.mode} mode)", _pinned(parts)
        if found == pinned:
            click.echo(f"The books belong to {pinned} already.")
            return
        if not yes:
            click.confirm(f"Move the books from {pinned} to {found}?", abort=True)
        undecided = _undecided(parts)
        repin(
            parts.ledger,
            parts.collection.gateway,
            reason,
            undecided=undecided,
            **at_the_machine(),
        )
    click.echo(f"The books belong to {found} now.")


def _pinned(parts: Parts) -> str:
    from web.payments.reconciling import Standing

    pin = Standing.of(parts).gateway
    if pin is None:
        from ledger.errors import GatewayNotPinned

        raise GatewayNotPinned
    return str(pin)


def _undecided(parts: Parts) -> Sequence[UUID]:
    """Orders that wait for an answer; the views must have read all that is in the books."""
    from projections.queries.due import DueQueries
    from web.payments.reconciling import MOST_UNDECIDED

    position = parts.recorder.horizon()
    if parts.views.wait_for(position, wait_seconds=VIEWS_SECONDS).position < position:
        raise Failure("The views are behind the books; start `ledger worker` and try again.")
    return DueQueries(parts.pool).undecided(MOST_UNDECIDED)
