"""What the tests of the books are told in: instants, stamps, money, and facts that are stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from eventsourcing.utils import get_topic

from ledger import ids
from ledger.facts import Actor, Aggregate, Cause, Fact, FirstFact, Stamp
from ledger.member import Member, facts
from ledger.money import Money
from ledger.order import Order
from ledger.order.facts import AttemptStarted, OrderPlaced, Paid
from ledger.terms import Terms

A = TypeVar("A", bound=Aggregate)

PARIS = ZoneInfo("Europe/Paris")
NEW_YORK = ZoneInfo("America/New_York")

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
"""When the stories begin."""


def uid(word: str) -> UUID:
    """The same id for the same word."""
    return uuid5(ids.SITE, word)


ANNE, GOLD, SILVER, STAY, NEXT_STAY = map(uid, ("anne", "gold", "silver", "stay", "next stay"))
BOB = uid("bob")


def day(days: int, *, hours: int = 0) -> datetime:
    """So many days and hours after noon of the first day."""
    return NOON + timedelta(days=days, hours=hours)


def stamp(actor: Actor, instant: datetime) -> Stamp:
    """Done by someone at an instant, and recorded at once."""
    return Stamp(actor, Cause(kind="request", id=uid(f"cause {instant}")), instant, instant)


def by_anne(instant: datetime = NOON) -> Stamp:
    """The member herself."""
    return stamp(Actor(kind="member", id=ANNE), instant)


def by_staff(instant: datetime = NOON) -> Stamp:
    """One of the staff."""
    return stamp(Actor(kind="contributor", id=BOB), instant)


def by_scheduler(instant: datetime = NOON) -> Stamp:
    """A job that was due."""
    return stamp(Actor(kind="scheduler"), instant)


def by_gateway(instant: datetime = NOON) -> Stamp:
    """A notice of the payment company."""
    return stamp(Actor(kind="gateway"), instant)


def eur(minor: int) -> Money:
    """Cents of euros."""
    return Money(minor, "EUR")


FREE = Terms(model="free", amount=eur(0))
ONE_TIME = Terms(model="one_time", amount=eur(9_900))
MONTHLY = Terms(model="recurring", amount=eur(1_200), unit="month", every=1)
YEARLY = Terms(model="recurring", amount=eur(12_000), unit="year", every=1)
THREE_PAYMENTS = Terms(model="instalments", amount=eur(3_000), unit="month", every=1, payments=3)


# --- facts that are stored --------------------------------------------------------------


@dataclass(frozen=True)
class Past:
    """A fact as the books hold it, but for its place in the stream."""

    kind: type[Fact]
    occurred_at: datetime
    actor: Actor
    fields: dict[str, Any]


def past(kind: type[Fact], occurred_at: datetime = NOON, **fields: Any) -> Past:
    """Something that happened."""
    return Past(kind, occurred_at, Actor(kind="member", id=ANNE), fields)


def given(kind: type[A], *story: Past, stream_id: UUID = ANNE) -> A:
    """The aggregate that stored facts add up to. No rule is asked: they have happened."""
    found: A | None = None
    for number, told in enumerate(story, start=1):
        found = _stored(kind, told, stream_id, number).mutate(found)
    assert found is not None
    return found


def _stored(kind: type[Aggregate], told: Past, stream_id: UUID, number: int) -> Fact:
    topic = {"originator_topic": get_topic(kind)} if issubclass(told.kind, FirstFact) else {}
    fact = told.kind(
        originator_id=stream_id,
        originator_version=number,
        timestamp=told.occurred_at,
        occurred_at=told.occurred_at,
        actor=told.actor,
        cause=Cause(kind="request", id=uid(f"past {number}")),
        **{"member_id": ANNE, **topic, **told.fields},
    )
    return as_read_back(fact)


def as_read_back(fact: Fact) -> Fact:
    """The fact after a way through the store: made of its JSON."""
    return type(fact).model_validate_json(fact.model_dump_json())


def recorded(aggregate: Aggregate) -> list[Fact]:
    """The facts that acts on an aggregate have made and that are not saved yet."""
    return [fact for fact in aggregate.pending_events if isinstance(fact, Fact)]


def names(aggregate: Aggregate) -> list[str]:
    """The stored names of these facts."""
    return [fact.TOPIC for fact in recorded(aggregate)]


def replayed(aggregate: A) -> A:
    """The same stream, read back from JSON; the aggregate must have begun in this test."""
    found: A | None = None
    for fact in recorded(aggregate):
        found = as_read_back(fact).mutate(found)
    assert found is not None
    return found


def state(aggregate: Aggregate) -> dict[str, Any]:
    """All that an aggregate knows, but for what is not saved yet."""
    return {name: value for name, value in vars(aggregate).items() if name != "_pending_events"}


OPENED = past(facts.AccountOpened, email="anne@example.org", name="Anne", locale="en")


def joined(
    terms: Terms,
    *,
    period_end: datetime | None = None,
    access_until: datetime | None = None,
    at: datetime = NOON,
    plan_id: UUID = GOLD,
    membership_id: UUID = STAY,
) -> Past:
    """A person has joined a plan."""
    return past(
        facts.Joined,
        at,
        membership_id=membership_id,
        plan_id=plan_id,
        plan_name="Gold",
        terms=terms,
        price_version=1,
        order_id=ids.order(membership_id, 0),
        discount=None,
        began_free=False,
        period_end=period_end,
        access_until=access_until,
    )


JOINED_MONTHLY = joined(MONTHLY, period_end=day(28), access_until=day(38))
"""Paid for 28 days; 10 days of grace follow."""

JOINED_FREE = joined(FREE)
JOINED_FOR_GOOD = joined(ONE_TIME)
JOINED_IN_INSTALMENTS = joined(THREE_PAYMENTS, period_end=day(28), access_until=day(38))

SAVED_CARD = past(
    facts.MethodSaved,
    method_id="pm_1",
    customer_id="cus_1",
    brand="visa",
    last_four="4242",
    fingerprint="f1",
    expires="2030-01",
    country="FR",
)


def anne(*story: Past) -> Member:
    """A member with an account, to whom more has happened."""
    return given(Member, OPENED, *story)


def placed(amount: Money | None = None, *, mode: str = "live", tax: int | None = None) -> Past:
    """An order for the first charge of Anne's membership."""
    price = eur(1_200) if amount is None else amount
    return past(
        OrderPlaced,
        membership_id=STAY,
        plan_id=GOLD,
        plan_name="Gold",
        price_version=1,
        charge="first",
        charge_index=0,
        list_price=price,
        amount=price,
        discount=None,
        tax_basis_points=tax,
        period_start=NOON,
        period_end=day(28),
        due_at=NOON,
        mode=mode,
    )


ORDER = ids.order(STAY, 0)


def order(*story: Past) -> Order:
    """The first order of Anne's membership."""
    return given(Order, *story, stream_id=ORDER)


ATTEMPT = ids.attempt(ORDER, 1)
TRIED = past(
    AttemptStarted,
    attempt_id=ATTEMPT,
    number=1,
    amount=eur(1_200),
    off_session=False,
    method_id="pm_1",
)


def paid(amount: Money | None = None, *, reference: str = "pay_1") -> Past:
    """Money has come in for it."""
    return past(
        Paid, attempt_id=ATTEMPT, reference=reference, amount=amount or eur(1_200), mode="live"
    )
