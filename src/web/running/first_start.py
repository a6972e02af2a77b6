"""What happens once: the owner is made, and the demonstration site is filled."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from ledger import ids
from ledger.clock import SystemClock, VirtualClock
from ledger.facts import Actor, Cause
from web.demo import DemoReport, tell
from web.jobs.telling import tell_from_now_on
from web.parts import Parts
from web.sessions.sessions import Kind
from web.settings import Settings
from web.wiring import wire

OWNER_EMAIL = "owner@example.org"
DAYS_A_MONTH = 30


@dataclass(frozen=True, slots=True)
class SignIn:
    """What is printed once."""

    email: str
    password: str


def make_owner(parts: Parts, *, email: str = OWNER_EMAIL, name: str = "Owner") -> SignIn | None:
    """Found the site; None if it has an owner already.

    A start that broke off between the books and the sign-in is finished by the next one.
    """
    ledger, desk = parts.ledger, parts.desk
    owner_id = ledger.owner_id()
    if owner_id is None:
        owner_id = ids.derived(ids.SITE, "owner")
        ledger.found_site(
            owner_id,
            email=email,
            name=name,
            locale=parts.settings.default_locale,
            by=Actor(kind="machine"),
            cause=Cause(kind="command_line", id=ids.derived(ids.SITE, "founding")),
        )
    email = ledger.contributor(owner_id).email
    if desk.credentials.account_of(Kind.CONTRIBUTOR, email) is not None:
        return None
    password = secrets.token_urlsafe(12)
    hashed = desk.passwords.hash(password)
    desk.credentials.put(Kind.CONTRIBUTOR, owner_id, email, password_hash=hashed)
    return SignIn(email, password)


def fill_demo(
    settings: Settings,
    dsn: str,
    *,
    members: int,
    months: int,
    seed: int,
    progress: Callable[[int], None],
) -> DemoReport:
    """Tell the demo's story up to now, into books that have no plans. Raises SiteNotEmpty.

    Nobody is written to of what happened in it.
    """
    until = SystemClock().now().replace(minute=0, second=0, microsecond=0)
    clock = VirtualClock(until - timedelta(days=months * DAYS_A_MONTH))
    with wire(settings, dsn, clock=clock) as parts:
        report = tell(
            parts.ledger,
            parts.sandbox,
            clock,
            members=members,
            until=until,
            seed=seed,
            progress=progress,
        )
        tell_from_now_on(parts)
    return report
