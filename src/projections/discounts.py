"""Discounts: every code with its rules and how often it is used."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from ledger.discount import DiscountCode, DiscountRules
from ledger.facts import Fact
from projections.laws import USES_OF_DISCOUNTS, Law, one_row_a_fact
from projections.rows import quick
from projections.view import Index, Key, Needs, View, first, on


@quick
class DiscountRow(NamedTuple):
    """A code as it stands; `uses` are those that were not given back."""

    code_id: UUID
    code: str
    percent: int | None
    amount: int | None
    currency: str | None
    plan_ids: tuple[UUID, ...]
    starts_at: datetime | None
    ends_at: datetime | None
    total_uses: int | None
    once_per_person: bool
    every_payment: bool
    created_at: datetime
    uses: int = 0
    ended_at: datetime | None = None
    position: int = 0


class Discounts(View[DiscountRow]):
    """Every code, ended ones too."""

    name = "discounts"
    version = 1
    partition = "stream"
    key = ("code_id",)
    columns = DiscountRow
    needs: ClassVar[Needs] = {}
    indexes: ClassVar[tuple[Index, ...]] = ()
    laws: ClassVar[tuple[Law, ...]] = (one_row_a_fact("discount.created"), USES_OF_DISCOUNTS)

    def keys(self, fact: Fact) -> tuple[Key, ...]:
        """The code whose stream it is."""
        return ((fact.originator_id,),)

    @first(DiscountCode.Made)
    def made(self, fact: DiscountCode.Made) -> DiscountRow:
        """A code that can be used."""
        return DiscountRow(
            code_id=fact.originator_id,
            code=fact.code,
            **_rules(fact.rules),
            created_at=fact.occurred_at,
        )

    @on(DiscountCode.Changed)
    def changed(self, row: DiscountRow, fact: DiscountCode.Changed) -> DiscountRow:
        """Other rules for later uses."""
        return row._replace(**_rules(fact.rules))

    @on(DiscountCode.Redeemed)
    def redeemed(self, row: DiscountRow, _: DiscountCode.Redeemed) -> DiscountRow:
        """One use more."""
        return row._replace(uses=row.uses + 1)

    @on(DiscountCode.Released)
    def released(self, row: DiscountRow, _: DiscountCode.Released) -> DiscountRow:
        """One use given back."""
        return row._replace(uses=row.uses - 1)

    @on(DiscountCode.Ended)
    def ended(self, row: DiscountRow, fact: DiscountCode.Ended) -> DiscountRow:
        """Over."""
        return row._replace(ended_at=fact.occurred_at)


def _rules(rules: DiscountRules) -> dict[str, Any]:
    return {
        "percent": rules.percent,
        "amount": rules.amount.minor if rules.amount else None,
        "currency": rules.amount.currency if rules.amount else None,
        "plan_ids": rules.plan_ids,
        "starts_at": rules.starts_at,
        "ends_at": rules.ends_at,
        "total_uses": rules.total_uses,
        "once_per_person": rules.once_per_person,
        "every_payment": rules.every_payment,
    }
