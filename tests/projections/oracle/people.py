"""Members: each contact from the list of the facts that concern them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from tests.projections.oracle.lines import NEVER, Fact, last, member_topics, moment
from tests.projections.oracle.orders import is_settled
from tests.projections.oracle.stays import (
    Stay,
    billing,
    cancelled_at,
    opens_until,
    runs_until,
    stay_part,
)
from tests.projections.oracle.words import same_address, sort_key, unless_erased

METHOD = ("brand", "last_four", "expires", "country")


def member_row(
    own: list[Fact], stays: dict[str, Stay], orders: Iterable[list[Fact]], purse: dict[str, int]
) -> Fact:
    """A row of the members, from somebody's own stream, memberships, orders and spending."""
    opened, closed = own[0], last(own, "member.account_closed")
    return {
        "member_id": opened["originator_id"],
        "opened_at": moment(opened),
        "closed_at": closed and moment(closed),
        "locale": _said(own, "locale"),
        "verified": any(
            f["topic"] in member_topics("email_verified", "email_changed") for f in own
        ),
        **_who(own),
        **_method(own),
        "tags": tags(own),
        "agrees": _agrees(own),
        **_membership(stays),
        **_orders(list(orders)),
        **{name: purse[name] for name in ("gross", "refunded", "disputed")},
        "spent": purse["net"],
    }


def name_of(own: list[Fact]) -> str:
    """Somebody's name."""
    return str(_said(own, "name"))


def tags(own: list[Fact]) -> list[str]:
    """The tags that were put on somebody and not taken off again, sorted."""
    latest = {f["tag"]: f["topic"] for f in own if "tag" in f}
    return sorted(tag for tag, topic in latest.items() if topic == "member.tagged")


def _agrees(own: list[Fact]) -> bool:
    fact = last(own, *member_topics("consented", "unsubscribed"))
    return fact is not None and fact["topic"] == "member.consented"


def _said(own: list[Fact], field: str) -> Any:
    sources = {
        "name": member_topics("account_opened", "renamed"),
        "email": member_topics("account_opened", "email_changed"),
        "locale": member_topics("account_opened", "locale_chosen"),
    }
    fact = last(own, *sources[field])
    assert fact is not None
    return fact[field]


def _who(own: list[Fact]) -> Fact:
    name, email = name_of(own), str(_said(own, "email"))
    is_known = unless_erased(name) is not None and unless_erased(email) is not None
    return {
        "name": name,
        "email": email,
        "name_key": sort_key(name),
        "email_key": sort_key(email),
        "same_name": sort_key(name) if is_known else None,
        "same_email": same_address(email) if is_known else None,
    }


def _method(own: list[Fact]) -> Fact:
    fact = last(own, *member_topics("method_saved", "method_replaced", "method_removed"))
    saved: Fact = fact if fact and fact["topic"] != "member.method_removed" else {}
    fingerprint = saved.get("fingerprint")
    return {
        **{f"method_{name}": saved.get(name) for name in METHOD},
        "same_method": fingerprint and unless_erased(fingerprint),
    }


# --- memberships --------------------------------------------------------------------------


def _membership(stays: dict[str, Stay]) -> Fact:
    every = list(stays.values())
    joined = [moment(stay["facts"][0]) for stay in every]
    going_on = [stay for stay in every if not cancelled_at(stay)]
    return {
        "joined_at": min(joined, default=NEVER),
        "last_joined_at": max(joined, default=NEVER),
        "is_customer": is_customer(every),
        "stays": [stay_part(name, stay) for name, stay in stays.items()],
        "plans": list(plan_untils(every).items()),
        "plan_key": _plan_key(every),
        "member_until": _latest(every),
        "access_until": max(map(opens_until, every), default=None),
        "past_due_until": _latest(s for s in going_on if billing(s) == "past_due"),
        "action_required_until": _latest(s for s in going_on if billing(s) == "action_required"),
        "cancelling_until": _latest(s for s in every if cancelled_at(s)),
    }


def is_customer(stays: Iterable[Stay]) -> bool:
    """Whether somebody is, or was, in a plan that takes money."""
    return any(stay["model"] != "free" for stay in stays)


def plan_untils(stays: Iterable[Stay]) -> dict[str, datetime]:
    """Until when memberships in each plan stand."""
    untils: dict[str, datetime] = {}
    for stay in stays:
        untils[stay["plan"]] = max(runs_until(stay), untils.get(stay["plan"], NEVER))
    return untils


def _plan_key(stays: list[Stay]) -> str:
    longest = _latest(stays)
    names = [s["facts"][0]["plan_name"] for s in stays if runs_until(s) == longest]
    return min(map(sort_key, names), default="")


def _latest(stays: Iterable[Stay]) -> datetime | None:
    return max(map(runs_until, stays), default=None)


def _orders(orders: list[list[Fact]]) -> Fact:
    settled = [order for order in orders if is_settled(order)]
    return {
        "order_count": len(settled),
        "last_order_at": max(map(_settled_at, settled), default=NEVER),
    }


def _settled_at(order: list[Fact]) -> datetime:
    paid = [moment(fact) for fact in order if fact["topic"] == "order.paid"]
    return paid[0] if order[0]["amount"]["minor"] else moment(order[0])
