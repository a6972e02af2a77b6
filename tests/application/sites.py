"""A site for tests of use cases: ledger, sandbox and clock over a database of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg_pool import ConnectionPool

from ledger import ids
from ledger.application import Ledger, SiteRules
from ledger.billing.collection import Collection
from ledger.billing.outcomes import Collected
from ledger.clock import VirtualClock
from ledger.discount import DiscountRules
from ledger.facts import Actor, Cause
from ledger.member import Membership
from ledger.money import Money
from ledger.notification import Recipient
from ledger.payments.gateway import Gateway
from ledger.payments.sandbox import Sandbox
from ledger.payments.sandbox_books import MemoryBooks
from ledger.store.key_rows import KeyTable
from ledger.store.pool import open_pool
from ledger.store.recorder import FactRecorder
from ledger.store.vault import Vault
from ledger.terms import Terms

L = TypeVar("L", bound=Ledger)

NOON = datetime(2025, 1, 31, 12, tzinfo=UTC)
STAFF = Actor(kind="contributor", id=UUID(int=7))
SCHEDULER = Actor(kind="scheduler")
GATEWAY = Actor(kind="gateway")
MASTER_KEY = bytes(range(32))
VISA = "pm_card_visa"
SENDS_LATER_BACK = "pm_card_chargeCustomerFail"
"""Pays when the person is there, is declined when they are away."""


def eur(minor: int) -> Money:
    """Cents of euros."""
    return Money(minor, "EUR")


FREE = Terms(model="free", amount=eur(0))
ONE_TIME = Terms(model="one_time", amount=eur(9_900))
MONTHLY = Terms(model="recurring", amount=eur(1_200), unit="month", every=1)
THREE_PAYMENTS = Terms(model="instalments", amount=eur(3_000), unit="month", every=1, payments=3)


def cause() -> Cause:
    """A request of its own."""
    return Cause(kind="request", id=ids.new())


def themself(member_id: UUID) -> Actor:
    """The person."""
    return Actor(kind="member", id=member_id)


@dataclass
class Site:
    """What a test needs of a site. Virtual time; a payment company in memory."""

    pool: ConnectionPool[Any]
    clock: VirtualClock
    ledger: Ledger
    sandbox: Sandbox
    collection: Collection

    # --- given ------------------------------------------------------------------------

    def person(self, name: str = "ada") -> UUID:
        """Someone with an account and no plan."""
        member_id = ids.new()
        self.ledger.open_account(
            member_id,
            email=f"{name}@example.org",
            name=name,
            locale="en",
            by=themself(member_id),
            cause=cause(),
        )
        return member_id

    def plan(self, terms: Terms = MONTHLY, name: str = "Gold") -> UUID:
        """An open plan."""
        plan_id = ids.new()
        self.ledger.draft_plan(plan_id, name=name, description="", by=STAFF, cause=cause())
        self.ledger.set_price(plan_id, terms, by=STAFF, cause=cause())
        self.ledger.open_plan(plan_id, by=STAFF, cause=cause())
        return plan_id

    def code(self, text: str = "SPRING", **rules: Any) -> UUID:
        """A discount code; half price unless told."""
        discount_id = ids.new()
        cut = {} if "amount" in rules else {"percent": 50}
        self.ledger.make_discount(
            discount_id, code=text, rules=DiscountRules(**{**cut, **rules}), by=STAFF, cause=cause()
        )
        return discount_id

    def join(
        self,
        member_id: UUID,
        plan_id: UUID,
        card: str | None = VISA,
        code: str | None = None,
        because: Cause | None = None,
        **more: Any,
    ) -> Collected:
        """The person joins a plan."""
        return self.collection.join(
            member_id,
            plan_id,
            method_token=card,
            discount_code=code,
            by=themself(member_id),
            cause=because or cause(),
            **more,
        )

    def joined(
        self, terms: Terms = MONTHLY, card: str | None = VISA
    ) -> tuple[UUID, UUID, Membership]:
        """A person, a plan and the membership."""
        member_id, plan_id = self.person(f"p{ids.new().hex[:8]}"), self.plan(terms)
        self.join(member_id, plan_id, card)
        return member_id, plan_id, self.stay(member_id)

    def dearer(self, plan_id: UUID, effective: datetime, minor: int = 1_500) -> str:
        """The monthly plan has another price, also for its members; the fact that set it."""
        self.ledger.set_price(
            plan_id,
            MONTHLY.model_copy(update={"amount": eur(minor)}),
            effective_for_existing_from=effective,
            by=STAFF,
            cause=cause(),
        )
        return self.ledger.plan(plan_id).price.fact_id

    # --- when -------------------------------------------------------------------------

    def tell_price(self, member_id: UUID, price_fact: str) -> UUID:
        """Somebody is sent the letter of a price; the notice."""
        notice_id = self.queue_price(member_id, price_fact)
        self.ledger.record_notice_sent(notice_id, attempt=1, by=SCHEDULER, cause=cause())
        return notice_id

    def queue_price(self, member_id: UUID, price_fact: str) -> UUID:
        """Somebody is to be told of a price; the notice, which waits for its letter."""
        themselves = Recipient(kind="member", id=member_id, role="member")
        self.ledger.queue_notice(
            themselves,
            "price_change",
            because_of=price_fact,
            locale="en",
            by=SCHEDULER,
            cause=cause(),
        )
        return ids.notice(price_fact, member_id, "price_change")

    def later(self, days: int = 0, *, hours: int = 0) -> None:
        """Time passes."""
        self.clock.advance(timedelta(days=days, hours=hours))

    def charge(self, member_id: UUID, membership_id: UUID) -> Collected:
        """The scheduler charges what is due."""
        job = Cause(kind="job", id=ids.new())
        return self.collection.charge_due(member_id, membership_id, cause=job)

    def remove(self, member_id: UUID, *membership_ids: UUID) -> int:
        """Staff remove someone."""
        return self.ledger.remove_memberships(
            member_id, membership_ids, "rude", by=STAFF, cause=cause()
        )

    def cancel(self, member_id: UUID, membership_id: UUID) -> int:
        """The member stops renewal."""
        return self.ledger.self_cancel(
            member_id, membership_id, by=themself(member_id), cause=cause()
        )

    # --- then -------------------------------------------------------------------------

    def stay(self, member_id: UUID) -> Membership:
        """The latest of someone's memberships."""
        return list(self.ledger.member(member_id).memberships.values())[-1]

    def opens(self, member_id: UUID, plan_id: UUID) -> bool:
        """Whether the plan's content is open to them now."""
        return self.ledger.access(member_id, plan_id).allowed

    def facts(self, stream_id: UUID) -> list[Any]:
        """What happened; fields of a kind of fact are asked without naming the kind."""
        return self.ledger.facts_of(stream_id)

    def topics(self, stream_id: UUID) -> list[str]:
        """What happened, by stored names."""
        return [fact.TOPIC for fact in self.ledger.facts_of(stream_id)]

    def moved(self) -> Money:
        """What the payment company holds of ours, fees apart."""
        always = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
        movements = self.sandbox.list_movements(since=always[0], until=always[1])
        return sum((m.amount for m in movements if m.kind != "fee"), eur(0))

    # --- others -----------------------------------------------------------------------

    def ledger_of(self, kind: Callable[..., L], **rules: Any) -> L:
        """Another ledger on the same books, as another process has it."""
        return kind(
            FactRecorder(self.pool),
            Vault(MASTER_KEY, KeyTable(self.pool)),
            clock=self.clock,
            rules=replace(self.ledger.rules, **rules),
        )

    def collection_through(self, gateway: Gateway) -> Collection:
        """The same books, with another way to the payment company."""
        return Collection(self.ledger, gateway)


@contextmanager
def opened(dsn: str) -> Iterator[Site]:
    """An empty site."""
    with open_pool(dsn, max_size=20) as pool:
        clock = VirtualClock(NOON)
        sandbox = Sandbox(books=MemoryBooks(), clock=clock)
        ledger = Ledger(
            FactRecorder(pool),
            Vault(MASTER_KEY, KeyTable(pool)),
            clock=clock,
            rules=SiteRules(currency="EUR", zone=ZoneInfo("Europe/Paris"), mode="test"),
        )
        yield Site(pool, clock, ledger, sandbox, Collection(ledger, sandbox))
