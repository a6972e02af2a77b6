"""The judge: every row of every view, and who is where at an instant, from exported facts alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import cached_property
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from tests.projections.oracle import house, lists
from tests.projections.oracle.lines import Fact, Line, fact_of, heard, streams
from tests.projections.oracle.orders import (
    Purse,
    is_settled,
    movements,
    order_row,
    orders_of,
    spending,
    spending_rows,
)
from tests.projections.oracle.people import is_customer, member_row, name_of, tags
from tests.projections.oracle.stays import (
    UNPAID,
    Stay,
    billing,
    cancelled_at,
    membership_row,
    opens,
    runs,
    stays_of,
)
from tests.projections.oracle.timelines import apart, timeline_row

DERIVED = ("stays", "orders", "moves", "accounts", "spent", "stays_by_member", "_own_orders")
"""What is worked out once, until one more fact is heard."""


class Oracle:
    """What the lines of an export add up to, in order of position.

    `as_of` judges what was true by an instant, `known` what was in the books by a position.
    `currency` and `mode` are those in which the site compares members, `zone` where its days end.
    """

    def __init__(
        self,
        lines: Iterable[Line],
        as_of: datetime | None = None,
        known: int | None = None,
        *,
        currency: str = "EUR",
        mode: str = "live",
        zone: str = "Europe/Paris",
    ) -> None:
        self.currency, self.mode, self.zone = currency, mode, ZoneInfo(zone)
        self.facts = list(heard(lines, as_of=as_of, known=known))
        self._rows: dict[str, list[Fact]] = {}

    def hear(self, line: Line) -> None:
        """One more fact."""
        self.facts.append(fact_of(line))
        self._rows.clear()
        for name in DERIVED:
            self.__dict__.pop(name, None)

    # --- what is derived from the facts, once asked ------------------------------------

    @cached_property
    def stays(self) -> dict[str, Stay]:
        """Memberships by their ids."""
        return stays_of(self.facts)

    @cached_property
    def orders(self) -> dict[str, list[Fact]]:
        """The facts of each order, by its id."""
        return orders_of(self.facts)

    @cached_property
    def moves(self) -> list[Fact]:
        """Money that moved."""
        return list(movements(self.facts, self.zone))

    @cached_property
    def accounts(self) -> dict[str, list[Fact]]:
        """The facts of each contact's own stream, by its id."""
        return streams(self.facts, "member")

    @cached_property
    def spent(self) -> dict[Purse, Counter[str]]:
        """What each contact spent, by currency and mode."""
        return spending(self.moves)

    @cached_property
    def stays_by_member(self) -> dict[str, dict[str, Stay]]:
        """Memberships of each member, by their ids."""
        found: defaultdict[str, dict[str, Stay]] = defaultdict(dict)
        for membership_id, stay in self.stays.items():
            found[stay["member"]][membership_id] = stay
        return found

    @cached_property
    def _own_orders(self) -> dict[str, list[list[Fact]]]:
        found: defaultdict[str, list[list[Fact]]] = defaultdict(list)
        for order in self.orders.values():
            found[order[0]["member_id"]].append(order)
        return found

    # --- somebody at an instant ---------------------------------------------------------

    def stays_of(self, member: str) -> list[Stay]:
        """Somebody's memberships."""
        return list(self.stays_by_member.get(member, {}).values())

    def name(self, member: str) -> str:
        """Somebody's name."""
        return name_of(self.accounts[member])

    def total(self, member: str, currency: str, mode: str) -> tuple[int, int, int]:
        """Gross, refunded and disputed of somebody, in minor units."""
        purse = self.spent.get((member, currency, mode), Counter())
        return purse["gross"], purse["refunded"], purse["disputed"]

    def settled_orders(self, member: str) -> int:
        """How many orders of somebody count."""
        return sum(map(is_settled, self._own_orders.get(member, [])))

    def access(self, member: str, plan: str, now: datetime) -> bool:
        """Whether a plan is open to somebody."""
        return any(opens(stay, now) for stay in self.stays_of(member) if stay["plan"] == plan)

    def runs(self, stay: Stay, now: datetime) -> bool:
        """Whether a membership stands."""
        return runs(stay, now)

    def status(self, member: str, now: datetime) -> str:
        """The worst thing that can be said of somebody."""
        standing = [stay for stay in self.stays_of(member) if runs(stay, now)]
        said = {"cancelling" if cancelled_at(stay) else billing(stay) for stay in standing}
        for trouble in ("action_required", "past_due", "cancelling"):
            if trouble in said:
                return trouble
        if standing:
            return "member"
        if self.stays_of(member):
            return "former"
        is_closed = any(f["topic"] == "member.account_closed" for f in self.accounts[member])
        return "closed" if is_closed else "contact"

    def is_customer(self, member: str) -> bool:
        """Whether somebody is, or was, in a plan that takes money."""
        return is_customer(self.stays_of(member))

    # --- rows ---------------------------------------------------------------------------

    def rows(self, view: str) -> list[Fact]:
        """The rows of a view, as its table should hold them."""
        if view not in self._rows:
            self._rows[view] = list(VIEWS[view](self))
        return self._rows[view]

    def members(self) -> Iterator[Fact]:
        """Rows of the members."""
        for member, own in self.accounts.items():
            purse = self.spent.get((member, self.currency, self.mode), Counter())
            stays = self.stays_by_member.get(member, {})
            yield member_row(own, stays, self._own_orders.get(member, []), purse)

    def timelines(self) -> Iterator[Fact]:
        """Rows of the timelines."""
        elsewhere = apart(self.facts, self.mode)
        for member, stays in self.stays_by_member.items():
            yield timeline_row(member, stays, elsewhere)

    # --- who is where -------------------------------------------------------------------

    def segment(self, name: str, now: datetime) -> set[str]:
        """Who is in a smart segment."""
        if name == "possible_duplicates":
            return self._duplicates()
        return {member for member in self.accounts if SEGMENTS[name](self, member, now)}

    def _duplicates(self) -> set[str]:
        found: set[str] = set()
        rows = self.rows("members")
        for shared in ("same_name", "same_method"):
            alike: defaultdict[str, list[Fact]] = defaultdict(list)
            for row in rows:
                if row[shared] is not None:
                    alike[row[shared]].append(row)
            for group in alike.values():
                if len({row["same_email"] for row in group} - {None}) > 1:
                    found |= {row["member_id"] for row in group if row["same_email"]}
        return found

    def tags(self, member: str) -> list[str]:
        """Somebody's tags."""
        return tags(self.accounts[member])


