"""The demo's plans and discount codes: every price model, every state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from ledger import ids
from ledger.application import Ledger
from ledger.discount import DiscountRules
from ledger.facts import Actor, Cause
from ledger.money import Money
from ledger.terms import Terms, Unit


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """A plan, how much people like it, and what becomes of it."""

    slug: str
    name: str
    description: str
    terms: Terms
    weight: int
    tax_basis_points: int | None = 2000
    ends_as: str = "open"


@dataclass(frozen=True, slots=True)
class DemoCode:
    """A discount code and its rules, given the day the site opened."""

    code: str
    percent: int | None = None
    amount: int | None = None
    total_uses: int | None = None
    every_payment: bool = False
    valid_days: int | None = None


def plans(currency: str) -> list[DemoPlan]:
    """Plans in the site's currency; amounts in minor units."""

    def every(amount: int, unit: Unit, count: int = 1) -> Terms:
        return Terms(model="recurring", amount=Money(amount, currency), unit=unit, every=count)

    free = Terms(model="free", amount=Money.zero(currency))
    once = Terms(model="one_time", amount=Money(19900, currency))
    course = Terms(
        model="instalments", amount=Money(4500, currency), unit="month", every=1, payments=4
    )
    return [
        DemoPlan("letter", "The Letter", "Our letter, every other week.", free, 24, None),
        DemoPlan("circle", "Circle", "The circle, month by month.", every(1200, "month"), 34),
        DemoPlan(
            "circle-year", "Circle, yearly", "A year at ten twelfths.", every(12000, "year"), 12
        ),
        DemoPlan("class", "Thursday class", "One class a week.", every(500, "week"), 4),
        DemoPlan("patron", "Patron", "Every three months.", every(9000, "month", 3), 6),
        DemoPlan("course", "Bookbinding course", "Four payments.", course, 10),
        DemoPlan("founder", "Founder", "Paid once, for good.", once, 6),
        DemoPlan("camp", "Summer camp", "Ended for this year.", once, 3, 1000, "closed"),
        DemoPlan(
            "archive", "Old archive", "No longer sold.", every(300, "month"), 1, None, "retired"
        ),
        DemoPlan("draft", "Winter retreat", "Being prepared.", once, 0, 2000, "draft"),
    ]


CODES = (
    DemoCode("WELCOME10", percent=10, every_payment=True),
    DemoCode("HALF-FIRST", percent=50),
    DemoCode("GIFT", percent=100, total_uses=60),
    DemoCode("FIVE-OFF", amount=500),
    DemoCode("LAST-SEATS", percent=25, total_uses=20),
    DemoCode("OPENING", percent=30, valid_days=30),
)


def build(ledger: Ledger, namespace: UUID, opened_at: datetime, *, by: Actor) -> dict[str, UUID]:
    """Draft, price and open the plans, and make the codes; plan ids by slug."""

    def cause(*words: object) -> Cause:
        return Cause(kind="command_line", id=ids.derived(namespace, "catalogue", *words))

    made = {}
    for plan in plans(ledger.rules.currency):
        plan_id = made[plan.slug] = ids.derived(namespace, "plan", plan.slug)
        ledger.draft_plan(
            plan_id,
            name=plan.name,
            description=plan.description,
            tax_basis_points=plan.tax_basis_points,
            by=by,
            cause=cause(plan.slug, "draft"),
        )
        ledger.set_price(plan_id, plan.terms, by=by, cause=cause(plan.slug, "price"))
        if plan.ends_as != "draft":
            ledger.open_plan(plan_id, by=by, cause=cause(plan.slug, "open"))
    for code in CODES:
        ledger.make_discount(
            ids.derived(namespace, "code", code.code),
            code=code.code,
            rules=_rules(code, opened_at, ledger.rules.currency),
            by=by,
            cause=cause(code.code),
        )
    return made


def wind_up(ledger: Ledger, namespace: UUID, plan_ids: dict[str, UUID], *, by: Actor) -> None:
    """Close and retire what no longer runs when the story ends."""
    cause = Cause(kind="command_line", id=ids.derived(namespace, "wind up"))
    for plan in plans(ledger.rules.currency):
        if plan.ends_as == "closed":
            ledger.close_plan(plan_ids[plan.slug], by=by, cause=cause)
        elif plan.ends_as == "retired":
            retired = Cause(kind="command_line", id=ids.derived(namespace, "retire"))
            ledger.retire_plan(plan_ids[plan.slug], by=by, cause=retired)


def _rules(code: DemoCode, opened_at: datetime, currency: str) -> DiscountRules:
    return DiscountRules(
        percent=code.percent,
        amount=None if code.amount is None else Money(code.amount, currency),
        total_uses=code.total_uses,
        every_payment=code.every_payment,
        ends_at=opened_at + timedelta(days=code.valid_days) if code.valid_days else None,
    )
