"""Coming charges are reckoned from groups as the books reckon them for each member."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import islice
from typing import cast
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from ledger.money import Money
from ledger.terms import Terms, Unit, charge_date
from projections.plans import PriceLine
from projections.queries.coming import Alike, by_month, moving

PARIS = ZoneInfo("Europe/Paris")
START = datetime(2026, 1, 1, tzinfo=UTC)
TODAY = date(2026, 11, 23)


def alike(due: date, *, unit: str = "month", every: int = 1, left: int | None = None) -> Alike:
    """Ten who pay 12.00."""
    return Alike(1, 1200, "EUR", unit, every, left, None, None, due, due.day, 10)


def line(version: int, minor: int, since: datetime | None) -> PriceLine:
    """A monthly price version."""
    return PriceLine(version, "recurring", minor, "EUR", "month", 1, None, START, since)


@given(
    joined=st.datetimes(datetime(2020, 1, 1), datetime(2026, 1, 1)),  # noqa: DTZ001 -- made aware below
    unit=st.sampled_from(["week", "month", "year"]),
    every=st.integers(1, 13),
    index=st.integers(1, 30),
)
def test_a_group_is_charged_on_the_days_on_which_its_members_are(  # part of DU11
    joined: datetime, unit: str, every: int, index: int
) -> None:
    anchor = joined.replace(tzinfo=UTC)
    terms = Terms(
        model="recurring", amount=Money(1200, "EUR"), unit=cast("Unit", unit), every=every
    )
    days = [
        charge_date(terms, anchor, index + place, PARIS).astimezone(PARIS).date()
        for place in range(4)
    ]
    group = alike(days[0], unit=unit, every=every)._replace(began_on=anchor.astimezone(PARIS).day)
    assert list(islice(group.days(), 4)) == days


def test_instalments_end_with_the_last() -> None:
    found = by_month([alike(date(2026, 12, 5), left=3)], [], TODAY, PARIS)
    assert [(one.month, one.charges, one.total) for one in found] == [
        (date(2026, 12, 1), 10, 12_000),
        (date(2027, 1, 1), 10, 12_000),
        (date(2027, 2, 1), 10, 12_000),
    ]


def test_of_charges_that_were_missed_the_latest_counts_today() -> None:  # part of DU10
    found = by_month([alike(date(2026, 8, 30))], [], TODAY, PARIS)
    assert [(one.month, one.charges) for one in found][:2] == [
        (date(2026, 11, 1), 20),
        (date(2026, 12, 1), 10),
    ]


def test_a_later_price_holds_from_the_first_renewal_on_or_after_its_day() -> None:  # part of PL4
    since = datetime(2027, 1, 5, tzinfo=PARIS)
    prices = [line(1, 1200, None), line(2, 1500, since), line(3, 9900, None)]
    found = by_month([alike(date(2026, 12, 5)), alike(date(2026, 12, 4))], prices, TODAY, PARIS)
    assert [(one.month, one.minor, one.charges) for one in found][:3] == [
        (date(2026, 12, 1), 1200, 20),
        (date(2027, 1, 1), 1200, 10),
        (date(2027, 1, 1), 1500, 10),
    ]


def test_a_cut_of_every_payment_lowers_what_is_to_come() -> None:
    group = alike(date(2026, 12, 5), left=1)
    assert group._replace(percent=33).charged(999) == Money(999, "EUR").percent_off(33).minor
    assert group._replace(cut=2000).charged(1200) == 0


def test_who_moves_is_told_by_version_with_the_first_day_and_the_last() -> None:  # part of PL4
    groups = [
        alike(date(2026, 12, 5)),
        alike(date(2026, 12, 20)),
        alike(date(2026, 12, 30))._replace(version=2),
        alike(date(2026, 12, 5), left=1),
    ]
    [one] = moving(groups, date(2027, 1, 6), below=2)
    assert (one.version, one.memberships) == (1, 20)
    assert (one.first, one.last) == (date(2027, 1, 20), date(2027, 2, 5))
