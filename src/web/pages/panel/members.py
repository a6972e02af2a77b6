"""The member list: search, filters as chips in the address, sort, pages (SE1, SE3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from uuid import UUID

from flask import render_template

from ledger.money import Money
from projections.queries.counting import Count
from projections.queries.members import MemberFilter, MemberSort
from projections.queries.paging import Turn
from projections.queries.segments import Segment, Status
from web.identity.auth import parts, requires
from web.identity.permissions import Permission
from web.pages.forms import read_args
from web.pages.frame import group, word
from web.pages.panel.listing import PAGE, Chip, Heading, ListArgs, chip, heading, midnight
from web.pages.panel.segment_counts import segment_counts
from web.pages.past_pages import now, of_moment, past, reading
from web.reading.past import Scope
from web.wording.languages import day, gettext, message, money, parse_amount, say

pages = group("members", url_prefix="/panel/members")

FALLING = frozenset({"joined", "spent", "last_order"})
"""Columns whose largest is asked for first."""


class MembersArgs(ListArgs):
    """Every state of the list has an address: these are its parameters."""

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
    sort: MemberSort = "joined"


@pages.get("")
@requires(Permission.READ_MEMBERS)
@of_moment(Scope.LISTS)
def listing() -> str:
    """Everybody, or those who are asked for."""
    filled = read_args(MembersArgs)
    args = filled.value or MembersArgs()
    instant, queries = now(), reading().queries
    asked = _filter(args)
    descending = _descending(args)
    turn = Turn(args.sort, descending=descending, limit=PAGE, cursor=args.cursor)
    page = queries.members.page(asked, turn, instant)
    plans = {row.plan_id: row.name for row in queries.plans.all()}
    return render_template(
        "panel/members.html",
        args=args,
        faults=filled.faults,
        page=page,
        count=queries.members.count(asked, instant),
        segments=_segments(instant),
        chips=_chips(args, plans),
        headings=_headings(args.sort, descending=descending),
        plans=plans,
        tags=queries.members.tag_names(),
        currency=parts().settings.currency,
    )


def _segments(instant: datetime) -> Mapping[Segment, Count]:
    if past() is not None:
        return reading().queries.members.segments(instant)
    return segment_counts(parts().queries.members).at(instant)


def _filter(args: MembersArgs) -> MemberFilter:
    after = args.joined_to + timedelta(days=1) if args.joined_to else None
    least, most = _amount(args.spent_from), _amount(args.spent_to)
    return MemberFilter(
        statuses=tuple(args.status),
        segment=args.segment,
        plan_id=args.plan,
        tag=args.tag,
        joined_from=midnight(args.joined_from),
        joined_before=midnight(after),
        spent_from=least.minor if least else None,
        spent_to=most.minor if most else None,
        method_country=args.country,
        text=args.q,
    )


def _amount(text: str | None) -> Money | None:
    return parse_amount(text, parts().settings.currency) if text else None


def _descending(args: MembersArgs) -> bool:
    return args.sort in FALLING if args.direction is None else args.direction == "desc"


def _chips(args: MembersArgs, plans: dict[UUID, str]) -> list[Chip]:
    shown = {
        "q": args.q and say("“{text}”", text=args.q),
        "plan": args.plan and say("Plan: {plan}", plan=plans.get(args.plan, "?")),
        "tag": args.tag and say("Tag: {tag}", tag=args.tag),
        "joined_from": args.joined_from and say("Joined from {day}", day=day(args.joined_from)),
        "joined_to": args.joined_to and say("Joined until {day}", day=day(args.joined_to)),
        "spent_from": _spent(message("Spent at least {amount}"), args.spent_from),
        "spent_to": _spent(message("Spent at most {amount}"), args.spent_to),
        "country": args.country and say("Card of {country}", country=args.country),
    }
    statuses = [chip(word("status", status), "status", status) for status in args.status]
    return statuses + [chip(label, name) for name, label in shown.items() if label]


def _spent(text: str, asked: str | None) -> str | None:
    amount = _amount(asked)
    return say(text, amount=money(amount)) if amount else None


def _headings(sort: str, *, descending: bool) -> list[Heading]:
    columns = (
        ("name", gettext("Member")),
        ("status", gettext("Status")),
        ("plan", gettext("Plans")),
        ("joined", gettext("Joined")),
        ("last_order", gettext("Last order")),
        ("spent", gettext("Total spent")),
    )
    return [
        heading(name, label, sort=sort, descending=descending, falls_first=name in FALLING)
        for name, label in columns
    ] + [Heading("tags", gettext("Tags"))]
