"""Starting everything, from an empty folder to an open page."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import click

from ledger.store.upgrade import upgrade
from web.running.database import database
from web.running.serving import PATIENCE_SECONDS, Children, require_port, wait_until_ready
from web.settings import Settings, hand_on

if TYPE_CHECKING:
    from web.demo import DemoReport
    from web.running.first_start import SignIn

DEMO_MEMBERS, DEMO_MONTHS, DEMO_SEED = 2_000, 6, 1


def start_everything(settings: Settings, *, empty: bool) -> None:
    """Serve until Ctrl-C; what was started is stopped again, the database last."""
    require_port(settings.host, settings.port, patience_seconds=PATIENCE_SECONDS)
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, _leave)
    hand_on(settings)
    with database(settings) as dsn:
        children = Children()
        try:
            is_known = not upgrade(dsn)
            if is_known:
                _start_parts(children)  # nothing is left to prepare: they start while we look
            sign_in = _prepare(settings, dsn, empty=empty)
            if not is_known:
                _start_parts(children)
            if wait_until_ready(settings.host, settings.port, children.processes):
                _announce(settings, sign_in)
            children.tend()
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            children.stop()


def _start_parts(children: Children) -> None:
    children.start("web")
    children.start("worker")


def _prepare(settings: Settings, dsn: str, *, empty: bool) -> SignIn | None:
    """See that there is an owner, and a demonstration on a first start."""
    # Imported here: on a later start the parts that serve are on their way before these are read.
    from web.payments.pinned import require_own_gateway
    from web.running.first_start import make_owner
    from web.running.following import follower
    from web.wiring import wire

    with wire(settings, dsn) as parts:
        sign_in = make_owner(parts)
        is_new = settings.test_mode and not parts.ledger.taken_slots("plan_slot")
        # The demonstration charges through the sandbox, and books have one company's account.
        # Its people are made up: nobody writes to them through a mail server.
        is_alone = settings.stripe_key is None and settings.mail_server is None
        tells = is_new and not empty and is_alone
        if not tells:
            require_own_gateway(parts)
    if tells:
        tell_with_progress(settings, dsn, members=DEMO_MEMBERS, months=DEMO_MONTHS, seed=DEMO_SEED)
        with wire(settings, dsn) as parts:
            require_own_gateway(parts)
            follower(parts, dsn).catch_up()  # the first page is whole
    return sign_in


def _announce(settings: Settings, sign_in: SignIn | None) -> None:
    click.echo(f"Open {settings.address} (panel: {settings.address}/panel)")
    if sign_in:
        who = f"{sign_in.email} with the password {sign_in.password}"
        click.secho(f"Sign in to the panel as {who}", bold=True)
        click.echo("This is shown once. `ledger team reset` makes a new password.")
    if settings.test_mode:
        click.echo("Test mode: no real money moves. Ctrl-C stops everything.")


def tell_with_progress(
    settings: Settings, dsn: str, *, members: int, months: int, seed: int, quiet: bool = False
) -> DemoReport:
    """Fill the demonstration site under a progress bar."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

    from web.running.first_start import DAYS_A_MONTH, fill_demo

    columns = ("[progress.description]{task.description}", BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True, quiet=quiet)
    with Progress(*columns, TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("Living the demo's days", total=months * DAYS_A_MONTH)
        return fill_demo(
            settings,
            dsn,
            members=members,
            months=months,
            seed=seed,
            progress=lambda day: bar.update(task, completed=day),
        )


def _leave(*_: object) -> None:
    sys.exit(0)
