"""Memberships: each one from the list of its own facts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from tests.projections.oracle.lines import FOREVER, Fact, instant, last, member_topics, moment

Stay = dict[str, Any]
"""A membership: `member`, `plan`, `model`, and `facts`, the first of which is the joining."""

UNPAID = ("past_due", "action_required")
ENDINGS = member_topics("left", "removed", "lapsed")
PAID = member_topics("joined", "renewed")
FRESH = (*PAID, *member_topics("cancellation_withdrawn"))
"""After these nothing is owed."""

ACCESS = {
    "member.joined": "access_until",
    "member.renewed": "access_until",
    "member.past_due": "grace_until",
    "member.action_required": "grace_until",
    "member.action_cleared": "grace_until",
    "member.self_cancelled": "access_until",
    "member.cancellation_withdrawn": "access_until",
    "member.instalments_completed": None,
}
"""Where a fact says until when the plan is open; None where it is for good."""

BILLING = {
    "member.renewed": "current",
    "member.cancellation_withdrawn": "current",
    "member.past_due": "past_due",
    "member.action_required": "action_required",
    "member.action_cleared": "past_due",
    "member.instalments_completed": "completed",
}


def stays_of(facts: Iterable[Fact]) -> dict[str, Stay]:
    """Every membership of some facts, by its id, in the order in which they began."""
    stays: dict[str, Stay] = {}
    for fact in facts:
        if fact["topic"] == "member.joined":
            stays[fact["membership_id"]] = {
                "member": fact["member_id"],
                "plan": fact["plan_id"],
                "model": fact["terms"]["model"],
                "facts": [fact],
            }
        elif fact["topic"].startswith("member.") and fact.get("membership_id") in stays:
            stays[fact["membership_id"]]["facts"].append(fact)
    return stays


def found(stay: Stay, *topics: str) -> Fact:
    """The latest fact of some kinds, of which there is one."""
    fact = last(stay["facts"], *topics)
    assert fact is not None, topics
    return fact


# --- what its facts say -------------------------------------------------------------------


def open_until(stay: Stay) -> datetime | None:
    """Until when its plan is open, endings aside; None where that is for good."""
    fact = found(stay, *ACCESS)
    field = ACCESS[fact["topic"]]
    return instant(fact[field]) if field else None


def billing(stay: Stay) -> str:
    """Whether it is paid for."""
    fact = found(stay, "member.joined", *BILLING)
    if fact["topic"] != "member.joined":
        return BILLING[fact["topic"]]
    return "current" if stay["model"] in ("recurring", "instalments") else "none"


def retry_at(stay: Stay) -> datetime | None:
    """When a failed charge is tried again: straight after a failure, or once it was mended."""
    settling = (*FRESH, *ENDINGS, *member_topics("action_required", "self_cancelled"))
    retried = member_topics("past_due", "action_cleared")
    fact = found(stay, *retried, *settling)
    return instant(fact["retry_at"]) if fact["topic"] in retried else None


def cancelled_at(stay: Stay) -> datetime | None:
    """When its member stopped renewal, if that stands."""
    fact = last(stay["facts"], *member_topics("self_cancelled", "cancellation_withdrawn"))
    return moment(fact) if fact and fact["topic"] == "member.self_cancelled" else None


def ended_at(stay: Stay) -> datetime | None:
    """When it was ended by a fact."""
    fact = last(stay["facts"], *ENDINGS)
    return moment(fact) if fact else None


def ending(stay: Stay) -> str | None:
    """How it ends or ended, where a fact says so."""
    fact = last(stay["facts"], *ENDINGS)
    if fact:
        return str(fact["topic"].removeprefix("member."))
    return "self_cancelled" if cancelled_at(stay) else None


def runs_until(stay: Stay) -> datetime:
    """Until when it stands: a charge or a retry that is late does not end it."""
    ends = [ended_at(stay) or FOREVER]
    unpaid_for_good = billing(stay) in UNPAID and retry_at(stay) is None
    if cancelled_at(stay) or unpaid_for_good:
        ends.append(open_until(stay) or FOREVER)
    return min(ends)


def runs(stay: Stay, now: datetime) -> bool:
    """Whether it stands at an instant."""
    return now < runs_until(stay)


def opens_until(stay: Stay) -> datetime:
    """Until when its plan is open to its member."""
    return min(open_until(stay) or FOREVER, ended_at(stay) or FOREVER)


def opens(stay: Stay, now: datetime) -> bool:
    """Whether it opens its plan at an instant, in hindsight: a gap stays a gap."""
    over = ended_at(stay)
    if over is not None and over <= now:
        return False
    given: list[tuple[datetime, datetime | None]] = []
    for fact in (fact for fact in stay["facts"] if fact["topic"] in ACCESS):
        at, field = moment(fact), ACCESS[fact["topic"]]
        if given and (given[-1][1] is None or given[-1][1] > at):
            given[-1] = (given[-1][0], at)
        given.append((at, instant(fact[field]) if field else None))
    return any(start <= now < (end or FOREVER) for start, end in given)


def standing(stay: Stay, now: datetime) -> str:
    """What can be said of it at an instant."""
    if not runs(stay, now):
        return f"ended_{ending(stay) or 'lapsed'}"
    if cancelled_at(stay):
        return "cancelling"
    return billing(stay) if billing(stay) in UNPAID else "running"


# --- its row ------------------------------------------------------------------------------


def membership_row(membership_id: str, stay: Stay) -> Fact:
    """A row of the memberships."""
    joined = stay["facts"][0]
    paid, owed = found(stay, *PAID), _owed(stay)
    return {
        "member_id": stay["member"],
        "membership_id": membership_id,
        **_price(found(stay, "member.joined", "member.price_moved")),
        **_discount(joined["discount"]),
        **{name: joined[name] for name in ("plan_id", "plan_name", "began_free")},
        "joined_at": moment(joined),
        "charge_index": paid.get("charge_index", 0),
        "period_start": paid.get("period_start", joined["occurred_at"]),
        "period_end": paid["period_end"],
        "order_id": paid["order_id"],
        "access_until": open_until(stay),
        "billing": billing(stay),
        "failures": next((f["failures"] for f in reversed(owed) if "failures" in f), 0),
        "unpaid_order_id": owed[-1]["order_id"] if owed else None,
        "retry_at": retry_at(stay),
        "cancelled_at": cancelled_at(stay),
        "ended_at": ended_at(stay),
        "ending": ending(stay),
        "runs_until": runs_until(stay),
    }


def stay_part(membership_id: str, stay: Stay) -> Fact:
    """A membership as its member's row has it."""
    row = membership_row(membership_id, stay)
    names = ("membership_id", "plan_id", "plan_name", "model", "joined_at", "access_until")
    more = ("billing", "retry_at", "cancelled_at", "ended_at", "ending")
    return {name: row[name] for name in (*names, *more)}


def _owed(stay: Stay) -> list[Fact]:
    """The failures since something was paid, or was no longer owed."""
    owed: list[Fact] = []
    for fact in stay["facts"]:
        if fact["topic"] in FRESH:
            owed = []
        elif fact["topic"] in member_topics(*UNPAID):
            owed.append(fact)
    return owed


def _price(fact: Fact) -> Fact:
    terms = fact["terms"]
    return {
        "model": terms["model"],
        "price": terms["amount"]["minor"],
        "currency": terms["amount"]["currency"],
        **{name: terms[name] for name in ("unit", "every", "payments")},
        "price_version": fact["price_version"],
    }


def _discount(discount: Fact | None) -> Fact:
    given: Fact = discount or {"amount": None}
    return {
        "discount_code": given.get("code"),
        "discount_percent": given.get("percent"),
        "discount_amount": given["amount"] and given["amount"]["minor"],
        "discount_every_payment": bool(given.get("every_payment")),
    }