def _streams(kind: str, row: Callable[[list[Fact]], Fact]) -> Callable[[Oracle], Iterable[Fact]]:
    return lambda oracle: map(row, streams(oracle.facts, kind).values())


VIEWS: dict[str, Callable[[Oracle], Iterable[Fact]]] = {
    "members": Oracle.members,
    "memberships": lambda oracle: [membership_row(*one) for one in oracle.stays.items()],
    "orders": lambda oracle: map(order_row, oracle.orders.values()),
    "movements": lambda oracle: oracle.moves,
    "spending": lambda oracle: spending_rows(oracle.moves),
    "notes": lambda oracle: house.note_rows(oracle.facts),
    "taggings": lambda oracle: [
        {"member_id": member, "tag": tag}
        for member in oracle.accounts
        for tag in oracle.tags(member)
    ],
    "plans": _streams("plan", house.plan_row),
    "discounts": _streams("discount", house.discount_row),
    "contributors": _streams("contributor", house.contributor_row),
    "saved_segments": lambda oracle: lists.segment_rows(oracle.facts),
    "mailing_lists": _streams("list", lists.list_row),
    "list_entries": lambda oracle: lists.entry_rows(oracle.facts),
    "list_messages": lambda oracle: lists.message_rows(oracle.facts),
    "consents": lambda oracle: lists.consent_rows(oracle.facts),
    "notices": _streams("notice", lists.notice_row),
    "timelines": Oracle.timelines,
}
"""Every view by its name."""


def _standing(*said: str) -> Callable[[Oracle, str, datetime], bool]:
    def is_so(oracle: Oracle, member: str, now: datetime) -> bool:
        running = [stay for stay in oracle.stays_of(member) if runs(stay, now)]
        return any(
            ("cancelling" if cancelled_at(stay) else billing(stay)) in said for stay in running
        )

    return is_so


SEGMENTS: dict[str, Callable[[Oracle, str, datetime], bool]] = {
    "members": _standing("cancelling", "none", "current", "completed", *UNPAID),
    "customers": lambda oracle, member, _: oracle.is_customer(member),
    "past_due": _standing("past_due"),
    "action_required": _standing("action_required"),
    "cancelling": _standing("cancelling"),
    "former_members": lambda oracle, member, now: oracle.status(member, now) == "former",
    "accounts_without_plan": lambda oracle, member, now: oracle.status(member, now) == "contact",
}
"""Smart segments: who is in each at an instant."""

Due = tuple[datetime, str]
"""Since when something waits, and what it is about."""


def due(oracle: Oracle, now: datetime) -> dict[str, list[str]]:
    """The charges and lapses of memberships, and the undecided orders, by how long they wait."""
    waiting: dict[str, list[Due]] = {"charges": [], "lapses": [], "undecided": []}
    for row in oracle.rows("memberships"):
        if row["ended_at"] or row["cancelled_at"]:
            continue
        when = {"current": row["period_end"], "past_due": row["retry_at"]}.get(row["billing"])
        if when:
            waiting["charges"].append((_instant(when), row["membership_id"]))
        elif row["billing"] in UNPAID:
            waiting["lapses"].append((row["access_until"], row["membership_id"]))
    for row in oracle.rows("orders"):
        if row["undecided_since"]:
            waiting["undecided"].append((row["undecided_since"], row["order_id"]))
    return {
        name: [
            what
            for since, what in sorted(found, key=itemgetter(0, 1))
            if name == "undecided" or since <= now
        ]
        for name, found in waiting.items()
    }


def _instant(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)
