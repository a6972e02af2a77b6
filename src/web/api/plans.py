"""Plans: what can be joined, for anybody; all of them, and their changes, for staff."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from ledger import ids
from ledger.errors import (
    NotFound,
    PlanCurrencyFixed,
    PlanRetired,
    PlanWithoutPrice,
    PriceDateInThePast,
    PriceModelFixed,
    TermsMalformed,
    TextMalformed,
    TooManyPlans,
    WindowInverted,
)
from ledger.money import Money
from ledger.terms import PriceModel, Terms, Unit
from projections.plans import PlanRow
from web.api.framework import Answer, Call, Routes
from web.api.models import Body, InstantField, MoneyField, Page, PageQuery, Reply
from web.api.shapes import LongText, Made, PriceReply, Secret, ShortText, done, made
from web.identity.permissions import Permission
from web.problems import body_fault
from web.reading.past import Scope

routes = Routes("plans")


class OpenPlan(Reply):
    """A plan that can be joined now."""

    plan_id: UUID
    name: str
    description: str
    price: PriceReply
    closes_at: datetime | None
    asks_password: bool
    starts_free: bool


class PriceVersionReply(PriceReply):
    """A price version with its dates (PL3, PL4)."""

    set_at: datetime
    effective_for_existing_from: datetime | None


class PlanReply(Reply):
    """A plan as staff see it."""

    plan_id: UUID
    name: str
    description: str
    tax_basis_points: int | None
    state: str
    is_joinable: bool
    prices: list[PriceVersionReply]
    opens_at: datetime | None
    closes_at: datetime | None
    password_until: datetime | None
    free_until: datetime | None
    created_at: datetime
    running_memberships: int


class PlanWords(Body):
    """Name, description, and the tax that prices include, in hundredths of a percent."""

    name: ShortText
    description: LongText = ""
    tax_basis_points: int | None = Field(default=None, ge=0, le=10_000)


class TermsBody(Body):
    """What one charge takes, and when the next follows."""

    model: PriceModel
    amount: MoneyField
    unit: Unit | None = None
    every: int | None = Field(default=None, ge=1, le=120)
    payments: int | None = Field(default=None, ge=2, le=120)
    free_start_without_method: bool = False


class NewPrice(Body):
    """A price version; existing members move to it from a date on, or stay (PL3, PL4)."""

    terms: TermsBody
    effective_for_existing_from: InstantField | None = None


class Window(Body):
    """When sign-ups are open; null for no bound (PL5)."""

    opens_at: InstantField | None = None
    closes_at: InstantField | None = None


class EarlyAccessBody(Body):
    """Until when joining asks for the password, and until when it is free (PL6)."""

    password: Secret | None = Field(default=None, description="leave it out to keep the one set")
    password_until: InstantField | None = None
    free_until: InstantField | None = None


class PlansQuery(PageQuery):
    """The list of plans."""

    state: Literal["draft", "open", "closed", "retired"] | None = None


@routes.get(
    "/open-plans",
    permission=Permission.PUBLIC,
    summary="List what can be joined now",
    answers=Page[OpenPlan],
)
def list_open_plans(call: Call[None, None]) -> Page[OpenPlan]:
    """Every plan whose sign-ups are open at this moment, with its price, by name (AX10)."""
    now = call.now
    rows = call.queries.plans.all()
    return Page[OpenPlan](items=[_open(row, now) for row in rows if _can_be_joined(row, now)])


@routes.get(
    "/open-plans/<uuid:plan_id>",
    permission=Permission.PUBLIC,
    summary="One plan that can be joined now",
    answers=OpenPlan,
)
def show_open_plan(call: Call[None, None], plan_id: UUID) -> OpenPlan:
    """A 404 for one that can't be joined at this moment."""
    now, row = call.now, call.queries.plans.one(plan_id)
    if row is None or not _can_be_joined(row, now):
        raise NotFound(what="open plan", id=plan_id)
    return _open(row, now)


@routes.get(
    "/plans",
    permission=Permission.READ_PLANS,
    summary="List plans",
    query=PlansQuery,
    answers=Page[PlanReply],
    past=Scope.LISTS,
)
def list_plans(call: Call[None, PlansQuery]) -> Page[PlanReply]:
    """Every plan by name, drafts and retired ones too."""
    now, state = call.now, call.query.state
    rows = [row for row in call.queries.plans.all() if state in {None, row.state}]
    start, running = _start(call), call.queries.memberships.running(now)
    page, more = rows[start : start + call.query.limit], start + call.query.limit < len(rows)
    return Page[PlanReply](
        items=[_plan(row, now, running) for row in page],
        next=call.cursor([start + len(page)]) if more else None,
    )


@routes.get(
    "/plans/<uuid:plan_id>",
    permission=Permission.READ_PLANS,
    summary="One plan",
    answers=PlanReply,
    past=Scope.LISTS,
)
def show_plan(call: Call[None, None], plan_id: UUID) -> PlanReply:
    """With every price version, and how many memberships run in it."""
    now, row = call.now, call.queries.plans.one(plan_id)
    if row is None:
        raise NotFound(what="plan", id=plan_id)
    return _plan(row, now, call.queries.memberships.running(now))


