"""In which order a list of members stands."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Literal, LiteralString

from projections.queries.member_filter import MemberFilter
from projections.queries.segments import (
    HELD,
    HINTS,
    JOINED_STATUSES,
    NEVER_JOINED_STATUSES,
    RUNNING,
    SEGMENTS,
    STATUSES,
    STATUSES_OF,
    Status,
)
from projections.queries.stretches import NOWHERE, Hint, Order, Part

MemberSort = Literal[
    "name",
    "email",
    "joined",
    "plan",
    "status",
    "spent",
    "last_order",
    "orders",
    "refunded",
    "language",
]


def _by_name(condition: LiteralString = "true", hints: tuple[Hint, ...] = ()) -> Part:
    return Part("view.name_key", "text", lambda row: row.name_key, condition, hints)


def _by_email(condition: LiteralString = "true", hints: tuple[Hint, ...] = ()) -> Part:
    return Part("view.email_key", "text", lambda row: row.email_key, condition, hints)


IS_CLOSED: LiteralString = "view.traits @> %(closed)s::bigint[]"
"""Follows from being closed, and is found by the index of traits."""
BY_STATUS = {
    name: replace(
        _by_name(STATUSES[name], HINTS[name]), held=(STATUSES[name],) if name in HELD else ()
    )
    for name in STATUSES
}
BY_STATUS["closed"] = _by_name(STATUSES["closed"] + " AND " + IS_CLOSED, HINTS["closed"])

BY_PLAN = Part("view.plan_key", "text", lambda row: row.plan_key)
BY_JOINED = Part("view.joined_at", "timestamptz", lambda row: row.joined_at)
BY_SPENT = Part("view.spent", "bigint", lambda row: row.spent)
BY_LAST_ORDER = Part("view.last_order_at", "timestamptz", lambda row: row.last_order_at)
BY_ORDERS = Part("view.order_count", "bigint", lambda row: row.order_count)
BY_REFUNDED = Part("view.refunded", "bigint", lambda row: row.refunded)
BY_LANGUAGE = Part("view.locale", "text", lambda row: row.locale)

IN_NONE: LiteralString = "(view.member_until > %(now)s) IS NOT TRUE"
ORDERS: dict[str, Order] = {
    "name": (_by_name(),),
    "email": (_by_email(),),
    "joined": (BY_JOINED,),
    "plan": (
        replace(BY_PLAN, condition=SEGMENTS["members"], hints=RUNNING),
        _by_name(IN_NONE, (Hint("view.member_until", IN_NONE),)),
    ),
    "status": tuple(BY_STATUS.values()),
    "spent": (BY_SPENT,),
    "last_order": (BY_LAST_ORDER,),
    "orders": (BY_ORDERS,),
    "refunded": (BY_REFUNDED,),
    "language": (BY_LANGUAGE,),
}

# Where all joined, or nobody did: by the view's own indexes of them.
NEVER_JOINED: LiteralString = "view.member_until IS NULL"
NO_ORDER: LiteralString = (
    "view.last_order_at = '0001-01-01T00:00:00+00:00' AND view.member_until IS NOT NULL"
)
ORDERED: LiteralString = "view.last_order_at > %(never)s"
OF_WHO_NEVER_JOINED: dict[str, Order] = {
    sort: (replace(part, condition=NEVER_JOINED, within=NEVER_JOINED),)
    for sort, part in (("spent", BY_SPENT), ("last_order", BY_LAST_ORDER))
}
OF_WHO_JOINED: dict[str, Order] = {
    "last_order": (
        replace(BY_LAST_ORDER, condition=NO_ORDER, within=NO_ORDER),
        replace(BY_LAST_ORDER, condition=ORDERED, hints=(Hint("view.last_order_at", ORDERED),)),
    )
}

NAME_BEGINS: LiteralString = "view.name_key >= %(beginning)s AND view.name_key < %(beyond)s"
NAME_BEGINS_OTHERWISE: LiteralString = (
    "(view.name_key < %(beginning)s OR view.name_key >= %(beyond)s)"
)
EMAIL_BEGINS: LiteralString = "view.email_key >= %(beginning)s AND view.email_key < %(beyond)s"
EMAIL_BEGINS_OTHERWISE: LiteralString = (
    "(view.email_key < %(beginning)s OR view.email_key >= %(beyond)s)"
)
IS_NAME = Hint("view.name_key", NAME_BEGINS)
IS_NO_NAME = Hint("view.name_key", NAME_BEGINS_OTHERWISE)
IS_EMAIL = Hint("view.email_key", EMAIL_BEGINS)
IS_NO_EMAIL = Hint("view.email_key", EMAIL_BEGINS_OTHERWISE)
BEGINNING_FIRST: dict[LiteralString, tuple[tuple[Hint, ...], ...]] = {
    "view.name_key": ((IS_NAME,), (IS_NO_NAME,)),
    "view.email_key": ((IS_EMAIL,), (IS_NO_EMAIL, IS_NAME), (IS_NO_EMAIL, IS_NO_NAME)),
}
"""Of those whom a text finds, those whose name begins with it come first, in both directions, and
among addresses those that begin with it before them: by name or address, and among those of a
status or without a plan, whom the same sorts.

They are who is looked for; and without that, a list by name would begin with a look through all
the names before them.
"""


def order_of(sort: str, asked: MemberFilter, *, descending: bool) -> Order:
    """The parts of a list, in rising order; those that can't hold anybody are NOWHERE."""
    if sort == "plan" and asked.plan_id is not None:
        sort = "name"  # all are in that plan
    order = _narrowed(sort, asked.possible_statuses())
    if not asked.beginning:
        return order
    return tuple(one for part in order for one in _beginning_first(part, descending=descending))


def _beginning_first(part: Part, *, descending: bool) -> Sequence[Part]:
    if part.condition == NOWHERE or part.column not in BEGINNING_FIRST:
        return (part,)
    parts = [
        replace(
            part,
            condition=" AND ".join((part.condition, *(hint.condition for hint in hints))),
            hints=(*part.hints, *hints),
        )
        for hints in BEGINNING_FIRST[part.column]
    ]
    return parts[::-1] if descending else parts


def _narrowed(sort: str, possible: Collection[Status]) -> Order:
    if sort == "status":
        return tuple(_if(name in possible, part) for name, part in BY_STATUS.items())
    joined, never = _any_of(possible, JOINED_STATUSES), _any_of(possible, NEVER_JOINED_STATUSES)
    if sort == "plan":
        first, last = ORDERS["plan"]
        running = _any_of(possible, STATUSES_OF["members"])
        return _if(running, first), _if(never or "former" in possible, last)
    if not joined:
        return OF_WHO_NEVER_JOINED.get(sort, ORDERS[sort])
    return ORDERS[sort] if never else OF_WHO_JOINED.get(sort, ORDERS[sort])


def _any_of(possible: Collection[Status], wanted: Collection[Status]) -> bool:
    return any(status in wanted for status in possible)


def _if(possible: bool, part: Part) -> Part:
    return part if possible else replace(part, condition=NOWHERE)
