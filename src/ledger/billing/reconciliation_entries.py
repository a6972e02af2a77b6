"""Our money facts, each as the change of the balance that it speaks of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from uuid import UUID

from ledger.billing.reconciliation import Entry
from ledger.facts import Fact
from ledger.money import Mode, Money
from ledger.order import Order
from ledger.payments.balance import MovementKind

ReferenceOfRefund = Callable[[UUID, UUID], str | None]
"""The company's id of an order's refund, by order and refund; None if it never told one."""


def entries_of(facts: Iterable[Fact], reference_of: ReferenceOfRefund) -> Iterator[Entry]:
    """The entries that facts make; facts of other kinds make none.

    A refund that failed names no reference of the company's: that is asked of its order.
    """
    for fact in facts:
        match fact:
            case Order.Paid():
                yield _entry(fact, "payment", fact.reference, fact.amount, fact.mode)
            case Order.PaymentReversed():
                yield _entry(fact, "payment", fact.reference, -fact.amount, fact.mode)
            case Order.FeeRecorded():
                entry = _entry(fact, "fee", fact.reference, -fact.amount, fact.mode)
                yield replace(entry, movement_id=fact.movement_id)
            case Order.Refunded():
                yield _entry(fact, "refund", fact.reference, -fact.amount, fact.mode)
            case Order.RefundFailed() if fact.was_settled:
                source = reference_of(fact.originator_id, fact.refund_id) or str(fact.refund_id)
                yield _entry(fact, "refund_failure", source, fact.amount, fact.mode)
            case Order.DisputeFundsMoved():
                back = fact.amount.minor > 0
                kind: MovementKind = "dispute_reversal" if back else "dispute"
                entry = _entry(fact, kind, fact.dispute_id, fact.amount, fact.mode)
                yield replace(entry, movement_id=fact.movement_id)


def _entry(fact: Fact, kind: MovementKind, source: str, amount: Money, mode: Mode) -> Entry:
    return Entry(kind, source, amount, fact.occurred_at, mode, fact.originator_id, fact.fact_id)
