"""In which order a list of members stands."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Literal, LiteralString

from projections.queries.member_filter import MemberFilter
from projections.queries.segments import (
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

MemberSort = Literal["name", "email", "joined", "plan", "status", "spent", "last_order"]


def _by_name(condition: LiteralString = "true", hints: tuple[Hint, ...] = ()) -> Part:
    return Part("view.name_key", "text", lambda row: row.name_key, condition, hints)


def _by_email(condition: LiteralString = "true", hints: tuple[Hint, ...] = ()) -> Part:
    return Part("view.email_key", "text", lambda row: row.email_key, condition, hints)


BY_STATUS = {name: _by_name(STATUSES[name], HINTS[name]) for name in STATUSES}

# The predicates of the view's indexes.
JOINED: LiteralString = "view.member_until IS NOT NULL"
NEVER_JOINED: LiteralString = "view.member_until IS NULL"

IN_PLANS = Part(
    "view.plan_key",
    "text",
    lambda row: row.plan_key,
    SEGMENTS["members"],
    (RUNNING,),
    within=(JOINED,),
)
IN_NONE: LiteralString = "(view.member_until > %(now)s) IS NOT TRUE"
BY_JOINED = Part("view.joined_at", "timestamptz", lambda row: row.joined_at)
BY_SPENT = Part("view.spent", "bigint", lambda row: row.spent)
BY_LAST_ORDER = Part("view.last_order_at", "timestamptz", lambda row: row.last_order_at)

ORDERS: dict[str, Order] = {
    "name": (_by_name(),),
    "email": (_by_email(),),
    "joined": (
        replace(BY_JOINED, condition=NEVER_JOINED, within=(NEVER_JOINED,)),
        replace(BY_JOINED, condition=JOINED, within=(JOINED,)),
    ),
    "plan": (IN_PLANS, _by_name(IN_NONE, (Hint("view.member_until", IN_NONE),))),
    "status": tuple(BY_STATUS.values()),
    "spent": (replace(BY_SPENT, within=(JOINED, NEVER_JOINED)),),
    "last_order": (replace(BY_LAST_ORDER, within=(JOINED, NEVER_JOINED)),),
}

NAME_BEGINS: LiteralString = "view.name_key >= %(beginning)s AND view.name_key < %(beyond)s"
NAME_BEGINS_OTHERWISE: LiteralString = (
    "(view.name_key < %(beginning)s OR view.name_key >= %(beyond)s)"
)
EMAIL_BEGINS: LiteralString = "view.email_key >= %(beginning)s AND view.email_key < %(beyond)s"
EMAIL_BEGINS_OTHERWISE: LiteralString = (
    "(view.email_key < %(beginning)s OR view.email_key >= %(beyond)s)"
)
BEGINNING_FIRST: dict[str, Order] = {
    "name": (
        _by_name(NAME_BEGINS, (Hint("view.name_key", NAME_BEGINS),)),
        _by_name(NAME_BEGINS_OTHERWISE, (Hint("view.name_key", NAME_BEGINS_OTHERWISE),)),
    ),
    "email": (
        _by_email(EMAIL_BEGINS, (Hint("view.email_key", EMAIL_BEGINS),)),
        _by_email(EMAIL_BEGINS_OTHERWISE, (Hint("view.email_key", EMAIL_BEGINS_OTHERWISE),)),
    ),
}
"""Of those whom a text finds, those whose name begins with it come first, in both directions.

They are who is looked for; and without that, a list by name would begin with a look through all
the names before them.
"""


def order_of(sort: str, asked: MemberFilter, *, descending: bool) -> Order:
    """The parts of a list, in rising order; those that can't hold anybody are NOWHERE."""
    if sort in BEGINNING_FIRST and asked.beginning:
        parts = BEGINNING_FIRST[sort]
        return parts[::-1] if descending else parts
    if sort == "plan" and asked.plan_id is not None:
        return ORDERS["name"]  # all are in that plan
    return _narrowed(sort, asked.possible_statuses())


def _narrowed(sort: str, possible: Collection[Status]) -> Order:
    if sort == "status":
        return tuple(_if(name in possible, part) for name, part in BY_STATUS.items())
    first, last = ORDERS[sort][0], ORDERS[sort][-1]
    joined, never = _any_of(possible, JOINED_STATUSES), _any_of(possible, NEVER_JOINED_STATUSES)
    if sort == "joined":
        return _if(never, first), _if(joined, last)
    if sort == "plan":
        running = _any_of(possible, STATUSES_OF["members"])
        return _if(running, first), _if(never or "former" in possible, last)
    if first.within:
        within = ((JOINED,) if joined else ()) + ((NEVER_JOINED,) if never else ())
        return (_if(joined or never, replace(first, within=within)),)
    return ORDERS[sort]


def _any_of(possible: Collection[Status], wanted: Collection[Status]) -> bool:
    return any(status in wanted for status in possible)


def _if(possible: bool, part: Part) -> Part:
    return part if possible else replace(part, condition=NOWHERE)
