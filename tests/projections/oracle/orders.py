"""Orders and money: each order from the list of its own facts, each total as a sum over facts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.projections.oracle.lines import Fact, last, moment, streams

ATTEMPT = {
    "order.attempt_started": "open",
    "order.attempt_pending": "pending",
    "order.outcome_unknown": "unknown",
    "order.attempt_abandoned": "abandoned",
    "order.payment_failed": "failed",
    "order.paid": "paid",
}
REFUND = {
    "order.refund_requested": "requested",
    "order.refund_pending": "pending",
    "order.refunded": "made",
    "order.refund_failed": "failed",
}
REFERRING = ("payment", "payment_reversed", "refund", "fee")

OPEN_STATES = ("open", "pending", "unknown", "requested")


def orders_of(facts: Iterable[Fact]) -> dict[str, list[Fact]]:
    """The facts of every order, by its id, in the order in which they were placed."""
    return streams(facts, "order")


def is_settled(order: list[Fact]) -> bool:
    """Whether it counts: it cost nothing, or money came in."""
    return order[0]["amount"]["minor"] == 0 or any(f["topic"] == "order.paid" for f in order)


# --- papers -------------------------------------------------------------------------------


def attempts(order: list[Fact]) -> list[Fact]:
    """Every try, with the last that was heard of it."""
    lines = []
    for started in (fact for fact in order if fact["topic"] == "order.attempt_started"):
        own = [f for f in order if f.get("attempt_id") == started["attempt_id"]]
        news = [f for f in own if f["topic"] in ATTEMPT]
        declined = last(news, "order.payment_failed") or {}
        pending = last(news, "order.attempt_pending") or {}
        lines.append(
            {
                "attempt_id": started["attempt_id"],
                "state": ATTEMPT[news[-1]["topic"]],
                "at": moment(started),
                "off_session": started["off_session"],
                "category": declined.get("category"),
                "code": declined.get("code"),
                "waits_for": pending.get("waits_for"),
            }
        )
    return lines


def payments(order: list[Fact]) -> list[Fact]:
    """Every sum that came in, and whether it stands."""
    taken_back = [fact for fact in order if fact["topic"] == "order.payment_reversed"]
    return [
        {
            "reference": fact["reference"],
            "minor": fact["amount"]["minor"],
            "at": moment(fact),
            "fact_id": f"{fact['originator_id']}/{fact['originator_version']}",
            "is_reversed": any(f["reference"] == fact["reference"] for f in taken_back),
        }
        for fact in order
        if fact["topic"] == "order.paid"
    ]


def refunds(order: list[Fact]) -> list[Fact]:
    """Every refund, with the last that was heard of it."""
    lines = []
    for asked in (fact for fact in order if fact["topic"] == "order.refund_requested"):
        news = [f for f in order if f.get("refund_id") == asked["refund_id"]]
        made, failed = last(news, "order.refunded"), last(news, "order.refund_failed")
        lines.append(
            {
                "refund_id": asked["refund_id"],
                "payment_reference": asked["payment_reference"],
                "minor": asked["amount"]["minor"],
                "reason": asked["reason"],
                "state": REFUND[news[-1]["topic"]],
                "requested_at": moment(asked),
                "settled_at": made and moment(made),
                "code": failed and failed["code"],
            }
        )
    return lines


def disputes(order: list[Fact]) -> list[Fact]:
    """Every dispute, and how it ended."""
    lines = []
    for opened in (fact for fact in order if fact["topic"] == "order.dispute_opened"):
        news = [f for f in order if f.get("dispute_id") == opened["dispute_id"]]
        closed = last(news, "order.dispute_closed")
        said = last(news, "order.dispute_opened", "order.dispute_updated") or opened
        lines.append(
            {
                "dispute_id": opened["dispute_id"],
                "payment_reference": opened["payment_reference"],
                "minor": said["amount"]["minor"],
                "reason": said["reason"],
                "refundable": said["refundable"],
                "state": closed["outcome"] if closed else "open",
                "opened_at": moment(opened),
            }
        )
    return lines


def refundable(order: list[Fact]) -> int:
    """What is left to refund of an order's payments, each by itself."""
    return sum(_left(payment, order) for payment in payments(order))


def _left(payment: Fact, order: list[Fact]) -> int:
    back = [r for r in refunds(order) if r["payment_reference"] == payment["reference"]]
    contested = [d for d in disputes(order) if d["payment_reference"] == payment["reference"]]
    contested = [d for d in contested if d["state"] != "won"]
    if payment["is_reversed"] or any(d["refundable"] is False for d in contested):
        return 0
    inquiries = [d for d in contested if d["state"] == "open" and d["refundable"]]
    gone = sum(r["minor"] for r in back if r["state"] != "failed")
    gone += sum(d["minor"] for d in contested if d not in inquiries)
    return int(max(0, payment["minor"] - gone))


# --- its row ------------------------------------------------------------------------------


