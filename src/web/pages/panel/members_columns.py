"""The columns of the member list: which there are, which are shown, how they are sorted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

from flask import Response, request

from projections.queries.members import MemberSort
from web.identity.auth import parts
from web.pages.panel.listing import Heading, heading
from web.wording.languages import gettext, message

ColumnName = Literal[
    "email",
    "status",
    "plans",
    "joined",
    "last_order",
    "orders",
    "spent",
    "refunded",
    "tags",
    "country",
    "language",
]
COOKIE = "columns"
COOKIE_SECONDS = 365 * 24 * 3600
USUAL: tuple[ColumnName, ...] = ("status", "plans", "joined", "last_order", "spent", "tags")
FALLING = frozenset({"joined", "spent", "last_order", "orders", "refunded"})
"""Columns whose largest is asked for first."""


class Column(NamedTuple):
    """How a column is called, and the sort it stands for."""

    label: str
    sort: MemberSort | None
    is_amount: bool = False


COLUMNS: dict[ColumnName, Column] = {
    "email": Column(message("E-mail"), "email"),
    "status": Column(message("Status"), "status"),
    "plans": Column(message("Plans"), "plan"),
    "joined": Column(message("Joined"), "joined"),
    "last_order": Column(message("Last order"), "last_order"),
    "orders": Column(message("Number of orders"), "orders", is_amount=True),
    "spent": Column(message("Total spent"), "spent", is_amount=True),
    "refunded": Column(message("Given back"), "refunded", is_amount=True),
    "tags": Column(message("Tags"), None),
    "country": Column(message("Country of the card"), None),
    "language": Column(message("Language"), "language"),
}


def shown(asked: Sequence[ColumnName]) -> tuple[ColumnName, ...]:
    """Those of the address; else those that this browser keeps; else the usual ones."""
    names: Sequence[str] = asked or request.cookies.get(COOKIE, "").split(".")
    chosen = tuple(name for name in get_args(ColumnName) if name in names)
    return chosen or USUAL


def keep(answer: Response, chosen: Sequence[ColumnName]) -> None:
    """Let this browser show these columns from now on."""
    answer.set_cookie(
        COOKIE,
        ".".join(chosen),
        max_age=COOKIE_SECONDS,
        secure=parts().settings.secure,
        httponly=True,
        samesite="Lax",
    )


def labels() -> dict[ColumnName, str]:
    """What each column is called."""
    return {name: gettext(column.label) for name, column in COLUMNS.items()}


def headings(chosen: Sequence[ColumnName], sort: str, *, descending: bool) -> list[Heading]:
    """A heading for the name, and for each column that is shown."""

    def of(name: str, column: Column) -> Heading:
        label = gettext(column.label)
        if column.sort is None:
            return Heading(name, label, amount=column.is_amount)
        falls = column.sort in FALLING
        return heading(column.sort, label, sort=sort, descending=descending, falls_first=falls)

    first = of("name", Column(message("Member"), "name"))
    return [first, *(of(name, COLUMNS[name]) for name in chosen)]