@routes.post(
    "/plans",
    permission=Permission.CHANGE_PLANS,
    summary="Draft a plan",
    body=PlanWords,
    answers=Made,
    status=201,
    refusals=(TooManyPlans, TextMalformed),
)
def draft_plan(call: Call[PlanWords, None]) -> Answer:
    """A draft has no price and can't be joined yet."""
    plan_id = ids.derived(call.command_id, "plan")
    position = call.parts.ledger.draft_plan(
        plan_id, **call.body.model_dump(), by=call.actor, cause=call.cause
    )
    return made(plan_id, position)


@routes.put(
    "/plans/<uuid:plan_id>",
    permission=Permission.CHANGE_PLANS,
    summary="Describe a plan",
    body=PlanWords,
    refusals=(NotFound, PlanRetired, TextMalformed),
)
def describe_plan(call: Call[PlanWords, None], plan_id: UUID) -> Answer:
    """Change what people read, and the tax of later orders."""
    words = call.body.model_dump()
    return done(call.parts.ledger.describe_plan(plan_id, **words, by=call.actor, cause=call.cause))


@routes.post(
    "/plans/<uuid:plan_id>/prices",
    permission=Permission.CHANGE_PLANS,
    summary="Set a plan's price",
    body=NewPrice,
    refusals=(
        NotFound,
        PlanRetired,
        TermsMalformed,
        PriceModelFixed,
        PlanCurrencyFixed,
        PriceDateInThePast,
    ),
)
def set_price(call: Call[NewPrice, None], plan_id: UUID) -> Answer:
    """A new price version: people who join from now on pay it (PL3)."""
    position = call.parts.ledger.set_price(
        plan_id,
        Terms(**dict(call.body.terms)),
        effective_for_existing_from=call.body.effective_for_existing_from,
        by=call.actor,
        cause=call.cause,
    )
    return done(position)


@routes.post(
    "/plans/<uuid:plan_id>/open",
    permission=Permission.CHANGE_PLANS,
    summary="Open a plan's sign-ups",
    body=Window,
    refusals=(NotFound, PlanRetired, PlanWithoutPrice, WindowInverted),
)
def open_plan(call: Call[Window, None], plan_id: UUID) -> Answer:
    """At once and without end, or within a window (PL5)."""
    window = dict(call.body)
    return done(call.parts.ledger.open_plan(plan_id, **window, by=call.actor, cause=call.cause))


@routes.post(
    "/plans/<uuid:plan_id>/close",
    permission=Permission.CHANGE_PLANS,
    summary="Close a plan's sign-ups",
    refusals=(NotFound, PlanRetired),
)
def close_plan(call: Call[None, None], plan_id: UUID) -> Answer:
    """Nobody can join for now; members stay (PL5)."""
    return done(call.parts.ledger.close_plan(plan_id, by=call.actor, cause=call.cause))


@routes.post(
    "/plans/<uuid:plan_id>/retire",
    permission=Permission.CHANGE_PLANS,
    summary="Retire a plan",
    refusals=(NotFound,),
)
def retire_plan(call: Call[None, None], plan_id: UUID) -> Answer:
    """Nobody can join it ever again; no membership ends by it (PL7)."""
    return done(call.parts.ledger.retire_plan(plan_id, by=call.actor, cause=call.cause))


@routes.put(
    "/plans/<uuid:plan_id>/early-access",
    permission=Permission.CHANGE_PLANS,
    summary="Set a plan's early access",
    body=EarlyAccessBody,
    refusals=(NotFound, PlanRetired),
)
def set_early_access(call: Call[EarlyAccessBody, None], plan_id: UUID) -> Answer:
    """Ask for a password until a date, be free until a date; null for not (PL6)."""
    asked, passwords = call.body, call.parts.desk.plan_passwords
    call.parts.ledger.plan(plan_id)
    if asked.password is not None:
        passwords.put(plan_id, asked.password)
    elif asked.password_until is not None and not passwords.known(plan_id):
        raise body_fault(("password",), "password_missing", "This plan has no password yet.")
    position = call.parts.ledger.set_early_access(
        plan_id,
        password_until=asked.password_until,
        free_until=asked.free_until,
        by=call.actor,
        cause=call.cause,
    )
    return done(position)


def _start(call: Call[None, PlansQuery]) -> int:
    place = call.place()
    return int(place[0] or 0) if place else 0


def _can_be_joined(row: PlanRow, now: datetime) -> bool:
    return row.price is not None and row.is_joinable(now)


def _open(row: PlanRow, now: datetime) -> OpenPlan:
    return OpenPlan(
        plan_id=row.plan_id,
        name=row.name,
        description=row.description,
        price=PriceReply.of(row.prices[-1]),
        closes_at=row.closes_at,
        asks_password=row.password_until is not None and now < row.password_until,
        starts_free=row.free_until is not None and now < row.free_until,
    )


def _plan(row: PlanRow, now: datetime, running: dict[UUID, int]) -> PlanReply:
    return PlanReply(
        plan_id=row.plan_id,
        name=row.name,
        description=row.description,
        tax_basis_points=row.tax_basis_points,
        state=row.state,
        is_joinable=row.is_joinable(now),
        prices=[
            PriceVersionReply(
                version=line.version,
                model=line.model,
                amount=Money(line.minor, line.currency),
                unit=line.unit,
                every=line.every,
                payments=line.payments,
                set_at=line.set_at,
                effective_for_existing_from=line.effective_for_existing_from,
            )
            for line in row.prices
        ],
        opens_at=row.opens_at,
        closes_at=row.closes_at,
        password_until=row.password_until,
        free_until=row.free_until,
        created_at=row.created_at,
        running_memberships=running.get(row.plan_id, 0),
    )
