"""Sends the mails that are due, and lets the books know what became of those of notices.

A mail is handed over once, whoever crashes. Where the connection or the process dies after the
whole was said and before the answer, nobody can know whether it was taken. A notice or a campaign
is then not sent again by itself: it is reported, as `unknown`, and a person decides (NO2: one cause
tells one person once). What a person asked for and waits for, such as the link to a password, is
sent once more under the same Message-ID, and marked as perhaps sent twice: its link works once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from ledger import ids
from ledger.billing.sweep import Broken
from ledger.errors import LedgerError
from ledger.facts import Cause
from ledger.store.refusals import AWAY
from web.mails.notice_facts import note_all
from web.mails.transport import (
    CannotCarry,
    ClaimLost,
    MailRefused,
    PerhapsTaken,
    ServerTrouble,
    Transport,
)
from web.mails.transport_address import MailServer, Sender
from web.mails.transport_message import Unsendable, message
from web.parts import Parts
from web.sessions.outbox import Claimed, State
from web.settings import Settings

NO_SERVER = "no_mail_server"
RETRY_MINUTES = (1, 5, 15, 30, 60, 120, 240, 360)
"""After which a mail is tried again; the last again and again, until it is given up."""


@dataclass
class Posted:
    """What became of the mails of one run, and what broke."""

    outcomes: Counter[str] = field(default_factory=Counter)
    broken: list[Broken] = field(default_factory=list)


def send_due(
    parts: Parts, *, cause: Cause, before_each: Callable[[], None] | None = None
) -> Posted:
    """Send every mail that is due.

    `before_each` may raise, to break off; so does a database that can't be reached. A server that
    can't be used ends the run, and is left alone for a while.
    """
    settings, outbox, posted = parts.settings, parts.desk.outbox, Posted()
    posted.broken += note_all(parts, cause=cause)
    server, sender = settings.mail_server, settings.sender
    if server is None or sender is None:
        if parts.desk.mailbox.sends and outbox.figures().waiting:
            posted.broken.append(Broken(ids.SITE, NO_SERVER, "mails wait for a mail server"))
        return posted
    if over := outbox.give_up_old():
        posted.outcomes["given up"] += over
        posted.broken += note_all(parts, cause=cause)
    if not outbox.is_paused():
        round_ = _Round(parts, server, sender, cause, posted)
        try:
            round_.go(before_each or (lambda: None))
        finally:
            round_.transport.close()
    return posted


def own_name(settings: Settings) -> str:
    """How we introduce ourselves to servers."""
    host = urlsplit(settings.address).hostname or ""
    try:
        return f"[{ip_address(host)}]"
    except ValueError:
        return host if "." in host else "[127.0.0.1]"


class _Round:
    """One run over one connection."""

    def __init__(
        self, parts: Parts, server: MailServer, sender: Sender, cause: Cause, posted: Posted
    ) -> None:
        self._parts, self._sender, self._cause = parts, sender, cause
        self._outbox, self._posted = parts.desk.outbox, posted
        self._server_is_known = False
        self.transport = Transport(server, own_name=own_name(parts.settings))

    def go(self, before_each: Callable[[], None]) -> None:
        """Send until nothing is due, or the server can't be used."""
        while True:
            before_each()
            claimed = self._outbox.claim()
            if claimed is None:
                return
            goes_on = self._send_alone(claimed)
            if claimed.purpose == "notice":
                self._posted.broken += note_all(
                    self._parts, cause=self._cause, mail_id=claimed.mail_id
                )
            if not goes_on:
                return

    def _send_alone(self, claimed: Claimed) -> bool:
        """Send one mail and keep what became of it; whether to go on with others."""
        if claimed.broke_off and (claimed.purpose != "account" or claimed.perhaps_twice):
            self._unknown(claimed, "broken_off")
            return True
        try:
            self._send(claimed)
        except ServerTrouble as trouble:
            self._outbox.server_is_silent(trouble.why)
            self._again(claimed, trouble.why)
            return False
        except AWAY:
            raise  # nothing is wrong with the mail
        except LedgerError as gone:
            self._broken(claimed, gone.code)
        except Exception as error:  # noqa: BLE001 -- reported; the others must not wait
            self._broken(claimed, type(error).__name__)
        return True

    def _send(self, claimed: Claimed) -> None:
        """Hand a mail over, and keep what the server answered."""
        try:
            self._hand_over(claimed)
        except MailRefused as refused:
            self._answered()
            self._refused(claimed, refused)
        except (CannotCarry, Unsendable) as never:
            self._settle(claimed, "given_up", never.why)
        except PerhapsTaken as silence:
            self._perhaps(claimed, silence.why)
        except ClaimLost:
            self._posted.outcomes["taken over"] += 1
        else:
            self._answered()
            self._settle(claimed, "sent")

    def _hand_over(self, claimed: Claimed) -> None:
        mail = self._parts.desk.mailbox.to_send(claimed.mail_id).mail
        now = self._outbox.clock.now()
        made = message(mail, claimed.mail_id, sender=self._sender, date=now)
        self.transport.hand_over(made, before_all=lambda: self._outbox.begin_all(claimed))

    def _answered(self) -> None:
        if not self._server_is_known:
            self._outbox.server_answers()
            self._server_is_known = True

    def _refused(self, claimed: Claimed, refused: MailRefused) -> None:
        if refused.for_ever:
            self._settle(claimed, "bounced", refused.why)
        else:
            self._again(claimed, refused.why)

    def _perhaps(self, claimed: Claimed, why: str) -> None:
        """See the module: who asked for a mail gets it once more, nobody else does."""
        if claimed.purpose == "account" and not (claimed.perhaps_twice or claimed.broke_off):
            self._again(claimed, why, perhaps_taken=True)
        else:
            self._unknown(claimed, why)

    def _unknown(self, claimed: Claimed, why: str) -> None:
        self._settle(claimed, "unknown", why)
        self._posted.broken.append(Broken(claimed.mail_id, "mail_perhaps_sent", why))

    def _broken(self, claimed: Claimed, code: str) -> None:
        self._posted.broken.append(Broken(claimed.mail_id, code, "a mail could not be sent"))
        self._again(claimed, code)

    def _again(self, claimed: Claimed, why: str, *, perhaps_taken: bool = False) -> None:
        minutes = RETRY_MINUTES[min(claimed.attempts, len(RETRY_MINUTES)) - 1]
        next_at = self._outbox.clock.now() + timedelta(minutes=minutes)
        self._outbox.settle(claimed, "failed", why, next_at=next_at, perhaps_taken=perhaps_taken)
        self._posted.outcomes["failed"] += 1

    def _settle(self, claimed: Claimed, state: State, why: str | None = None) -> None:
        self._outbox.settle(claimed, state, why)
        self._posted.outcomes[state.replace("_", " ")] += 1
