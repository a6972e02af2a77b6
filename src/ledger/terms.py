"""What a plan costs and when: price models, periods, and the arithmetic of months.

Dates are counted in the site's time zone, instants are stored in UTC (DU11).
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from ledger.errors import AmountTooLarge, TermsMalformed
from ledger.facts import Value
from ledger.money import LARGEST_CHARGE, Money

PriceModel = Literal["free", "one_time", "instalments", "recurring"]
Unit = Literal["week", "month", "year"]

MOST_EVERY = 120
FEWEST_PAYMENTS, MOST_PAYMENTS = 2, 120


class Terms(Value):
    """One price version's model and amount.

    `amount` is what one charge takes, in minor units; `instalments` are `payments` such charges,
    `recurring` has no last one. `every` `unit`s lie between two charges. A free start asks for a
    payment method that can be charged later, unless `free_start_without_method` (PL1).
    """

    model: PriceModel
    amount: Money
    unit: Unit | None = None
    every: int | None = None
    payments: int | None = None
    free_start_without_method: bool = False

    @property
    def repeats(self) -> bool:
        """Whether a later charge follows the first."""
        return self.model in {"recurring", "instalments"}

    @property
    def takes_money(self) -> bool:
        """Whether someone in such a plan is a customer."""
        return self.model != "free"


class Discount(Value):
    """A price cut as one membership has it: a percentage or a fixed amount."""

    code_id: UUID
    code: str
    percent: int | None = None
    amount: Money | None = None
    every_payment: bool

    def cut(self, price: Money, charge_index: int) -> Money:
        """What the nth charge costs with it; never less than nothing (DI2)."""
        if charge_index > 0 and not self.every_payment:
            return price
        if self.percent is not None:
            return price.percent_off(self.percent)
        return price.less(self.amount) if self.amount is not None else price


def require_terms(terms: Terms) -> Terms:
    """The terms, if they are complete and chargeable; else TermsMalformed or AmountTooLarge."""
    why = _fault(terms)
    if why:
        raise TermsMalformed(why=why)
    if terms.amount.minor > LARGEST_CHARGE:
        raise AmountTooLarge(asked=terms.amount)
    return terms


def _fault(terms: Terms) -> str | None:
    timed = terms.unit is not None and terms.every is not None
    faults = {
        "a free plan costs nothing": terms.model == "free" and not terms.amount.is_zero,
        "a price is more than zero": terms.takes_money and terms.amount.minor <= 0,
        "charges that repeat need a unit and every": terms.repeats and not timed,
        "only charges that repeat have a unit or every": not terms.repeats
        and (terms.unit is not None or terms.every is not None),
        f"every is 1 to {MOST_EVERY}": terms.every is not None
        and not 1 <= terms.every <= MOST_EVERY,
        f"instalments are {FEWEST_PAYMENTS} to {MOST_PAYMENTS} payments": terms.model
        == "instalments"
        and not (terms.payments and FEWEST_PAYMENTS <= terms.payments <= MOST_PAYMENTS),
        "only instalments have a number of payments": terms.model != "instalments"
        and terms.payments is not None,
    }
    return next((why for why, found in faults.items() if found), None)


def charge_date(terms: Terms, anchor: datetime, index: int, zone: ZoneInfo) -> datetime:
    """When the nth charge of a membership begun at `anchor` falls due (0 is the first).

    Counted from the anchor, not from the charge before: a membership begun on the 31st renews on
    the last day of shorter months and on the 31st again after (DU11). A time of day that the
    clocks skip falls as much later, one that they repeat is the first of the two. Terms must
    repeat. Beyond the year 9999 they are TermsMalformed.
    """
    if index == 0:
        return anchor
    try:
        return _later(terms, anchor, index, zone)
    except (OverflowError, ValueError):
        raise TermsMalformed(why="a charge falls due after the year 9999") from None


def _later(terms: Terms, anchor: datetime, index: int, zone: ZoneInfo) -> datetime:
    local = anchor.astimezone(zone).replace(fold=0)
    steps = index * (terms.every or 1)
    if terms.unit == "week":
        day = local.date() + timedelta(weeks=steps)
    else:
        day = _months_later(local.date(), steps * (12 if terms.unit == "year" else 1))
    return datetime.combine(day, local.timetz()).astimezone(UTC)


def period(
    terms: Terms, anchor: datetime, index: int, zone: ZoneInfo
) -> tuple[datetime, datetime | None]:
    """Start and end of the period that the nth charge buys; no end where nothing follows."""
    if not terms.repeats:
        return anchor, None
    start = charge_date(terms, anchor, index, zone)
    if terms.model == "instalments" and index + 1 >= (terms.payments or 0):
        return start, None
    return start, charge_date(terms, anchor, index + 1, zone)


def _months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
