"""The order list, and one order with its papers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from uuid import UUID

from flask import render_template

from ledger.errors import NotFound
from projections.orders import State
from projections.queries.orders import OrderFilter, OrderSort
from projections.queries.paging import Turn
from web.identity.auth import parts, requires
from web.identity.permissions import Permission
from web.pages.forms import read_args
from web.pages.frame import group, require_views, word
from web.pages.panel import timeline
from web.pages.panel.listing import PAGE, Chip, Heading, ListArgs, chip, heading, midnight
from web.pages.past_pages import now, of_moment, past, reading
from web.reading.past import Scope
from web.wording.languages import day, gettext, say

pages = group("orders", url_prefix="/panel/orders")


class OrdersArgs(ListArgs):
    """The list's parameters."""

    state: State | None = None
    plan: UUID | None = None
    member: UUID | None = None
    placed_from: date | None = None
    placed_to: date | None = None
    sort: OrderSort = "placed"


@pages.get("")
@requires(Permission.READ_ORDERS)
@of_moment(Scope.LISTS)
def listing() -> str:
    """Every order, the latest first."""
    filled = read_args(OrdersArgs)
    args, queries = filled.value or OrdersArgs(), reading().queries
    asked = _filter(args)
    descending = args.direction != "asc"
    turn = Turn(args.sort, descending=descending, limit=PAGE, cursor=args.cursor)
    page = queries.orders.page(asked, turn)
    plans = {row.plan_id: row.name for row in queries.plans.all()}
    return render_template(
        "panel/orders.html",
        args=args,
        page=page,
        count=queries.orders.count(asked),
        people=queries.orders.people(page.rows),
        chips=list(_chips(args, plans)),
        headings=_headings(args.sort, descending=descending),
        plans=plans,
    )


@pages.get("/<uuid:order_id>")
@requires(Permission.READ_ORDERS)
@of_moment(Scope.ORDER)
def one(order_id: UUID) -> str:
    """One order: what it is for, what was paid, what went back, what happened."""
    queries, moment = reading().queries, past()
    if moment is not None:
        require_views(moment.position)  # receipts are numbered among the live rows
    order = queries.orders.one(order_id)
    if order is None:
        raise NotFound(what="order", id=order_id)
    return render_template(
        "panel/order.html",
        order=order,
        person=queries.orders.people([order]).get(order.member_id),
        receipts=queries.receipts.of_order(order_id),
        story=timeline.lines(queries.history.of_stream(order_id)),
    )


def _filter(args: OrdersArgs) -> OrderFilter:
    after = args.placed_to + timedelta(days=1) if args.placed_to else None
    return OrderFilter(
        state=args.state,
        plan_id=args.plan,
        member_id=args.member,
        mode=parts().site.mode,
        placed_from=midnight(args.placed_from),
        placed_before=midnight(after),
    )


def _chips(args: OrdersArgs, plans: dict[UUID, str]) -> Iterator[Chip]:
    if args.state:
        yield chip(word("order_state", args.state), "state")
    if args.plan:
        yield chip(say("Plan: {plan}", plan=plans.get(args.plan, "?")), "plan")
    if args.member:
        member = reading().queries.members.one(args.member, now())
        yield chip(say("Of {name}", name=member.name if member else "?"), "member")
    if args.placed_from:
        yield chip(say("From {day}", day=day(args.placed_from)), "placed_from")
    if args.placed_to:
        yield chip(say("Until {day}", day=day(args.placed_to)), "placed_to")


def _headings(sort: str, *, descending: bool) -> list[Heading]:
    def sortable(name: str, label: str) -> Heading:
        return heading(name, label, sort=sort, descending=descending, falls_first=True)

    return [
        sortable("placed", gettext("Date")),
        Heading("member", gettext("Member")),
        Heading("plan", gettext("Plan")),
        Heading("charge", gettext("What")),
        Heading("state", gettext("State")),
        Heading("refunded", gettext("Given back"), amount=True),
        sortable("amount", gettext("Amount")),
    ]
