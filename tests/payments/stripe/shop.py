"""A site that charges through the emulated Stripe, and hears what it tells."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ledger.billing.collection import Collection
from ledger.billing.inbox import Inbox, InboxReport
from ledger.billing.observing import Observing
from ledger.money import Money
from ledger.store.inbox import InboxTable
from tests.application.sites import Site, eur, opened
from tests.payments.stripe.line import Watcher, gateway_over
from tests.payments.stripe.stripe_stage import StripeStage

REAL_MONEY = {"payment", "refund"}


@dataclass
class Shop:
    """The site, the company, and the inbox between them."""

    site: Site
    stage: StripeStage
    inbox: Inbox

    def join(self, card: str = "pm_card_visa") -> tuple[UUID, Any]:
        """A person joins a monthly plan with the token that their page made of a card."""
        member_id = self.site.person()
        token = self.stage.card(card)
        return member_id, self.site.join(member_id, self.site.plan(), token)

    def hear(self) -> InboxReport:
        """Everything that was sent arrives, twice and backwards, and is worked off."""
        for told in [*self.stage.sent()][::-1] * 2:
            self.inbox.receive(told.raw, told.headers)
        return self.inbox.work()

    def balance(self) -> Money:
        """What payments and refunds have left at Stripe."""
        moved = self.stage.stripe.list_movements(
            since=self.stage.began, until=self.site.clock.now().replace(year=2030)
        )
        return sum((each.amount for each in moved if each.kind in REAL_MONEY), eur(0))

    def elsewhere(self, *watchers: Watcher) -> Collection:
        """The same books in a process of its own, which remembers nothing of Stripe."""
        gateway = gateway_over(self.stage.emulator, self.site.clock, watchers=list(watchers))
        return self.site.collection_through(gateway)


@contextmanager
def shop_over(dsn: str) -> Iterator[Shop]:
    """An empty shop."""
    with opened(dsn) as site:
        stage = StripeStage(site.clock)
        site.collection = site.collection_through(stage.stripe)
        inbox = Inbox(
            InboxTable(site.pool, site.ledger.vault.derive("inbox")),
            stage.stripe,
            Observing(site.ledger, site.collection),
            site.clock,
            company="stripe",
        )
        yield Shop(site, stage, inbox)
