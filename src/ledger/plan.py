"""Plan: what can be joined, its price versions, and when it is open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal, Self
from uuid import UUID

from ledger.errors import (
    NotFound,
    PlanCurrencyFixed,
    PlanNotOpen,
    PlanOutsideWindow,
    PlanRetired,
    PlanWithoutPrice,
    PriceDateInThePast,
    PriceModelFixed,
    TermsMalformed,
    WindowInverted,
)
from ledger.facts import Aggregate, Fact, FirstFact, Instant, Stamp
from ledger.terms import Terms, require_terms
from ledger.texts import description, one_line

MOST_TAX_BASIS_POINTS = 10_000

State = Literal["draft", "open", "closed", "retired"]


@dataclass(frozen=True, slots=True)
class PriceVersion:
    """The price of a plan from a date on.

    `effective_for_existing_from`: members who joined at another price move to this one at their
    first renewal on or after that instant (PL4); None leaves them where they are (PL3). `fact_id`
    is the fact that set it, of which they are told.
    """

    number: int
    terms: Terms
    effective_for_existing_from: datetime | None
    fact_id: str


@dataclass(frozen=True, slots=True)
class EarlyAccess:
    """Until when joining asks for a password, and until when it is free (PL6)."""

    password_until: datetime | None
    free_until: datetime | None


class Plan(Aggregate):
    """A plan of the site, with exactly one price model and one currency."""

    TOPIC: ClassVar[str] = "plan"
    Event = Fact

    class Described(Fact):
        """Name, description and tax were given again."""

        TOPIC: ClassVar[str] = "plan.described"
        name: str
        description: str
        tax_basis_points: int | None

        def apply(self, plan: Plan) -> None:
            """What people read."""
            plan.name, plan.description = self.name, self.description
            plan.tax_basis_points = self.tax_basis_points

    class Drafted(FirstFact):
        """A plan was created, as a draft. The tax rate is inclusive, in hundredths of a percent."""

        TOPIC: ClassVar[str] = "plan.created"
        name: str
        description: str
        tax_basis_points: int | None

        def apply(self, plan: Plan) -> None:
            """A draft."""
            plan.name, plan.description = self.name, self.description
            plan.tax_basis_points = self.tax_basis_points

    Created = Drafted

    class PriceSet(Fact):
        """A new price version (PL3)."""

        TOPIC: ClassVar[str] = "plan.price_set"
        version: int
        terms: Terms
        effective_for_existing_from: Instant | None

        def apply(self, plan: Plan) -> None:
            """The price that people who join from now on pay."""
            plan.prices.append(
                PriceVersion(
                    self.version, self.terms, self.effective_for_existing_from, self.fact_id
                )
            )

    class Opened(Fact):
        """Sign-ups were opened, perhaps within a window (PL5)."""

        TOPIC: ClassVar[str] = "plan.opened"
        opens_at: Instant | None
        closes_at: Instant | None

        def apply(self, plan: Plan) -> None:
            """Can be joined."""
            plan.state = "open"
            plan.opens_at, plan.closes_at = self.opens_at, self.closes_at

    class Closed(Fact):
        """Sign-ups were closed; members stay (PL5)."""

        TOPIC: ClassVar[str] = "plan.closed"

        def apply(self, plan: Plan) -> None:
            """Can't be joined for now."""
            plan.state = "closed"

    class EarlyAccessSet(Fact):
        """Joining asks for a password, or is free, until a date (PL6). The password is not here."""

        TOPIC: ClassVar[str] = "plan.early_access_set"
        password_until: Instant | None
        free_until: Instant | None

        def apply(self, plan: Plan) -> None:
            """Early access as given now."""
            plan.early_access = EarlyAccess(self.password_until, self.free_until)

    class Retired(Fact):
        """The plan can never be joined again; no membership ends by it (PL7)."""

        TOPIC: ClassVar[str] = "plan.retired"

        def apply(self, plan: Plan) -> None:
            """For ever."""
            plan.state = "retired"

    def __init__(self) -> None:
        self.name = ""
        self.description = ""
        self.tax_basis_points: int | None = None
        self.state: State = "draft"
        self.prices: list[PriceVersion] = []
        self.opens_at: datetime | None = None
        self.closes_at: datetime | None = None
        self.early_access = EarlyAccess(None, None)

    # --- what may be asked ------------------------------------------------------------

    @classmethod
    def draft(
        cls,
        plan_id: UUID,
        *,
        name: str,
        description: str,
        tax_basis_points: int | None,
        stamp: Stamp,
    ) -> Self:
        """A new plan, which has no price and can't be joined yet."""
        return cls.begin(
            cls.Drafted, plan_id, stamp=stamp, **_described(name, description, tax_basis_points)
        )

    def describe(
        self, *, name: str, description: str, tax_basis_points: int | None, stamp: Stamp
    ) -> None:
        """Change what people read, and the tax of later orders. The same again is no news."""
        self._require_not_retired()
        words = _described(name, description, tax_basis_points)
        if words != {key: getattr(self, key) for key in words}:
            self.record(self.Described, stamp=stamp, **words)

    def set_price(
        self, terms: Terms, *, effective_for_existing_from: datetime | None, stamp: Stamp
    ) -> None:
        """Make a new price version; model and currency never change (PL1, PL2)."""
        self._require_not_retired()
        require_terms(terms)
        if self.prices:
            self._require_same_kind(terms, moves_existing=effective_for_existing_from is not None)
        if effective_for_existing_from is not None:
            _require_renewals(terms)
            if effective_for_existing_from <= stamp.occurred_at:
                raise PriceDateInThePast
        self.record(
            self.PriceSet,
            stamp=stamp,
            version=len(self.prices) + 1,
            terms=terms,
            effective_for_existing_from=effective_for_existing_from,
        )

    def open(
        self, *, stamp: Stamp, opens_at: datetime | None = None, closes_at: datetime | None = None
    ) -> None:
        """Open sign-ups, optionally within a window. The same window twice is no news."""
        self._require_not_retired()
        if not self.prices:
            raise PlanWithoutPrice(plan_name=self.name)
        if opens_at and closes_at and closes_at <= opens_at:
            raise WindowInverted
        if (self.state, self.opens_at, self.closes_at) != ("open", opens_at, closes_at):
            self.record(self.Opened, stamp=stamp, opens_at=opens_at, closes_at=closes_at)

    def close(self, *, stamp: Stamp) -> None:
        """Close sign-ups. Closing a closed plan is no news."""
        self._require_not_retired()
        if self.state != "closed":
            self.record(self.Closed, stamp=stamp)

    def set_early_access(
        self, *, password_until: datetime | None, free_until: datetime | None, stamp: Stamp
    ) -> None:
        """Ask for a password until a date, be free until a date; None for not. No news is none."""
        self._require_not_retired()
        if self.early_access != EarlyAccess(password_until, free_until):
            self.record(
                self.EarlyAccessSet,
                stamp=stamp,
                password_until=password_until,
                free_until=free_until,
            )

    def retire(self, *, stamp: Stamp) -> None:
        """Never to be joined again. Retiring twice is no news."""
        if self.state != "retired":
            self.record(self.Retired, stamp=stamp)

    # --- what others ask --------------------------------------------------------------

    @property
    def price(self) -> PriceVersion:
        """What people who join now pay; PlanWithoutPrice on a draft that has none."""
        if not self.prices:
            raise PlanWithoutPrice(plan_name=self.name)
        return self.prices[-1]

    def price_version(self, number: int) -> PriceVersion:
        """One of the plan's price versions, counted from 1."""
        if not 1 <= number <= len(self.prices):
            raise NotFound(what="price version", id=number)
        return self.prices[number - 1]

    def price_for_renewal(self, current: int, instant: datetime) -> PriceVersion:
        """What a member at price version `current` pays for a renewal due at an instant (PL4).

        If they are told before: see `price_known_for_renewal`.
        """
        moved = self._moved(current, instant)
        return moved[-1] if moved else self.price_version(current)

    def price_known_for_renewal(
        self, current: int, instant: datetime, was_told: Callable[[PriceVersion], bool]
    ) -> PriceVersion:
        """The same, of a member who was told of some of the plan's prices only (PL4).

        They pay the latest of which they were told, or what was set later and costs no more:
        nobody is charged more than they knew, nor less late for want of a letter.
        """
        moved = self._moved(current, instant)
        untold: list[PriceVersion] = []
        while moved and not was_told(moved[-1]):
            untold.insert(0, moved.pop())
        known = moved[-1] if moved else self.price_version(current)
        for version in untold:
            if version.terms.amount.minor <= known.terms.amount.minor:
                known = version
        return known

    def require_joinable(self, instant: datetime) -> None:
        """Refuse unless open and within the window (PL5, PL7)."""
        if self.state == "retired":
            raise PlanRetired(plan_name=self.name)
        if self.state != "open":
            raise PlanNotOpen(plan_name=self.name, state=self.state)
        before = self.opens_at is not None and instant < self.opens_at
        after = self.closes_at is not None and instant >= self.closes_at
        if before or after:
            raise PlanOutsideWindow(
                plan_name=self.name,
                opens_at=self.opens_at or "now",
                closes_at=self.closes_at or "further notice",
            )

    def asks_password(self, instant: datetime) -> bool:
        """Whether joining asks for the early access password."""
        until = self.early_access.password_until
        return until is not None and instant < until

    def starts_free(self, instant: datetime) -> bool:
        """Whether a membership that begins now has a free first period."""
        until = self.early_access.free_until
        return until is not None and instant < until

    def _moved(self, current: int, instant: datetime) -> list[PriceVersion]:
        """The later versions to which members have moved by an instant, oldest first."""
        return [
            version
            for version in self.prices
            if version.number > current
            and version.effective_for_existing_from is not None
            and version.effective_for_existing_from <= instant
        ]

    def _require_not_retired(self) -> None:
        if self.state == "retired":
            raise PlanRetired(plan_name=self.name)

    def _require_same_kind(self, terms: Terms, *, moves_existing: bool) -> None:
        before = self.price.terms
        if terms.model != before.model:
            raise PriceModelFixed(plan_name=self.name, model=before.model, asked=terms.model)
        if terms.amount.currency != before.amount.currency:
            raise PlanCurrencyFixed(
                plan_name=self.name,
                currency=before.amount.currency,
                asked=terms.amount.currency,
            )
        # Periods are counted from the day of joining: a member can't change rhythm midway.
        rhythms = {(v.terms.unit, v.terms.every, v.terms.payments) for v in self.prices}
        if moves_existing and rhythms != {(terms.unit, terms.every, terms.payments)}:
            raise TermsMalformed(why="existing members can only move to a price of their rhythm")


def _require_renewals(terms: Terms) -> None:
    # Instalments are N equal payments agreed on at the start; only a renewal is a new agreement.
    if terms.model != "recurring":
        raise TermsMalformed(why="only members who renew can move to another price")


def _described(name: str, text: str, tax_basis_points: int | None) -> dict[str, object]:
    if tax_basis_points is not None and not 0 <= tax_basis_points <= MOST_TAX_BASIS_POINTS:
        raise TermsMalformed(why="an inclusive tax is 0 to 10,000 hundredths of a percent")
    return {
        "name": one_line(text=name, field="name"),
        "description": description(text),
        "tax_basis_points": tax_basis_points,
    }
