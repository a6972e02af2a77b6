"""What the address of the member list asks: filters, whose state it is, and their chips (SE3)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, get_args
from urllib.parse import urlencode
from uuid import UUID

from werkzeug.datastructures import MultiDict

from ledger.errors import NotFound
from ledger.money import Money
from projections.queries.members import MemberFilter, MemberSort
from projections.queries.saved_segments import filter_of
from projections.queries.segments import Segment, Status
from projections.saved_segments import SavedSegmentRow
from web.identity.auth import parts
from web.pages.forms import read
from web.pages.frame import word
from web.pages.panel.listing import Chip, ListArgs, address, midnight
from web.pages.panel.members_columns import FALLING, ColumnName
from web.pages.past_pages import reading
from web.problems import FieldFault
from web.wording.languages import day, gettext, message, money, parse_amount, plain_amount, say

FILTERS = (
    "q",
    "segment",
    "status",
    "plan",
    "tag",
    "joined_from",
    "joined_to",
    "spent_from",
    "spent_to",
    "country",
    "ordered_from",
    "ordered_to",
    "agrees",
)
"""The parameters that say who is asked for; the others say how they are shown."""

SHOWN = ("sort", "direction", "columns")
AMOUNTS = ("spent_from", "spent_to")

Sent = MultiDict[str, str]


class MembersArgs(ListArgs):
    """Every state of the list has an address: these are its parameters.

    `saved` is a segment as it was saved; `change` the one from which the filters were taken.
    """

    q: str = ""
    segment: Segment | None = None
    status: list[Status] = []
    plan: UUID | None = None
    tag: str | None = None
    joined_from: date | None = None
    joined_to: date | None = None
    spent_from: str | None = None
    spent_to: str | None = None
    country: str | None = None
    ordered_from: date | None = None
    ordered_to: date | None = None
    agrees: Literal["yes", "no"] | None = None
    saved: UUID | None = None
    change: UUID | None = None
    sort: MemberSort = "joined"
    columns: list[ColumnName] = []


@dataclass(frozen=True)
class Asked:
    """A state of the list.

    `sent` are its parameters, `spelled` the same with the filters of a saved segment written out.
    `faults` are those that could not be read, and `typed` what stood there.
    """

    args: MembersArgs
    sent: Sent
    spelled: Sent
    filter: MemberFilter
    faults: dict[str, FieldFault]
    typed: dict[str, str]
    segment: SavedSegmentRow | None = None

    @property
    def descending(self) -> bool:
        """Whether the largest comes first."""
        told = self.args.direction
        return self.args.sort in FALLING if told is None else told == "desc"

    @property
    def is_saved(self) -> bool:
        """Whether it is a segment exactly as it was saved."""
        return self.segment is not None and "change" not in self.sent

    @property
    def query(self) -> str:
        """The state as an address names it."""
        return urlencode(self.state())

    def state(self, *without: str) -> list[tuple[str, str]]:
        """The parameters of this very state."""
        return self._kept((*FILTERS, *SHOWN, "saved", "change", "cursor"), self.sent, without)

    def fields(self, *without: str) -> list[tuple[str, str]]:
        """The parameters that a form with filters of its own keeps, from the first page on."""
        return self._kept((*FILTERS, *SHOWN, "change"), self.spelled, without)

    def _kept(
        self, names: Collection[str], sent: Sent, without: Collection[str]
    ) -> list[tuple[str, str]]:
        return [
            (name, text)
            for name, text in sent.items(multi=True)
            if name in names and name not in without and text
        ]


def asked_for(sent: Sent) -> Asked:
    """What parameters ask; one that can't be read is told, and the others hold all the same.

    NotFound where there is no such saved segment.
    """
    args, faults = _read(sent)
    row = _segment(args.saved or args.change)
    if row is not None and args.saved is not None:
        given = filter_of(row, parts().site.currency)
        beside = [(name, text) for name, text in sent.items(multi=True) if name not in FILTERS]
        spelled = MultiDict([*(pair for pair in beside if pair[0] != "saved"), *_spelled(row)])
        spelled["change"] = str(row.segment_id)
        args, _ = _read(spelled)
        return Asked(args, sent, spelled, given, {}, {}, row)
    typed = {name: sent[name] for name in faults if name in sent}
    return Asked(args, sent, sent, _filter(args), faults, typed, row)


def _read(sent: Sent) -> tuple[MembersArgs, dict[str, FieldFault]]:
    filled = read(MembersArgs, sent)
    faults = dict(filled.faults)
    for name in AMOUNTS:
        text = sent.get(name, "").strip()
        if text and _amount(text) is None:
            faults[name] = FieldFault(parameter=name, code="amount_malformed", detail="")
    if not faults:
        return filled.value or MembersArgs(), {}
    kept = MultiDict([pair for pair in sent.items(multi=True) if pair[0] not in faults])
    return read(MembersArgs, kept).value or MembersArgs(), faults


def _segment(segment_id: UUID | None) -> SavedSegmentRow | None:
    if segment_id is None:
        return None
    row = reading().queries.saved_segments.one(segment_id)
    if row is None:
        raise NotFound(what="saved segment", id=segment_id)
    return row


def _filter(args: MembersArgs) -> MemberFilter:
    least, most = _amount(args.spent_from), _amount(args.spent_to)
    return MemberFilter(
        statuses=tuple(args.status),
        segment=args.segment,
        plan_id=args.plan,
        tag=args.tag,
        joined_from=midnight(args.joined_from),
        joined_before=midnight(_next(args.joined_to)),
        spent_from=least.minor if least else None,
        spent_to=most.minor if most else None,
        last_order_from=midnight(args.ordered_from),
        last_order_before=midnight(_next(args.ordered_to)),
        method_country=args.country.upper() if args.country else None,
        agrees=None if args.agrees is None else args.agrees == "yes",
        text=args.q,
    )


def _next(last: date | None) -> date | None:
    return last + timedelta(days=1) if last and last < date.max else None


def _amount(text: str | None) -> Money | None:
    return parse_amount(text, parts().settings.currency) if text else None


# --- a saved segment, spelled out -------------------------------------------------------


def _spelled(row: SavedSegmentRow) -> Iterator[tuple[str, str]]:
    """The filters of a saved segment as the form holds them; instants as days of the site."""
    zone, currency = parts().settings.zone, parts().site.currency
    instant = timedelta(microseconds=1)
    last_joined = row.joined_before and row.joined_before - instant
    last_ordered = row.last_order_before and row.last_order_before - instant
    days = {
        "joined_from": row.joined_from,
        "joined_to": last_joined,
        "ordered_from": row.last_order_from,
        "ordered_to": last_ordered,
    }
    spent = {"spent_from": row.spent_from, "spent_to": row.spent_to}
    plain = {"segment": row.segment, "tag": row.tag, "country": row.method_country, "q": row.text}
    yield from (("status", status) for status in row.statuses)
    if row.plan_id is not None:
        yield "plan", str(row.plan_id)
    yield from ((name, text) for name, text in plain.items() if text)
    if row.agrees is not None:
        yield "agrees", "yes" if row.agrees else "no"
    for name, moment in days.items():
        if moment is not None:
            yield name, moment.astimezone(zone).date().isoformat()
    for name, minor in spent.items():
        if minor is not None:
            yield name, plain_amount(Money(minor, currency))


# --- chips ------------------------------------------------------------------------------


def chips(asked: Asked, plans: dict[UUID, str]) -> list[Chip]:
    """One for each filter that is on, with the address of the list without it."""
    args = asked.args
    shown = {
        "q": args.q and say("“{text}”", text=args.q),
        "segment": args.segment and word("segment", args.segment),
        "plan": args.plan and say("Plan: {plan}", plan=plans.get(args.plan, "?")),
        "tag": args.tag and say("Tag: {tag}", tag=args.tag),
        "joined_from": args.joined_from and say("Joined from {day}", day=day(args.joined_from)),
        "joined_to": args.joined_to and say("Joined until {day}", day=day(args.joined_to)),
        "spent_from": _spent(message("Spent at least {amount}"), args.spent_from),
        "spent_to": _spent(message("Spent at most {amount}"), args.spent_to),
        "country": args.country and say("Card of {country}", country=args.country.upper()),
        "ordered_from": args.ordered_from
        and say("Last order from {day}", day=day(args.ordered_from)),
        "agrees": args.agrees
        and (
            gettext("Agreed to messages")
            if args.agrees == "yes"
            else gettext("Not agreed to messages")
        ),
        "ordered_to": args.ordered_to and say("Last order until {day}", day=day(args.ordered_to)),
    }
    statuses = [
        Chip(word("status", status), _without(asked, "status", status)) for status in args.status
    ]
    return statuses + [Chip(text, _without(asked, name)) for name, text in shown.items() if text]


def _spent(text: str, typed: str | None) -> str | None:
    amount = _amount(typed)
    return say(text, amount=money(amount)) if amount else None


def _without(asked: Asked, name: str, value: str | None = None) -> str:
    kept = [
        (key, text)
        for key, text in asked.spelled.items(multi=True)
        if key != "cursor" and not (key == name and value in {None, text})
    ]
    return address(kept)


def all_statuses() -> tuple[Status, ...]:
    """In the order in which the form offers them."""
    found: tuple[Status, ...] = get_args(Status)
    first: tuple[Status, ...] = ("member", "cancelling")
    return (*first, *(status for status in found if status not in first))
