"""What may be done with plans and discount codes."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ledger.application.books import PLAN_SLOT, Books, Position
from ledger.application.use_case import use_case
from ledger.discount import DiscountCode, DiscountRules, normal_code
from ledger.errors import CodeTaken, CodeUnknown, DiscountMalformed, TooManyPlans
from ledger.facts import Actor, Cause
from ledger.plan import Plan
from ledger.store.records import Claim
from ledger.store.refusals import ClaimTaken
from ledger.terms import Terms

CODE = "discount_code"


class PlanUseCases(Books):
    """Plans: drafted, priced, opened, closed, retired."""

    def plan(self, plan_id: UUID) -> Plan:
        """A plan as the books know it now; NotFound."""
        return self.load(Plan, plan_id)

    @use_case
    def draft_plan(
        self,
        plan_id: UUID,
        *,
        name: str,
        description: str,
        tax_basis_points: int | None = None,
        by: Actor,
        cause: Cause,
    ) -> Position:
        """Create a plan that has no price and can't be joined yet (PL8)."""
        plan = Plan.draft(
            plan_id,
            name=name,
            description=description,
            tax_basis_points=tax_basis_points,
            stamp=self.staff_stamp(by, cause),
        )
        return self.append(plan, claims=[self._free_plan_slot(plan_id)], command=cause.id)

    @use_case
    def describe_plan(
        self,
        plan_id: UUID,
        *,
        name: str,
        description: str,
        tax_basis_points: int | None,
        by: Actor,
        cause: Cause,
    ) -> Position:
        """Change what people read, and the tax of later orders."""
        plan = self.plan(plan_id)
        plan.describe(
            name=name,
            description=description,
            tax_basis_points=tax_basis_points,
            stamp=self.staff_stamp(by, cause),
        )
        return self.append(plan, command=cause.id)

    @use_case
    def set_price(
        self,
        plan_id: UUID,
        terms: Terms,
        *,
        effective_for_existing_from: datetime | None = None,
        by: Actor,
        cause: Cause,
    ) -> Position:
        """Make a new price version (PL3, PL4)."""
        plan = self.plan(plan_id)
        plan.set_price(
            terms,
            effective_for_existing_from=effective_for_existing_from,
            stamp=self.staff_stamp(by, cause),
        )
        return self.append(plan, command=cause.id)

    @use_case
    def open_plan(
        self,
        plan_id: UUID,
        *,
        opens_at: datetime | None = None,
        closes_at: datetime | None = None,
        by: Actor,
        cause: Cause,
    ) -> Position:
        """Open sign-ups, optionally within a window (PL5)."""
        plan = self.plan(plan_id)
        plan.open(opens_at=opens_at, closes_at=closes_at, stamp=self.staff_stamp(by, cause))
        return self.append(plan, command=cause.id)

    @use_case
    def close_plan(self, plan_id: UUID, *, by: Actor, cause: Cause) -> Position:
        """Close sign-ups; members stay (PL5)."""
        plan = self.plan(plan_id)
        plan.close(stamp=self.staff_stamp(by, cause))
        return self.append(plan, command=cause.id)

    @use_case
    def set_early_access(
        self,
        plan_id: UUID,
        *,
        password_until: datetime | None,
        free_until: datetime | None,
        by: Actor,
        cause: Cause,
    ) -> Position:
        """Ask for a password until a date, be free until a date (PL6)."""
        plan = self.plan(plan_id)
        plan.set_early_access(
            password_until=password_until, free_until=free_until, stamp=self.staff_stamp(by, cause)
        )
        return self.append(plan, command=cause.id)

    @use_case
    def retire_plan(self, plan_id: UUID, *, by: Actor, cause: Cause) -> Position:
        """Let nobody join it ever again; no membership ends by it (PL7)."""
        plan = self.plan(plan_id)
        plan.retire(stamp=self.staff_stamp(by, cause))
        slots = [slot for slot in self.held(PLAN_SLOT) if slot.owner == plan_id]
        return self.append(plan, releases=slots, command=cause.id)

    def _free_plan_slot(self, plan_id: UUID) -> Claim:
        taken = self.taken_slots(PLAN_SLOT)
        for slot in range(self.rules.most_plans):
            if slot not in taken:
                return Claim(PLAN_SLOT, slot.to_bytes(4), plan_id)
        raise TooManyPlans(limit=self.rules.most_plans)


class DiscountUseCases(Books):
    """Discount codes: made, changed, ended (DI6 is the edge's to ask)."""

    def discount(self, discount_id: UUID) -> DiscountCode:
        """A code as the books know it now; NotFound."""
        return self.load(DiscountCode, discount_id)

    def discount_by_code(self, code: str) -> DiscountCode:
        """The code that someone typed; CodeUnknown."""
        try:
            normal = normal_code(code)
        except DiscountMalformed:
            raise CodeUnknown(discount_code=code) from None
        owner = self.owner_of(CODE, normal.encode())
        if owner is None:
            raise CodeUnknown(discount_code=normal)
        return self.discount(owner)

    @use_case
    def make_discount(
        self, discount_id: UUID, *, code: str, rules: DiscountRules, by: Actor, cause: Cause
    ) -> Position:
        """Make a code; two spellings that differ by case are one (DI1)."""
        for plan_id in rules.plan_ids:
            self.load(Plan, plan_id)
        discount = DiscountCode.make(
            discount_id, code=code, rules=rules, stamp=self.staff_stamp(by, cause)
        )
        claim = Claim(CODE, discount.code.encode(), discount_id)
        try:
            return self.append(discount, claims=[claim], command=cause.id)
        except ClaimTaken:
            raise CodeTaken(discount_code=discount.code) from None

    @use_case
    def change_discount(
        self, discount_id: UUID, rules: DiscountRules, *, by: Actor, cause: Cause
    ) -> Position:
        """Change the rules of later uses."""
        for plan_id in rules.plan_ids:
            self.load(Plan, plan_id)
        discount = self.discount(discount_id)
        discount.change(rules, stamp=self.staff_stamp(by, cause))
        return self.append(discount, command=cause.id)

    @use_case
    def end_discount(self, discount_id: UUID, *, by: Actor, cause: Cause) -> Position:
        """Let nobody use it any more."""
        discount = self.discount(discount_id)
        discount.end(stamp=self.staff_stamp(by, cause))
        return self.append(discount, command=cause.id)
