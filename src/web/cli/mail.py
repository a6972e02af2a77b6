"""`ledger mail`: how the post stands, what came back, and whether the mail server works."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from web.cli.context import Failure, counted, opened, sentences, settings_given

if TYPE_CHECKING:
    from uuid import UUID

    from web.mails.transport import Transport
    from web.mails.transport_address import MailServer
    from web.sessions.outbox import State
    from web.settings import Settings

WAITS_FOR_A_PERSON = 3
STATES = ("failed", "unknown", "given_up", "bounced")
UNSET = "No mail server is named: set LEDGER_SMTP_URL and LEDGER_MAIL_FROM."


@click.group()
def mail() -> None:
    """The post: what waits, what failed, what came back; and a look at the mail server."""


@mail.command("status")
def mail_status() -> None:
    """How the post stands; ends with 3 where a person is needed."""
    with opened() as (settings, _dsn, parts):
        found, sends = parts.desk.outbox.figures(), parts.desk.mailbox.sends
    if settings.mail_server is None:
        click.echo(UNSET)
        click.echo(
            "Mails wait for it." if sends else "Mails are kept, and shown on the mailbox page."
        )
    since = f", the first since {found.oldest_at:%Y-%m-%d %H:%M} UTC" if found.oldest_at else ""
    click.echo(f"{counted(found.waiting, 'mail')} to be sent{since}; {found.failed} failed before.")
    click.echo(f"In a day {found.given_up} given up and {found.bounced} come back.")
    if found.silent_from:
        click.echo(
            f"The server can't be used since {found.silent_from:%Y-%m-%d %H:%M} UTC"
            f" ({found.silent_why}); `ledger mail check` tells more."
        )
    if found.unknown:
        click.echo(
            f"{counted(found.unknown, 'mail')} perhaps sent: the connection broke before the"
            " answer. `ledger mail retry --state unknown` sends them again."
        )
    if found.unknown or found.silent_from:
        raise click.exceptions.Exit(WAITS_FOR_A_PERSON)


@mail.command("retry")
@click.argument("mail_id", type=click.UUID, required=False)
@click.option("--state", "states", multiple=True, type=click.Choice(STATES), help="All of these.")
def mail_retry(mail_id: UUID | None, states: tuple[State, ...]) -> None:
    """Try the mail with this MAIL_ID again, or all in a state."""
    from web.mails.returning import try_again

    if (mail_id is None) != bool(states):
        raise click.UsageError("Name a MAIL_ID, or a --state.")
    with opened() as (_settings, _dsn, parts):
        if mail_id is None:
            again = parts.desk.outbox.retry(None, states)
        else:
            try_again(parts, mail_id)
            again = 1
    click.echo(f"{counted(again, 'mail')} to be tried again.")


@mail.command("bounced")
@click.argument("which", metavar="ADDRESS-OR-MESSAGE-ID")
@click.option("--why", required=True, help="A status or a word, such as 5.1.1.")
def mail_bounced(which: str, why: str) -> None:
    """Note that a mail came back: the one with this Message-ID, or the last to an address."""
    import re

    from ledger import ids
    from ledger.facts import Actor, Cause
    from web.mails.returning import WORD, came_back, mail_named

    if not re.fullmatch(WORD, why):
        raise click.UsageError("--why is a status or a word, such as 5.1.1 or unknown.")
    with opened() as (_settings, _dsn, parts):
        cause = Cause(kind="command_line", id=ids.new())
        came_back(parts, mail_named(parts, which), why, by=Actor(kind="machine"), cause=cause)
    click.echo("Noted: it came back.")


@mail.command("check")
@click.option("--to", help="Send a test mail to this address as well.")
def mail_check(to: str | None) -> None:
    """Connect to the mail server, with TLS and signed in as it is set, and say what is wrong."""
    from web.mails.post_office import own_name
    from web.mails.transport import Transport, TransportError

    with sentences():
        settings = settings_given()
    server = settings.mail_server
    if server is None:
        raise Failure(UNSET)
    way = Transport(server, own_name=own_name(settings))
    try:
        click.echo(_connected(way, server))
        if to:
            _send_test(way, settings, to)
            click.echo(f"It took a test mail to {to}.")
    except TransportError as wrong:
        raise Failure(f"{server.host}:{server.port}: {wrong.detail} ({wrong.why})") from wrong
    finally:
        way.close()


def _connected(way: Transport, server: MailServer) -> str:
    import ssl

    smtp = way.open()
    tls = isinstance(smtp.sock, ssl.SSLSocket)
    signed_in = f"signed in as {server.user}" if server.user else "without signing in"
    return f"{server.host}:{server.port} answers, {'with' if tls else 'WITHOUT'} TLS, {signed_in}."


def _send_test(way: Transport, settings: Settings, to: str) -> None:
    from markupsafe import Markup

    from ledger import ids
    from ledger.clock import SystemClock
    from web.mails.transport_message import Unsendable, message
    from web.sessions.mailbox import Mail

    said = f"{settings.site_name}: this mail shows that mails arrive."
    made = Mail(
        to=to,
        subject=said,
        text=f"{said}\n",
        html=str(Markup("<p>{}</p>").format(said)),
        locale="en",
    )
    sender = settings.sender
    if sender is None:
        raise Failure(UNSET)
    try:
        sent = message(made, ids.new(), sender=sender, date=SystemClock().now())
    except Unsendable:
        raise Failure(f"{to} is no address.") from None
    way.hand_over(sent, before_all=lambda: True)
