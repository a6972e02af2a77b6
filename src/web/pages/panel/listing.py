"""What lists have in common: chips that show and take off filters, headings that sort, pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal
from urllib.parse import urlencode

from flask import request

from web.identity.auth import parts
from web.pages.filling import Args
from web.pages.frame import url_with

PAGE = 50
Direction = Literal["asc", "desc"]


class ListArgs(Args):
    """Where in a list, and in which direction it is sorted."""

    direction: Direction | None = None
    cursor: str | None = None


@dataclass(frozen=True)
class Chip:
    """A filter that is on, and the address of the list without it."""

    label: str
    off: str


@dataclass(frozen=True)
class Heading:
    """A column; with an address where it can be sorted by it."""

    name: str
    label: str
    url: str | None = None
    sorted: Literal["ascending", "descending"] | None = None
    amount: bool = False


def chip(label: str, name: str, value: str | None = None) -> Chip:
    """A filter's chip. A parameter that is repeated loses only this value."""
    if value is None:
        return Chip(label, url_with(**{name: None, "cursor": None}))
    kept = [
        (key, text)
        for key, text in request.args.items(multi=True)
        if key != "cursor" and (key, text) != (name, value)
    ]
    return Chip(label, address(kept))


def address(parameters: Sequence[tuple[str, str]]) -> str:
    """The address of the list at hand with these parameters alone."""
    return f"{request.path}?{urlencode(parameters)}" if parameters else request.path


def heading(
    name: str, label: str, *, sort: str, descending: bool, falls_first: bool = False
) -> Heading:
    """A column to sort by: pressed again, it turns round."""
    now = name == sort
    turned = not descending if now else falls_first
    return Heading(
        name,
        label,
        url_with(sort=name, direction="desc" if turned else "asc", cursor=None),
        ("descending" if descending else "ascending") if now else None,
        amount=name in {"spent", "amount", "refunded", "orders"},
    )


def midnight(day: date | None) -> datetime | None:
    """When a day of the site begins."""
    return None if day is None else datetime.combine(day, time(), parts().settings.zone)
