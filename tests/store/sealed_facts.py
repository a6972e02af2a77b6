"""Kinds of facts for tests of how facts are stored: with personal fields, without, with a past."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID, uuid5

from pydantic import StringConstraints

from ledger.facts import Actor, Cause, Fact, Personal, Value
from ledger.ids import SITE
from ledger.money import Money
from ledger.store.records import FactRecord, StoredFact

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
ANNA, BRUNO = uuid5(SITE, "anna"), uuid5(SITE, "bruno")
STREAM, OTHER_STREAM = uuid5(SITE, "stream"), uuid5(SITE, "other stream")
MASTER_KEY = bytes(range(32))


class Address(Value):
    """A personal field that is no text."""

    street: str
    town: str


class Greeted(Fact):
    """Personal fields of several types."""

    TOPIC: ClassVar[str] = "mapper_test.greeted"
    email: Personal[Annotated[str, StringConstraints(min_length=3)]]
    name: Personal[str | None] = None
    address: Personal[Address | None] = None
    paid: Money = Money(0, "EUR")


class Paid(Fact):
    """Nothing personal."""

    TOPIC: ClassVar[str] = "mapper_test.paid"
    amount: Money
    lines: tuple[Money, ...] = ()
    words: dict[str, Any] = {}


class Moved(Fact):
    """Had `where` in version 1, `town` in 2, and says the currency since 3."""

    TOPIC: ClassVar[str] = "mapper_test.moved"
    class_version: ClassVar[int] = 3
    town: Personal[str | None]
    currency: str

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["town"] = state.pop("where")

    @staticmethod
    def upcast_v2_v3(state: dict[str, Any]) -> None:
        state["currency"] = "EUR"


class MovedAtFirst(Fact):
    """What `Moved` was in version 1."""

    TOPIC: ClassVar[str] = "mapper_test.moved_at_first"
    where: Personal[str | None]


class Careless(Fact):
    """The mark is within the type, where nobody looks."""

    TOPIC: ClassVar[str] = "mapper_test.careless"
    email: Personal[str] | None = None


def fact(kind: type[Fact], **fields: Any) -> Any:
    address = {"originator_id": STREAM, "originator_version": 1, "member_id": ANNA}
    everything: dict[str, Any] = address | fields
    return kind(
        timestamp=NOON,
        occurred_at=NOON,
        actor=Actor(kind="member", id=ANNA),
        cause=Cause(kind="request", id=SITE),
        **everything,
    )


GREETED = fact(Greeted, email="anna@example.org", name="Anna", paid=Money(1200, "EUR"))
PAID = fact(Paid, amount=Money(1200, "EUR"), lines=(Money(1, "EUR"), Money(2, "EUR")))


def as_record(stored: StoredFact, position: int = 1) -> FactRecord:
    return FactRecord(
        position=position,
        stream_id=UUID(str(stored.originator_id)),
        version=stored.originator_version,
        topic=stored.topic,
        subject_id=stored.subject_id,
        recorded_at=stored.recorded_at,
        state=stored.state,
    )


def with_state(stored: StoredFact, **changes: Any) -> StoredFact:
    state = json.loads(stored.state) | changes
    return replace(stored, state=json.dumps(state, separators=(",", ":")).encode())
