"""Everything the edge keeps, built once over one pool."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from ledger.clock import Clock
from web.identity.passwords import Passwords
from web.identity.seals import Seals
from web.sessions.bulk_acts import BulkActs
from web.sessions.campaigns import Campaigns
from web.sessions.credentials import Credentials
from web.sessions.engagement import Engagement
from web.sessions.limits import Limits
from web.sessions.links import Links
from web.sessions.mailbox import Mailbox
from web.sessions.outbox import Outbox
from web.sessions.plan_passwords import PlanPasswords
from web.sessions.pool import Pool
from web.sessions.replays import Replays
from web.sessions.second_factors import SecondFactors
from web.sessions.sessions import Kind, Sessions
from web.sessions.site_time import machine_clock
from web.sessions.tokens import Tokens


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What the edge keeps between two requests."""

    seals: Seals
    passwords: Passwords
    sessions: Sessions
    credentials: Credentials
    second_factors: SecondFactors
    tokens: Tokens
    limits: Limits
    links: Links
    mailbox: Mailbox
    outbox: Outbox
    replays: Replays
    plan_passwords: PlanPasswords
    engagement: Engagement
    campaigns: Campaigns
    bulk_acts: BulkActs

    @classmethod
    def over(
        cls,
        pool: Pool,
        clock: Clock,
        master_key: bytes,
        *,
        shows_mails: bool,
        sends_mails: bool = False,
        mail_days: int = 30,
    ) -> Desk:
        """The desk over a database whose schema `web` is up to date."""
        seals, passwords = Seals(master_key), Passwords()
        outbox = Outbox(pool, machine_clock(clock))
        mailbox = Mailbox(
            pool,
            clock,
            seals,
            shown=shows_mails,
            outbox=outbox,
            sends=sends_mails,
            kept_days=mail_days,
        )
        return cls(
            seals=seals,
            passwords=passwords,
            sessions=Sessions(pool, clock),
            credentials=Credentials(pool, clock, seals, passwords),
            second_factors=SecondFactors(pool, machine_clock(clock), seals),
            tokens=Tokens(pool, clock),
            limits=Limits(pool, clock, seals),
            links=Links(pool, clock, seals),
            mailbox=mailbox,
            outbox=outbox,
            replays=Replays(pool, clock, seals),
            plan_passwords=PlanPasswords(pool, clock, passwords),
            engagement=Engagement(pool, clock),
            campaigns=Campaigns(pool, clock),
            bulk_acts=BulkActs(pool, clock),
        )

    def forget(self, kind: Kind, account_id: UUID, *, email: str) -> None:
        """An account is gone: it signs in nowhere, and nothing here can be read about it."""
        self.credentials.forget(kind, account_id)
        self.sessions.revoke_all(kind, account_id)
        self.links.forget(account_id)
        self.links.forget(email)
        self.mailbox.forget(email)
        if kind is Kind.MEMBER:
            self.engagement.forget(account_id)
            self.campaigns.forget(account_id)
        else:
            self.second_factors.forget(account_id)

    def purge(self) -> int:
        """Remove whatever has expired; a job of the worker. Answers how many rows."""
        expiring = (
            self.sessions,
            self.limits,
            self.links,
            self.replays,
            self.bulk_acts,
            self.mailbox,
        )
        return sum(keeper.purge() for keeper in expiring)
