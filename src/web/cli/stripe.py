"""`ledger stripe`: whether Stripe is set up as the site needs it."""

from __future__ import annotations

import click

from web.cli.context import Failure, sentences, settings_given


@click.group()
def stripe() -> None:
    """The site's account at Stripe."""


@stripe.command("check")
def stripe_check() -> None:
    """See that keys, account and endpoint fit together; say what to mend where they don't.

    Changes nothing, there or here. The exit code is 1 where something is to be mended.
    """
    from ledger.clock import SystemClock
    from ledger.payments.stripe_check import findings
    from web.companies import stripe_of

    with sentences():
        settings = settings_given()
        gateway = stripe_of(settings, SystemClock(), ledger="check")
        if gateway is None:
            raise Failure("LEDGER_STRIPE_KEY is not set: the site charges through the sandbox.")
        click.echo(f"The keys are of {gateway.mode} mode, as the site is.")
        to_mend = 0
        address = f"{settings.address}/notices/stripe"
        for each in findings(gateway.api, account=settings.stripe_account or "", address=address):
            click.echo(f"{'  ok  ' if each.is_well else 'MEND  '}{each.found}.")
            if each.mend:
                to_mend += 1
                click.echo(f"      -> {each.mend}")
    if to_mend:
        raise Failure(f"{to_mend} to mend.")
    click.echo("All is well. Send a test event to the endpoint to try its secret.")
