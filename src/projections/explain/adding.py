"""What each fact adds to a figure, told by its stored name.

Written apart from the views' folds, to be their judge: nothing here may call them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

from ledger.facts import Fact
from projections.explain.answers import Line, Unit
from projections.explain.books import Told

TOTALS = ("gross", "refunded", "disputed", "net")
FEES = "fees"
SETTLING = frozenset(
    {
        "order.paid",
        "order.refunded",
        "order.refund_failed",
        "order.dispute_closed",
        "order.fee_recorded",
    }
)
"""The stored names of facts that may add something to a total."""

NET = {"gross": 1, "refunded": -1, "disputed": -1}
ORDER_FIGURES = ("paid", "refunded", "refunding", "contested", "lost", "fees", "refundable")


def of_total(fact: Fact) -> dict[str, int]:
    """What a fact adds to somebody's total, in minor units: each counts when settled (OR8)."""
    said: Any = fact
    match fact.TOPIC:
        case "order.paid":
            return _with_net("gross", said.amount.minor)
        case "order.refunded":
            return _with_net("refunded", said.amount.minor)
        case "order.refund_failed" if said.was_settled:
            return _with_net("refunded", -said.amount.minor)
        case "order.dispute_closed" if said.outcome == "lost":
            return _with_net("disputed", said.amount.minor)
        case "order.fee_recorded":
            return {FEES: said.amount.minor}
        case _:
            return {}


def _with_net(figure: str, minor: int) -> dict[str, int]:
    return {figure: minor, "net": NET[figure] * minor}


def total_lines(facts: Iterable[Told], names: Collection[str]) -> list[Line]:
    """The facts that add something to one of these figures, and those that can't be read."""
    lines = []
    for told in facts:
        if told.record.topic in SETTLING:
            adds = of_total(told.fact) if told.fact else {}
            named = {name: minor for name, minor in adds.items() if name in names}
            if named or told.fault:
                lines.append(_said(told, named))
    return lines


def order_lines(facts: Iterable[Told]) -> list[Line]:
    """The facts of one order's stream that move its money, or promise to."""
    promised: dict[UUID, int] = {}
    lines = []
    for told in facts:
        adds = _of_order(told.fact, promised) if told.fact else {}
        if adds or told.fault:
            lines.append(_said(told, adds))
    return lines


def _of_order(fact: Fact, promised: dict[UUID, int]) -> dict[str, int]:
    """What a fact adds to an order's figures; `promised` are the refunds under way."""
    return _of_payment(fact) or _of_refund(fact, promised) or _of_dispute(fact)


def _of_payment(fact: Fact) -> dict[str, int]:
    said: Any = fact
    match fact.TOPIC:
        case "order.paid":
            return {"paid": said.amount.minor, "refundable": said.amount.minor}
        case "order.fee_recorded":
            return {FEES: said.amount.minor}
        case _:
            return {}


def _of_refund(fact: Fact, promised: dict[UUID, int]) -> dict[str, int]:
    said: Any = fact
    match fact.TOPIC:
        case "order.refund_requested":
            promised[said.refund_id] = said.amount.minor
            return {"refunding": said.amount.minor, "refundable": -said.amount.minor}
        case "order.refunded":
            kept, made = promised.pop(said.refund_id, 0), said.amount.minor
            return {"refunded": made, "refunding": -kept, "refundable": kept - made}
        case "order.refund_failed":
            kept = promised.pop(said.refund_id, 0)
            back = said.amount.minor if said.was_settled else 0
            return {"refunded": -back, "refunding": -kept, "refundable": kept + back}
        case _:
            return {}


def _of_dispute(fact: Fact) -> dict[str, int]:
    said: Any = fact
    match fact.TOPIC:
        case "order.dispute_opened":
            return {"contested": said.amount.minor, "refundable": -said.amount.minor}
        case "order.dispute_closed" if said.outcome == "lost":
            return {"contested": -said.amount.minor, "lost": said.amount.minor}
        case "order.dispute_closed":
            return {"contested": -said.amount.minor, "refundable": said.amount.minor}
        case _:
            return {}


def _said(told: Told, adds: dict[str, int]) -> Line:
    amount = getattr(told.fact, "amount", None)
    unit = None if amount is None else Unit(amount.currency, getattr(told.fact, "mode", ""))
    return replace(told.line, adds={name: n for name, n in adds.items() if n}, unit=unit)
