"""The addresses of every page that people open, with varied things and varied questions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from flask import Flask
from werkzeug.routing import Rule

from scripts.benches.pages_furniture import ACT, LETTER, NEWS, OF_LONG_LIFE, TOKEN
from web.identity.auth import cookie_name
from web.parts import Parts
from web.sessions.sessions import Kind

NOT_PAGES = (
    "/api/",
    "/static/",
    "/notices/",
    "/healthz",
    "/livez",
    "/readyz",
    "/metrics",
    # A file, streamed for as long as it takes.
    "/panel/members/export.csv",
)
PEOPLE = 10
"""How many members are looked at, the one of a long life among them."""
ORDERS = """
    SELECT member_id, order_id, membership_id, plan_id FROM views.orders
     WHERE state = 'paid' AND member_id >= %(id)s ORDER BY member_id, placed_at LIMIT 1
"""
DISCOUNTS = "SELECT code_id FROM views.discounts ORDER BY code_id"
OWNER = "SELECT contributor_id FROM views.contributors ORDER BY contributor_id LIMIT 1"
LAST = "SELECT max(position) FROM views.positions"

MEMBERS: list[dict[str, Any]] = [
    {},
    {"sort": "name"},
    {"sort": "email", "direction": "desc"},
    {"sort": "spent"},
    {"sort": "last_order"},
    {"q": "marie"},
    {"q": "martin@"},
    {"q": "e"},
    {"q": "nobody at all"},
    {"q": "methuselah"},
    {"segment": "members"},
    {"segment": "past_due", "sort": "name"},
    {"segment": "possible_duplicates"},
    {"segment": "accounts_without_plan"},
    {"segment": "former_members"},
    {"status": ["member", "cancelling"]},
    {"tag": "press"},
    {"country": "FR", "sort": "spent"},
    {"spent_from": "20", "spent_to": "40"},
    {"q": "marie", "segment": "members", "sort": "spent"},
]
ORDERS_ASKED: list[dict[str, Any]] = [
    {},
    {"direction": "asc"},
    {"sort": "amount"},
    {"sort": "amount", "direction": "asc"},
    *({"state": state} for state in ("paid", "declined", "refunded", "withdrawn", "waiting")),
    {"state": "paid", "sort": "amount"},
]
OVERVIEW: list[dict[str, Any]] = [
    {},
    {"first_day": "2026-11-01"},
    {"first_day": "2026-09-01"},
    {"first_day": "2024-12-01"},
    {"first_day": "2026-10-01", "step": "day"},
]
ASKED: dict[str, list[dict[str, Any]]] = {
    "/panel/members": MEMBERS,
    "/panel/segments/tabs": MEMBERS,
    "/panel/search": [{"q": "marie"}, {"q": "T2026-000001"}, {"q": "T2026-020000"}],
    "/panel/orders": ORDERS_ASKED,
    "/panel/overview": OVERVIEW,
    "/panel/payments": [{}, {"days": 7}, {"days": 30}],
    "/panel/audit": [
        {},
        {"kind": "member"},
        {"kind": "plan"},
        {"topic": "order.paid"},
        {"actor": "scheduler"},
        {"actor": "contributor"},
        {"member": str(OF_LONG_LIFE)},
        {"newest": 1_000},
    ],
    "/panel/notices": [{}, {"direction": "asc"}, {"state": "sent"}, {"kind": "receipt"}],
    "/panel/figures/spending/why": [{}, {"first_day": "2026-11-01"}],
    "/panel/members/<uuid:member_id>": [{}, {}, {"all": ""}],
    "/panel/operations": [{}],
    "/mailbox": [{}, {"to": "nobody@example.org"}],
    "/panel/mails": [{}, {"state": "sent"}, {"to": "nobody@example.org"}],
}
"""What is asked of a page beside nothing, by its rule."""
SEGMENTS = ("members", "customers", "past_due", "former_members", "possible_duplicates")


class Asked(NamedTuple):
    """A page, and addresses of it with the cookies of who may see it."""

    rule: str
    addresses: list[tuple[str, dict[str, str]]]


class Things:
    """What the site has, to be named in addresses: a turn of the wheel for each."""

    def __init__(self, parts: Parts) -> None:
        with parts.pool.connection() as connection:
            self._last = int(connection.execute(LAST).fetchall()[0][0])
            discounts = [row[0] for row in connection.execute(DISCOUNTS)]
            [[self._owner]] = connection.execute(OWNER).fetchall()
            starts = [OF_LONG_LIFE, *(UUID(int=(n << 124) | 1) for n in range(1, PEOPLE))]
            people = [connection.execute(ORDERS, {"id": one}).fetchone() for one in starts]
        self._people = [one for one in people if one is not None]
        self._discounts = discounts
        sessions = parts.desk.sessions
        team, own = (cookie_name(kind, secure=False) for kind in (Kind.CONTRIBUTOR, Kind.MEMBER))
        self._team = {team: sessions.open(Kind.CONTRIBUTOR, self._owner).token}
        self._member = {
            one[0]: {own: sessions.open(Kind.MEMBER, one[0]).token} for one in self._people
        }
        receipts = parts.queries.receipts
        self._labels = {one[1]: receipts.of_order(one[1])[0].label for one in self._people}

    def turn(self, number: int) -> dict[str, Any]:
        """The things of one address: those of a person belong together."""
        member_id, order_id, membership_id, plan_id = self._people[number % len(self._people)]
        return {
            "member_id": member_id,
            "order_id": order_id,
            "membership_id": membership_id,
            "plan_id": plan_id,
            "label": self._labels[order_id],
            "discount_id": self._discounts[number % len(self._discounts)],
            "position": max(1, self._last * (number % PEOPLE) // PEOPLE),
            "segment": SEGMENTS[number % len(SEGMENTS)],
            "contributor_id": self._owner,
            "list_id": NEWS,
            "message_id": LETTER,
            "token_id": TOKEN,
            "act_id": ACT,
            "act": ("cancel", "leave")[number % 2],
            "token": "unknown",
            "mail_id": ACT,
        }

    def cookies(self, rule: str, number: int) -> dict[str, str]:
        """Of the owner, or of the person whose things are named."""
        member_id = self._people[number % len(self._people)][0]
        return self._team if rule.startswith("/panel") else self._member[member_id]


def every_page(app: Flask, parts: Parts, *, times: int, below: str) -> Iterator[Asked]:
    """Each page whose rule begins so, with as many addresses, and one before them."""
    things = Things(parts)
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        is_page = "GET" in (rule.methods or ()) and not rule.rule.startswith(NOT_PAGES)
        if is_page and rule.rule.startswith(below):
            yield Asked(rule.rule, list(_addresses(rule, things, times + 1)))


def _addresses(rule: Rule, things: Things, many: int) -> Iterator[tuple[str, dict[str, str]]]:
    questions = islice(cycle(ASKED.get(rule.rule, [{}])), many)
    for number, question in enumerate(questions):
        built = rule.build({**things.turn(number), **question})
        if built is None:
            raise RuntimeError(f"{rule.rule} names something that is not known")
        path = built[1].partition("?")[0]
        asked = urlencode(question, doseq=True)
        yield (f"{path}?{asked}" if asked else path), things.cookies(rule.rule, number)
