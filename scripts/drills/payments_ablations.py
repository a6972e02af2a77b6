"""What keeps the promises, taken away one by one: without it, the drill must fail.

Each replaces one line of production code by what a more careless house would have written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch
from uuid import UUID

from ledger import ids
from ledger.application import Position, disputes
from ledger.billing.asking import Asking
from ledger.billing.inbox import Inbox
from ledger.billing.refunds import Refunds
from ledger.facts import Cause
from ledger.money import Money
from ledger.order import Attempt, Moved, Order
from ledger.payments.gateway import Payment, Refund
from ledger.store.records import Claim
from scripts.drills.payments_site import NOON


@contextmanager
def new_key_per_try() -> Iterator[None]:
    """Each try of an attempt goes out under a key of its own."""
    ask = Asking.ask

    def asked(self: Asking, order: Order, attempt: Attempt) -> Payment | None:
        return ask(self, order, replace(attempt, attempt_id=ids.new()))

    with patch.object(Asking, "ask", asked):
        yield


@contextmanager
def cumulative_refunds() -> Iterator[None]:
    """A refund is taken for all that the company has refunded of its payment so far."""
    observe = Refunds.observe

    def observed(self: Refunds, order_id: UUID, found: Refund, *, cause: Cause) -> Position:
        moved = self.gateway.list_movements(since=NOON, until=self.ledger.clock.now())
        back = [
            -one.amount.minor
            for one in moved
            if one.payment_id == found.payment_id and one.kind == "refund"
        ]
        amount = Money(sum(back) or found.amount.minor, found.amount.currency)
        return observe(self, order_id, replace(found, amount=amount), cause=cause)

    with patch.object(Refunds, "observe", observed):
        yield


@contextmanager
def dedupe_by_notice_id_alone() -> Iterator[None]:
    """A fee is recorded by every notice that tells it, since each has an id of its own."""
    record = Order.record_fee

    def claim(kind: str, key: bytes, owner: UUID) -> Claim:
        return Claim(kind, key + ids.new().bytes, owner)

    def recorded(self: Order, reference: str, moved: Sequence[Moved], **told: Any) -> None:
        self.movements.difference_update(one.movement_id for one in moved)
        record(self, reference, moved, **told)

    with patch.object(Order, "record_fee", recorded), patch.object(disputes, "Claim", claim):
        yield


@contextmanager
def no_catch_up() -> Iterator[None]:
    """Notices that got lost are not fetched."""
    with patch.object(Inbox, "catch_up", lambda _: 0):
        yield


@dataclass(frozen=True)
class Ablation:
    """Something that is taken away, and which of the promises must break for it."""

    without: Callable[[], AbstractContextManager[None]]
    breaks: frozenset[str]


ABLATIONS = {
    "a new key per try": Ablation(new_key_per_try, frozenset({"double_charges"})),
    "cumulative refunds": Ablation(cumulative_refunds, frozenset({"drift"})),
    "dedupe by notice id alone": Ablation(dedupe_by_notice_id_alone, frozenset({"drift"})),
    "no catch-up": Ablation(no_catch_up, frozenset({"drift", "open_attempts", "open_refunds"})),
}
"""By name. One of the promises that it `breaks` must be broken, or the drill proves nothing."""
