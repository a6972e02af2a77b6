"""What several answers hold: money, plans' prices, memberships, orders, methods."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from ledger.member.facts import MethodFact
from ledger.money import Money
from projections.history import Entry
from projections.plans import PriceLine
from web.api.framework import Answer
from web.api.models import Reply

Locale = Literal["en", "fr"]
ShortText = Annotated[str, StringConstraints(max_length=1_000)]
LongText = Annotated[str, StringConstraints(max_length=50_000)]
"""The books say what a text may be; a request holds no more than this before they look at it."""
Secret = Annotated[
    str, StringConstraints(max_length=1_000), Field(json_schema_extra={"format": "password"})
]
Count = Annotated[int, Field(ge=0)]


class Made(Reply):
    """What was made, by its id."""

    id: UUID


class MailSent(Reply):
    """A mail is on its way, whoever has an account and whoever has none."""

    next: Literal["Follow the link in the mail."] = "Follow the link in the mail."


class PriceReply(Reply):
    """One charge of a price version: `every` `unit`s apart, `payments` of them."""

    version: int
    model: str
    amount: Money
    unit: str | None
    every: int | None
    payments: int | None

    @classmethod
    def of(cls, line: PriceLine) -> PriceReply:
        """As a view keeps it."""
        return cls(
            version=line.version,
            model=line.model,
            amount=Money(line.minor, line.currency),
            unit=line.unit,
            every=line.every,
            payments=line.payments,
        )


class MethodReply(Reply):
    """A saved payment method: what may be shown of it."""

    brand: str
    last_four: str
    expires: str
    country: str

    @classmethod
    def of(cls, method: MethodFact) -> MethodReply:
        """As the books keep it."""
        return cls(
            brand=method.brand,
            last_four=method.last_four,
            expires=method.expires,
            country=method.country,
        )


class SpentReply(Reply):
    """Total spent in one currency and mode: net = gross - refunded - disputed (OR8, OR9)."""

    currency: str
    mode: str
    gross: Money
    refunded: Money
    disputed: Money
    net: Money
    payments: Count


class Counted(Reply):
    """How many; about so many, to two digits, where it isn't exact."""

    count: Count
    is_exact: bool


class AccessReply(Reply):
    """Whether a plan's content is open to a member at an instant, and why (AX7).

    `until` is when a yes ends if nothing else happens; null where it has no end. `facts` are the
    facts that decide, as stream/version; a member's history shows them.
    """

    member_id: UUID | None
    plan_id: UUID
    at: datetime
    access: bool
    rule: str
    until: datetime | None
    membership_id: UUID | None
    facts: list[str]


def done(position: int) -> Answer:
    """A command without more to say; where it stands in the books, if it was news."""
    return Answer(position=position or None)


def made(made_id: UUID, position: int) -> Answer:
    """A command that made something."""
    return Answer(reply=Made(id=made_id), position=position or None)


class RecordedFactReply(Reply):
    """A fact: what, who, why, when it was true and when it was recorded."""

    position: int
    fact: str = Field(description="stream/version")
    topic: str
    actor_kind: str
    actor_id: UUID | None
    cause_kind: str
    cause_id: UUID
    occurred_at: datetime
    recorded_at: datetime
    fields: dict[str, Any] = Field(description="as stored; what was erased says so")


def recorded_fact(entry: Entry, *, without: Collection[str] = ()) -> dict[str, Any]:
    """The fields of a fact's reply, but for some of the fact's own."""
    return {
        "position": entry.position,
        "fact": entry.fact_id,
        "topic": entry.topic,
        "actor_kind": entry.actor.kind,
        "actor_id": entry.actor.id,
        "cause_kind": entry.cause.kind,
        "cause_id": entry.cause.id,
        "occurred_at": entry.occurred_at,
        "recorded_at": entry.recorded_at,
        "fields": {name: value for name, value in entry.fields.items() if name not in without},
    }
