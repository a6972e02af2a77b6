"""The command line's commands, and those that serve."""

from __future__ import annotations

import click

from web.cli.books import db, history
from web.cli.clock import clock
from web.cli.context import Failure, opened, sentences, settings_given
from web.cli.due import due
from web.cli.explain import explain
from web.cli.export import export
from web.cli.gateway import gateway
from web.cli.inbox import inbox
from web.cli.mail import mail
from web.cli.moments import moments
from web.cli.rebuilds import views
from web.cli.reconcile import reconcile
from web.cli.reports import report
from web.cli.schedule import schedule
from web.cli.stripe import stripe
from web.cli.team import team

DEMO_MEMBERS, DEMO_MONTHS = 2_000, 6


@click.group(
    commands=[
        clock,
        db,
        due,
        explain,
        export,
        gateway,
        history,
        inbox,
        mail,
        moments,
        reconcile,
        report,
        schedule,
        stripe,
        team,
        views,
    ],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
def main() -> None:
    """A membership ledger: every list and figure is derived from facts that can't be changed."""


@main.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Where to listen (8000).")
@click.option("--host", help="On which address of this machine (127.0.0.1).")
@click.option("--empty", is_flag=True, help="No demonstration site on a first start.")
def serve(port: int | None, host: str | None, *, empty: bool) -> None:
    """Start everything: the database, the pages, the interface and the worker."""
    from web.cli.start import start_everything

    with sentences():
        start_everything(settings_given(port=port, host=host), empty=empty)


@main.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Where to listen (8000).")
@click.option("--host", help="On which address of this machine (127.0.0.1).")
@click.option("--processes", type=click.IntRange(1, 64), default=1, show_default=True)
def web(port: int | None, host: str | None, processes: int) -> None:
    """Serve pages and interface."""
    from web.running.server import run
    from web.running.serving import PATIENCE_SECONDS, require_port

    with sentences():
        settings = settings_given(port=port, host=host)
        require_port(settings.host, settings.port, patience_seconds=PATIENCE_SECONDS)
        run(settings, processes=processes)


@main.command()
def worker() -> None:
    """Keep the views up to date and run the schedule."""
    import signal
    from threading import Event

    from web.running.worker import run

    stopping = Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: stopping.set())
    with opened() as (_settings, dsn, parts):
        run(parts, dsn, stopping)


@main.command()
@click.option("--members", type=click.IntRange(1, 1_000_000), default=DEMO_MEMBERS)
@click.option("--months", type=click.IntRange(1, 120), default=DEMO_MONTHS)
@click.option("--seed", type=int, default=1)
@click.option("--json", "as_json", is_flag=True, help="One JSON object at the end.")
def demo(members: int, months: int, seed: int, *, as_json: bool) -> None:
    """Fill empty books with a believable site; the same seed makes the same books."""
    import json
    from dataclasses import asdict

    from web.cli.start import tell_with_progress

    with opened() as (settings, dsn, _parts):
        if not settings.test_mode:
            raise Failure("The demonstration is for a site in test mode.")
        if settings.mail_server is not None:
            raise Failure("The demonstration's people are made up: unset LEDGER_SMTP_URL first.")
        report = tell_with_progress(
            settings, dsn, members=members, months=months, seed=seed, quiet=as_json
        )
    if as_json:
        click.echo(json.dumps(asdict(report)))
