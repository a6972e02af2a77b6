"""What each fact adds to a figure, told by its stored name.

Written apart from the views' folds, to be their judge: nothing here may call them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

from ledger.facts import Fact
from projections.explain.answers import Line, Unit
from projections.explain.books import Told
from projections.explain.purse import Purse

TOTALS = ("gross", "refunded", "disputed", "net")
FEES = "fees"
ADDS = {
    "order.paid": ("gross", 1),
    "order.payment_reversed": ("gross", -1),
    "order.refunded": ("refunded", 1),
    "order.refund_failed": ("refunded", -1),
    "order.dispute_closed": ("disputed", 1),
}
SETTLING = frozenset({*ADDS, "order.fee_recorded"})
"""The stored names of facts that may add something to a total."""
NET = {"gross": 1, "refunded": -1, "disputed": -1}
ORDER_FIGURES = ("paid", "refunded", "refunding", "contested", "lost", "fees", "refundable")


def of_total(fact: Fact) -> dict[str, int]:
    """What a fact adds to somebody's total, in minor units: each counts when settled (OR8)."""
    said: Any = fact
    match fact.TOPIC:
        case "order.fee_recorded":
            return {FEES: said.amount.minor}
        case "order.refund_failed" if not said.was_settled:
            return {}
        case "order.dispute_closed" if said.outcome != "lost":
            return _with_net("disputed", -said.amount.minor) if said.was_lost else {}
        case topic if topic in ADDS:
            figure, sign = ADDS[topic]
            return _with_net(figure, sign * said.amount.minor)
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
    purse, lines = Purse(), []
    before = purse.figures()
    for told in facts:
        if told.fact:
            purse.hear(told.fact)
        after = purse.figures()
        adds = {name: after[name] - before[name] for name in ORDER_FIGURES}
        if any(adds.values()) or told.fault:
            lines.append(_said(told, adds))
        before = after
    return lines


def _said(told: Told, adds: dict[str, int]) -> Line:
    amount = getattr(told.fact, "amount", None)
    unit = None if amount is None else Unit(amount.currency, getattr(told.fact, "mode", ""))
    return replace(told.line, adds={name: n for name, n in adds.items() if n}, unit=unit)
