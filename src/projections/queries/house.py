"""Plans, discount codes and contributors: short lists, given whole."""

from __future__ import annotations

from typing import LiteralString
from uuid import UUID

from projections.contributors import ContributorRow
from projections.discounts import DiscountRow
from projections.plans import PlanRow
from projections.queries.reading import Rows, Source

PLANS: LiteralString = "SELECT {columns} FROM plans AS view ORDER BY name_key, plan_id"
PLAN: LiteralString = "SELECT {columns} FROM plans AS view WHERE plan_id = %(plan_id)s"
DISCOUNTS: LiteralString = "SELECT {columns} FROM discounts AS view ORDER BY code, code_id"
DISCOUNT: LiteralString = "SELECT {columns} FROM discounts AS view WHERE code_id = %(code_id)s"
STAFF: LiteralString = """
SELECT {columns} FROM contributors AS view ORDER BY name_key, contributor_id
"""
CONTRIBUTOR: LiteralString = """
SELECT {columns} FROM contributors AS view WHERE contributor_id = %(contributor_id)s
"""


class PlanQueries:
    """Asks about plans."""

    def __init__(self, source: Source) -> None:
        self._rows = Rows(source, PlanRow)

    def all(self) -> list[PlanRow]:
        """Every plan by name, drafts and retired ones too; `row.is_joinable(now)` says which."""
        return self._rows.all(PLANS, {})

    def one(self, plan_id: UUID) -> PlanRow | None:
        """One plan."""
        return self._rows.one(PLAN, {"plan_id": plan_id})


class DiscountQueries:
    """Asks about discount codes."""

    def __init__(self, source: Source) -> None:
        self._rows = Rows(source, DiscountRow)

    def all(self) -> list[DiscountRow]:
        """Every code."""
        return self._rows.all(DISCOUNTS, {})

    def one(self, code_id: UUID) -> DiscountRow | None:
        """One code."""
        return self._rows.one(DISCOUNT, {"code_id": code_id})


class ContributorQueries:
    """Asks about the staff."""

    def __init__(self, source: Source) -> None:
        self._rows = Rows(source, ContributorRow)

    def all(self) -> list[ContributorRow]:
        """Everybody who is, or was, staff, by name."""
        return self._rows.all(STAFF, {})

    def one(self, contributor_id: UUID) -> ContributorRow | None:
        """One of the staff."""
        return self._rows.one(CONTRIBUTOR, {"contributor_id": contributor_id})

    def roles_of(self, contributor_id: UUID) -> tuple[str, ...]:
        """The roles they have now; none when they were removed or never staff."""
        row = self.one(contributor_id)
        return row.roles if row else ()
