"""Terms: what is complete, and on which day a charge falls."""

from __future__ import annotations

from calendar import isleap
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ledger.errors import AmountTooLarge, CurrencyMismatch, TermsMalformed
from ledger.money import LARGEST_CHARGE, Money
from ledger.terms import Discount, Terms, Unit, charge_date, period, require_terms
from tests.ledger.stories import (
    FREE,
    MONTHLY,
    NEW_YORK,
    NOON,
    ONE_TIME,
    PARIS,
    THREE_PAYMENTS,
    YEARLY,
    eur,
    uid,
)

LONDON, HAVANA = ZoneInfo("Europe/London"), ZoneInfo("America/Havana")


def every(k: int, unit: Unit) -> Terms:
    """A price for every k weeks, months or years."""
    return Terms(model="recurring", amount=eur(1_200), unit=unit, every=k)


@pytest.mark.parametrize("terms", [FREE, ONE_TIME, MONTHLY, YEARLY, THREE_PAYMENTS])
def test_each_price_model_has_complete_terms(terms: Terms) -> None:  # PL1
    assert require_terms(terms) == terms


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "free"},
        {"amount": eur(0)},
        {"amount": eur(-1)},
        {"unit": None},
        {"every": None},
        {"every": 0},
        {"every": -1},
        {"every": 121},
        {"every": 10**30},
        {"payments": 3},
        {"model": "one_time"},
        {"model": "instalments"},
        {"model": "instalments", "payments": 1},
        {"model": "instalments", "payments": 121},
        {"model": "instalments", "payments": -3},
    ],
)
def test_terms_that_say_too_little_or_too_much_are_refused(  # PL1
    changes: dict[str, Any],
) -> None:
    with pytest.raises(TermsMalformed):
        require_terms(MONTHLY.model_copy(update=changes))


def test_a_price_has_a_limit() -> None:
    with pytest.raises(AmountTooLarge):
        require_terms(MONTHLY.model_copy(update={"amount": eur(LARGEST_CHARGE + 1)}))


def test_terms_are_read_strictly() -> None:
    with pytest.raises(ValidationError):
        Terms.model_validate_json(
            '{"model":"recurring","unit":"day","every":"1","amount":{"currency":"EUR","minor":1}}'
        )


def in_paris(year: int, month: int, day_: int, hour: int = 12) -> datetime:
    """An instant, given as the clocks of Paris show it."""
    return datetime(year, month, day_, hour, tzinfo=PARIS).astimezone(UTC)


@pytest.mark.parametrize(
    ("terms", "begun", "days"),
    [
        (MONTHLY, (2026, 1, 31), [(2026, 2, 28), (2026, 3, 31), (2026, 4, 30), (2026, 5, 31)]),
        (MONTHLY, (2028, 1, 30), [(2028, 2, 29), (2028, 3, 30), (2028, 4, 30), (2028, 5, 30)]),
        (MONTHLY, (2026, 11, 30), [(2026, 12, 30), (2027, 1, 30), (2027, 2, 28), (2027, 3, 30)]),
        (YEARLY, (2028, 2, 29), [(2029, 2, 28), (2030, 2, 28), (2031, 2, 28), (2032, 2, 29)]),
        (every(3, "month"), (2026, 8, 31), [(2026, 11, 30), (2027, 2, 28), (2027, 5, 31)]),
        (every(18, "month"), (2026, 8, 31), [(2028, 2, 29), (2029, 8, 31)]),
        (every(2, "week"), (2026, 2, 20), [(2026, 3, 6), (2026, 3, 20), (2026, 4, 3)]),
        (every(4, "year"), (2028, 2, 29), [(2032, 2, 29), (2036, 2, 29)]),
        (every(100, "year"), (2000, 2, 29), [(2100, 2, 28), (2200, 2, 28)]),
    ],
)
def test_renewals_by_hand(  # DU11
    terms: Terms, begun: tuple[int, int, int], days: list[tuple[int, int, int]]
) -> None:
    found = [charge_date(terms, in_paris(*begun), n + 1, PARIS) for n in range(len(days))]
    assert found == [in_paris(*day_) for day_ in days]


@pytest.mark.parametrize(
    ("zone", "anchor", "due"),
    [
        # Clocks skip 02:00-03:00 in Paris on 29 March 2026: half past two is half past three.
        (PARIS, "2026-02-28T01:30+00:00", "2026-03-28T01:30+00:00"),
        (PARIS, "2026-03-01T01:30+00:00", "2026-03-29T01:30+00:00"),
        # ... and repeat 02:00-03:00 on 25 October: the first of the two.
        (PARIS, "2026-09-27T00:30+00:00", "2026-10-25T00:30+00:00"),
        # New York skips 02:00-03:00 on 8 March 2026 and repeats 01:00-02:00 on 1 November.
        (NEW_YORK, "2026-02-08T07:30+00:00", "2026-03-08T07:30+00:00"),
        (NEW_YORK, "2026-10-04T05:30+00:00", "2026-11-01T05:30+00:00"),
        # The same clock time on either side of a change is another instant.
        (PARIS, "2026-03-28T11:00+00:00", "2026-04-25T10:00+00:00"),
        (NEW_YORK, "2026-10-31T16:00+00:00", "2026-11-28T17:00+00:00"),
        # Begun in the second of two equal hours, due on a day that begins at one o'clock.
        (HAVANA, "2025-11-02T05:30+00:00", "2025-11-30T05:30+00:00"),
    ],
)
def test_a_charge_keeps_its_time_of_day_across_clock_changes(  # DU11
    zone: ZoneInfo, anchor: str, due: str
) -> None:
    four_weeks = every(4, "week")
    begun = datetime.fromisoformat(anchor)
    assert charge_date(four_weeks, begun, 1, zone) == datetime.fromisoformat(due)


