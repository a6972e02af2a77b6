"""`ledger stripe`: what Stripe is to be told of the site, and whether it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from web.cli.context import Failure, sentences, settings_given

if TYPE_CHECKING:
    from web.settings import Settings

LOCAL = ("http://127.", "http://localhost", "http://[::1]")
"""How an address begins to which Stripe can't post."""


@click.group()
def stripe() -> None:
    """The site's account at Stripe."""


@stripe.command("endpoint")
def stripe_endpoint() -> None:
    """What to fill in where Stripe's Dashboard adds an endpoint: address, version and events.

    Needs no key. Asks nobody.
    """
    from ledger.payments.stripe_api import api_version
    from ledger.payments.stripe_notices import EVENTS

    with sentences():
        settings = settings_given()
    click.echo(f"Address      {_address(settings)}")
    click.echo(f"API version  {api_version()}")
    for position, kind in enumerate(EVENTS):
        click.echo(f"{'' if position else 'Events':<13}{kind}")
    _tell_of_listening(settings)


@stripe.command("check")
def stripe_check() -> None:
    """See that keys, account and endpoint fit together; say what to mend where they don't.

    Changes nothing, there or here. The exit code is 1 where something is to be mended.
    """
    from ledger.clock import SystemClock
    from ledger.payments.stripe_check import findings
    from web.payments.companies import stripe_of

    with sentences():
        settings = settings_given()
        gateway = stripe_of(settings, SystemClock(), ledger="check")
        if gateway is None:
            raise Failure("LEDGER_STRIPE_KEY is not set: the site charges through the sandbox.")
        click.echo(f"The keys are of {gateway.mode} mode, as the site is.")
        to_mend = 0
        account, address = settings.stripe_account or "", _address(settings)
        for each in findings(gateway.api, account=account, address=address):
            click.echo(f"{'  ok  ' if each.is_well else 'MEND  '}{each.found}.")
            if each.mend:
                to_mend += 1
                click.echo(f"      -> {each.mend}")
    if to_mend:
        _tell_of_listening(settings)
        raise Failure(f"{to_mend} to mend.")
    click.echo("All is well. Send a test event to the endpoint to try its secret.")


def _address(settings: Settings) -> str:
    return f"{settings.address}/notices/stripe"


def _tell_of_listening(settings: Settings) -> None:
    """An address of this machine alone can have no endpoint."""
    if settings.address.startswith(LOCAL):
        click.echo(
            "Stripe can't post to this machine: name the site's address in LEDGER_BASE_URL, or"
            f" let its notices come by\n`stripe listen --latest --forward-to {_address(settings)}`,"
            " which needs no endpoint."
        )
