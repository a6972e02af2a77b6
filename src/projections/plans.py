"""Plans: what can be joined, with every price version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, NamedTuple
from uuid import UUID

from ledger.facts import Fact
from ledger.plan import Plan
from projections.laws import Law, one_row_a_fact
from projections.rows import quick
from projections.search import search_key
from projections.view import Index, Key, Needs, View, first, on


@dataclass(frozen=True, slots=True)
class PriceLine:
    """One price version; the amount of one charge in minor units."""

    version: int
    model: str
    minor: int
    currency: str
    unit: str | None
    every: int | None
    payments: int | None
    set_at: datetime
    effective_for_existing_from: datetime | None


@quick
class PlanRow(NamedTuple):
    """A plan as it stands; `prices` from the first to the one that people who join now pay."""

    plan_id: UUID
    name: str
    name_key: str
    description: str
    tax_basis_points: int | None
    state: str
    created_at: datetime
    prices: tuple[PriceLine, ...] = ()
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    password_until: datetime | None = None
    free_until: datetime | None = None
    position: int = 0

    @property
    def price(self) -> PriceLine | None:
        """What people who join now pay."""
        return self.prices[-1] if self.prices else None

    def is_joinable(self, now: datetime) -> bool:
        """Whether sign-ups are open at an instant (PL5)."""
        started = self.opens_at is None or self.opens_at <= now
        return self.state == "open" and started and (self.closes_at is None or now < self.closes_at)


class Plans(View[PlanRow]):
    """Every plan, drafts and retired ones too."""

    name = "plans"
    version = 1
    partition = "stream"
    key = ("plan_id",)
    columns = PlanRow
    needs: ClassVar[Needs] = {}
    indexes: ClassVar[tuple[Index, ...]] = ()
    laws: ClassVar[tuple[Law, ...]] = (one_row_a_fact("plan.created"),)

    def keys(self, fact: Fact) -> tuple[Key, ...]:
        """The plan whose stream it is."""
        return ((fact.originator_id,),)

    @first(Plan.Drafted)
    def drafted(self, fact: Plan.Drafted) -> PlanRow:
        """A draft."""
        return PlanRow(
            plan_id=fact.originator_id,
            name=fact.name,
            name_key=search_key(fact.name),
            description=fact.description,
            tax_basis_points=fact.tax_basis_points,
            state="draft",
            created_at=fact.occurred_at,
        )

    @on(Plan.Described)
    def described(self, row: PlanRow, fact: Plan.Described) -> PlanRow:
        """Other words."""
        return row._replace(
            name=fact.name,
            name_key=search_key(fact.name),
            description=fact.description,
            tax_basis_points=fact.tax_basis_points,
        )

    @on(Plan.PriceSet)
    def price_set(self, row: PlanRow, fact: Plan.PriceSet) -> PlanRow:
        """A new price version."""
        terms = fact.terms
        line = PriceLine(
            version=fact.version,
            model=terms.model,
            minor=terms.amount.minor,
            currency=terms.amount.currency,
            unit=terms.unit,
            every=terms.every,
            payments=terms.payments,
            set_at=fact.occurred_at,
            effective_for_existing_from=fact.effective_for_existing_from,
        )
        return row._replace(prices=(*row.prices, line))

    @on(Plan.Opened)
    def opened(self, row: PlanRow, fact: Plan.Opened) -> PlanRow:
        """Can be joined."""
        return row._replace(state="open", opens_at=fact.opens_at, closes_at=fact.closes_at)

    @on(Plan.Closed)
    def closed(self, row: PlanRow, _: Plan.Closed) -> PlanRow:
        """Can't be joined for now."""
        return row._replace(state="closed")

    @on(Plan.EarlyAccessSet)
    def early_access_set(self, row: PlanRow, fact: Plan.EarlyAccessSet) -> PlanRow:
        """Early access as given now."""
        return row._replace(password_until=fact.password_until, free_until=fact.free_until)

    @on(Plan.Retired)
    def retired(self, row: PlanRow, _: Plan.Retired) -> PlanRow:
        """For ever."""
        return row._replace(state="retired")