def test_a_membership_begun_in_a_repeated_hour_renews_on_its_day() -> None:  # DU11
    begun = datetime(2025, 11, 2, 5, 30, tzinfo=UTC)  # 00:30 for the second time in Havana
    assert charge_date(every(18, "week"), begun, 0, HAVANA) == begun
    due = charge_date(every(18, "week"), begun, 1, HAVANA).astimezone(HAVANA)
    assert due.date() == date(2026, 3, 8)  # where 00:30 does not exist


ANCHORS = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- the strategy wants naive bounds and adds the zone
ZONES = st.sampled_from([PARIS, NEW_YORK, LONDON, HAVANA, ZoneInfo("Asia/Kolkata")])


def due_day(begun: date, unit: Unit, steps: int) -> date:
    """The day so many units later, counted on the fingers."""
    if unit == "week":
        return begun + timedelta(days=7 * steps)
    year, month = begun.year, begun.month
    for _ in range(steps * (12 if unit == "year" else 1)):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    lengths = [31, 29 if isleap(year) else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return date(year, month, min(begun.day, lengths[month - 1]))


@given(
    anchor=ANCHORS,
    zone=ZONES,
    unit=st.sampled_from(["week", "month", "year"]),
    k=st.integers(1, 12),
    index=st.integers(0, 40),
)
def test_every_charge_falls_on_its_local_day_and_time(  # DU11
    anchor: datetime, zone: ZoneInfo, unit: Unit, k: int, index: int
) -> None:
    local = anchor.astimezone(zone)
    found = charge_date(every(k, unit), anchor, index, zone).astimezone(zone)
    assert found.date() == due_day(local.date(), unit, k * index)
    shift = timedelta(hours=found.hour - local.hour, minutes=found.minute - local.minute)
    assert shift in {timedelta(0), timedelta(hours=1)}


@given(anchor=ANCHORS, zone=ZONES, index=st.integers(0, 60), k=st.integers(1, 5))
def test_periods_follow_each_other_without_gap(  # DU11
    anchor: datetime, zone: ZoneInfo, index: int, k: int
) -> None:
    terms = every(k, "month")
    start, end = period(terms, anchor, index, zone)
    assert end is not None
    assert start < end
    assert period(terms, anchor, index + 1, zone)[0] == end
    assert end.utcoffset() == timedelta(0)


def test_the_first_period_begins_with_the_membership() -> None:
    assert period(MONTHLY, NOON, 0, PARIS)[0] == NOON


@pytest.mark.parametrize("terms", [FREE, ONE_TIME])
def test_what_is_charged_once_has_no_end(terms: Terms) -> None:  # PL1
    assert period(terms, NOON, 0, PARIS) == (NOON, None)


def test_the_last_instalment_buys_access_without_end() -> None:  # AX5
    ends = [period(THREE_PAYMENTS, NOON, index, PARIS)[1] for index in range(3)]
    assert [end is None for end in ends] == [False, False, True]


@pytest.mark.parametrize("unit", ["week", "month", "year"])
def test_a_charge_beyond_the_calendar_is_refused(unit: Unit) -> None:
    with pytest.raises(TermsMalformed):
        charge_date(every(120, unit), NOON, 10_000_000, PARIS)


def cut(**rules: Any) -> Discount:
    """What a code cuts."""
    return Discount(code_id=uid("code"), code="SPRING", **{"every_payment": False, **rules})


@pytest.mark.parametrize(
    ("discount", "first", "later"),
    [
        (cut(percent=25), 900, 1200),
        (cut(percent=25, every_payment=True), 900, 900),
        (cut(amount=eur(500)), 700, 1200),
        (cut(amount=eur(5000), every_payment=True), 0, 0),
    ],
)
def test_a_code_cuts_the_first_payment_or_every_one(  # DI1, DI2
    discount: Discount, first: int, later: int
) -> None:
    assert [discount.cut(eur(1200), index) for index in (0, 1, 7)] == [
        eur(first),
        eur(later),
        eur(later),
    ]


def test_a_fixed_cut_is_in_the_currency_of_the_price() -> None:  # DI1
    with pytest.raises(CurrencyMismatch):
        cut(amount=Money(500, "USD")).cut(eur(1200), 0)


def test_a_discount_names_its_code() -> None:
    assert isinstance(cut(percent=1).code_id, UUID)
