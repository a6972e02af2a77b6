"""Discount codes: made, changed and ended by owner and administrators (DI6)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from ledger import ids
from ledger.discount import DiscountRules
from ledger.errors import CodeExpired, CodeTaken, DiscountMalformed, NotFound
from ledger.money import Money
from projections.discounts import DiscountRow
from web.api.framework import Answer, Call, Routes
from web.api.models import Body, InstantField, MoneyField, Page, Reply
from web.api.shapes import Made, ShortText, done, made
from web.identity.permissions import Permission
from web.reading.past import Scope

routes = Routes("discounts")
MOST_PLANS = 500


class DiscountReply(Reply):
    """A code with its rules and how often it is used."""

    discount_id: UUID
    code: str
    percent: int | None
    amount: Money | None
    plan_ids: list[UUID]
    starts_at: datetime | None
    ends_at: datetime | None
    total_uses: int | None
    once_per_person: bool
    every_payment: bool
    uses: int
    created_at: datetime
    ended_at: datetime | None


class DiscountBody(Body):
    """What a code cuts and who may use it: either a percentage or an amount (DI1).

    No plans means any plan, no total uses as often as wanted.
    """

    percent: int | None = Field(default=None, ge=1, le=100)
    amount: MoneyField | None = None
    plan_ids: list[UUID] = Field(default=[], max_length=MOST_PLANS)
    starts_at: InstantField | None = None
    ends_at: InstantField | None = None
    total_uses: int | None = Field(default=None, ge=1, le=1_000_000)
    once_per_person: bool = True
    every_payment: bool = False

    def rules(self) -> DiscountRules:
        """As the books take them."""
        said = {name: getattr(self, name) for name in DiscountRules.model_fields}
        return DiscountRules(**{**said, "plan_ids": tuple(self.plan_ids)})


class NewDiscount(DiscountBody):
    """A new code."""

    discount_code: ShortText


@routes.get(
    "/discounts",
    permission=Permission.READ_DISCOUNTS,
    summary="List discount codes",
    answers=Page[DiscountReply],
    past=Scope.LISTS,
)
def list_discounts(call: Call[None, None]) -> Page[DiscountReply]:
    """Every code, ended ones too."""
    rows = call.queries.discounts.all()
    return Page[DiscountReply](items=[_discount(row) for row in rows])


@routes.get(
    "/discounts/<uuid:discount_id>",
    permission=Permission.READ_DISCOUNTS,
    summary="One discount code",
    answers=DiscountReply,
    past=Scope.LISTS,
)
def show_discount(call: Call[None, None], discount_id: UUID) -> DiscountReply:
    """With its rules and its uses."""
    row = call.queries.discounts.one(discount_id)
    if row is None:
        raise NotFound(what="discount code", id=discount_id)
    return _discount(row)


@routes.post(
    "/discounts",
    permission=Permission.CHANGE_DISCOUNTS,
    summary="Make a discount code",
    body=NewDiscount,
    answers=Made,
    status=201,
    refusals=(CodeTaken, DiscountMalformed, NotFound),
)
def make_discount(call: Call[NewDiscount, None]) -> Answer:
    """Two spellings that differ by case are one code."""
    discount_id = ids.derived(call.command_id, "discount")
    position = call.parts.ledger.make_discount(
        discount_id,
        code=call.body.discount_code,
        rules=call.body.rules(),
        by=call.actor,
        cause=call.cause,
    )
    return made(discount_id, position)


@routes.put(
    "/discounts/<uuid:discount_id>",
    permission=Permission.CHANGE_DISCOUNTS,
    summary="Change a discount code",
    body=DiscountBody,
    refusals=(NotFound, DiscountMalformed, CodeExpired),
)
def change_discount(call: Call[DiscountBody, None], discount_id: UUID) -> Answer:
    """The rules of later uses; earlier uses keep theirs."""
    rules = call.body.rules()
    return done(
        call.parts.ledger.change_discount(discount_id, rules, by=call.actor, cause=call.cause)
    )


@routes.post(
    "/discounts/<uuid:discount_id>/end",
    permission=Permission.CHANGE_DISCOUNTS,
    summary="End a discount code",
    refusals=(NotFound,),
)
def end_discount(call: Call[None, None], discount_id: UUID) -> Answer:
    """Nobody can use it any more."""
    return done(call.parts.ledger.end_discount(discount_id, by=call.actor, cause=call.cause))


def _discount(row: DiscountRow) -> DiscountReply:
    amount = Money(row.amount, row.currency) if row.amount and row.currency else None
    return DiscountReply(
        discount_id=row.code_id,
        code=row.code,
        percent=row.percent,
        amount=amount,
        plan_ids=list(row.plan_ids),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        total_uses=row.total_uses,
        once_per_person=row.once_per_person,
        every_payment=row.every_payment,
        uses=row.uses,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )
