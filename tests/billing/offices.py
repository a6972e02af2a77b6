"""A site with its inbox: what the payment company tells arrives as a test wants it to."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from ledger import ids
from ledger.billing.inbox import Inbox, InboxReport
from ledger.billing.observing import Observing
from ledger.order import Order
from ledger.payments.gateway import Delivery, Gateway, Observation, Resolved
from ledger.store.inbox import InboxTable
from tests.application import sites
from tests.application.sites import ONE_TIME, Site

DAY = timedelta(days=1)


@dataclass
class Office:
    """A site, its inbox, and a payment company that tells what happens there."""

    site: Site
    table: InboxTable
    inbox: Inbox

    def order(self, card: str = "pm_card_visa") -> Order:
        """A paid order of 99.00."""
        member_id = self.site.person(f"p{ids.new().hex[:8]}")
        order_id = self.site.join(member_id, self.site.plan(ONE_TIME), card).order_id
        return self.site.ledger.order(order_id)

    def told(self, reaches_back: timedelta = 30 * DAY) -> list[Delivery]:
        """Everything that the company has told, or should have, up to now."""
        now = self.site.clock.now()
        moment = timedelta(microseconds=1)
        return list(self.site.sandbox.deliveries(since=now - reaches_back, until=now + moment))

    def post(self, deliveries: Iterable[Delivery]) -> None:
        """Let these arrive."""
        for one in deliveries:
            self.inbox.receive(one.raw, one.headers)

    def hear(self, reaches_back: timedelta = 30 * DAY) -> InboxReport:
        """Everything arrives and is worked off."""
        self.post(self.told(reaches_back))
        return self.work()

    def work(self) -> InboxReport:
        """All that waits by now is worked off."""
        report = InboxReport()
        while done := self.inbox.work().outcomes:
            report.outcomes += done
        return report

    def states(self) -> dict[str, int]:
        """How many notices stand where."""
        return self.table.counts()

    def reference(self, order_id: UUID) -> str:
        """The company's id of the one payment of an order."""
        [reference] = self.site.ledger.order(order_id).references
        return reference

    def topics(self, order_id: UUID) -> list[str]:
        """What happened to an order, without its first words."""
        return [topic.removeprefix("order.") for topic in self.site.topics(order_id)]

    def through(self, gateway: object) -> Inbox:
        """The same inbox, with another way to the company."""
        company = cast("Gateway", gateway)
        collection = self.site.collection_through(company)
        observing = Observing(self.site.ledger, collection)
        return Inbox(self.table, company, observing, self.site.clock)


class Altered:
    """The sandbox, with some answers of a test's own."""

    def __init__(self, office: Office, **answers: Callable[..., Any]) -> None:
        self._sandbox, self._answers = office.site.sandbox, answers

    def __getattr__(self, name: str) -> Any:
        return self._answers.get(name) or getattr(self._sandbox, name)


def see(office: Office, *seen: Observation) -> None:
    """Take in observations, as a notice would."""
    for one in seen:
        office.inbox.observing.take_in(one, cause=sites.cause())


def broken(office: Office, fault: BaseException) -> Inbox:
    """An inbox whose company does not say what a notice is about."""

    def resolve(_: Any) -> Resolved:
        raise fault

    return office.through(Altered(office, resolve=resolve))


@contextmanager
def opened(dsn: str) -> Iterator[Office]:
    """An empty site with an empty inbox."""
    with sites.opened(dsn) as site:
        table = InboxTable(site.pool, site.ledger.vault.derive("inbox"))
        observing = Observing(site.ledger, site.collection)
        yield Office(site, table, Inbox(table, site.sandbox, observing, site.clock))


def shuffled(deliveries: Iterable[Delivery], seed: int) -> list[Delivery]:
    """In another order, some twice, some lost; never the same for another seed."""
    dice = random.Random(seed)  # noqa: S311 -- no secret
    drawn = [one for one in deliveries for _ in range(dice.choice((0, 1, 1, 2)))]
    dice.shuffle(drawn)
    return drawn