def order_row(order: list[Fact]) -> Fact:
    """A row of the orders."""
    placed = order[0]
    discount = placed["discount"]
    withdrawn = last(order, "order.withdrawn")
    same = ("membership_id", "plan_id", "plan_name", "price_version", "charge", "charge_index")
    row: Fact = {
        "member_id": placed["member_id"],
        "order_id": placed["originator_id"],
        **{name: placed[name] for name in same},
        **{name: placed[name] for name in ("tax_basis_points", "mode", "period_start")},
        **{name: placed[name] for name in ("period_end", "due_at")},
        "currency": placed["amount"]["currency"],
        "list_price": placed["list_price"]["minor"],
        "amount": placed["amount"]["minor"],
        "discount_code": discount and discount["terms"]["code"],
        "discount_cut": discount["cut"]["minor"] if discount else 0,
        "placed_at": moment(placed),
        "withdrawn_at": withdrawn and moment(withdrawn),
        "attempts": attempts(order),
        "payments": payments(order),
        "refunds": refunds(order),
        "disputes": disputes(order),
    }
    row |= _sums(order, row)
    return {**row, "state": _state(row), "undecided_since": _undecided_since(row)}


def _sums(order: list[Fact], row: Fact) -> Fact:
    moved: Counter[str] = Counter()
    for move in movements(order):
        if move["kind"] != "fee" or move["currency"] == row["currency"]:  # a balance's own else
            moved[move["kind"]] += move["minor"]
    return {
        "paid": moved["payment"] + moved["payment_reversed"],
        "refunded": -moved["refund"] - moved["refund_failed"],
        "lost": -moved["dispute_lost"],
        "fees": -moved["fee"],
        "refunding": sum(r["minor"] for r in row["refunds"] if r["state"] in OPEN_STATES),
        "contested": sum(d["minor"] for d in row["disputes"] if d["state"] == "open"),
    }


def _undecided_since(row: Fact) -> datetime | None:
    tried = [one["at"] for one in row["attempts"] if one["state"] in OPEN_STATES]
    asked = [one["requested_at"] for one in row["refunds"] if one["state"] in OPEN_STATES]
    return min([*tried, *asked], default=None)


def _state(row: Fact) -> str:
    back = "refunded" if row["refunded"] >= row["paid"] else "partly_refunded"
    after = [("disputed", row["contested"]), ("lost", row["lost"]), (back, row["refunded"])]
    if row["paid"]:
        return next((name for name, minor in after if minor), "paid")
    if row["withdrawn_at"]:
        return "withdrawn"
    if row["amount"] == 0:
        return "free"
    latest = row["attempts"][-1]["state"] if row["attempts"] else "open"
    return "open" if latest in ("abandoned", "paid") else str(latest)


# --- money --------------------------------------------------------------------------------


def movements(facts: Iterable[Fact], zone: ZoneInfo | None = None) -> Iterator[Fact]:
    """Money that moved, in minor units, with its sign."""
    for fact in facts:
        kind, sign = _kind(fact)
        if kind is not None:
            yield {
                "member_id": fact["member_id"],
                "order_id": fact["originator_id"],
                "fact_version": fact["originator_version"],
                "kind": kind,
                "currency": fact["amount"]["currency"],
                "mode": fact["mode"],
                "minor": sign * fact["amount"]["minor"],
                "reference": fact["reference"] if kind in REFERRING else None,
                "occurred_at": moment(fact),
                "recorded_at": fact["timestamp"],
                "year": moment(fact).astimezone(zone).year,
                "position": fact["position"],
            }


KINDS = {
    "order.paid": ("payment", 1),
    "order.payment_reversed": ("payment_reversed", -1),
    "order.refunded": ("refund", -1),
    "order.refund_failed": ("refund_failed", 1),
    "order.dispute_closed": ("dispute_lost", -1),
    "order.fee_recorded": ("fee", -1),
}


def _kind(fact: Fact) -> tuple[str | None, int]:
    if fact.get("was_settled") is False:
        return None, 0
    if fact.get("outcome") == "won":
        return ("dispute_lost", 1) if fact.get("was_lost") else (None, 0)
    return KINDS.get(fact["topic"], (None, 0))


SPENT = {"payment": "gross", "payment_reversed": "gross"}
SPENT |= {"refund": "refunded", "refund_failed": "refunded", "dispute_lost": "disputed"}
STANDS = {"payment": 1, "payment_reversed": -1}
Purse = tuple[str, str, str]
"""Whose, in which currency, live or test."""


def spending(moves: Iterable[Fact]) -> dict[Purse, Counter[str]]:
    """Gross, refunded, disputed, net and how many payments, in minor units."""
    spent: defaultdict[Purse, Counter[str]] = defaultdict(Counter)
    for move in moves:
        if move["kind"] in SPENT:
            purse = spent[move["member_id"], move["currency"], move["mode"]]
            column = SPENT[move["kind"]]
            purse[column] += move["minor"] if column == "gross" else -move["minor"]
            purse["net"] += move["minor"]
            purse["payments"] += STANDS.get(move["kind"], 0)
    return spent


def spending_rows(moves: Iterable[Fact]) -> Iterator[Fact]:
    """Rows of the spending."""
    names = ("gross", "refunded", "disputed", "net", "payments")
    for (member, currency, mode), purse in spending(moves).items():
        sums: dict[str, Any] = {name: purse[name] for name in names}
        yield {"member_id": member, "currency": currency, "mode": mode, **sums}
