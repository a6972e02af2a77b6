"""Traits: whoever did something between two instants has one of the traits that are asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from projections.instants import FOREVER, NEVER
from projections.traits import between, bits, trait, when

MOST_TERMS = 45
INSTANTS = st.datetimes(timezones=st.just(UTC)) | st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001 -- the zone comes from the strategy
    max_value=datetime(2040, 1, 1),  # noqa: DTZ001
    timezones=st.just(timezone(timedelta(hours=-11))),
)


@given(INSTANTS, INSTANTS, INSTANTS)
def test_who_did_it_in_between_has_just_one_of_the_traits(
    one: datetime, other: datetime, third: datetime
) -> None:
    first, instant, last = sorted((one, other, third))
    asked = list(between("joined", first, last))
    assert len(set(asked) & set(when("joined", instant))) == 1
    assert len(asked) <= MOST_TERMS


@given(INSTANTS, INSTANTS)
def test_who_did_it_in_another_month_has_none(one: datetime, other: datetime) -> None:
    asked, own = set(between("ordered", one, one)), when("ordered", other)
    same = one.astimezone(UTC).strftime("%Y-%m") == other.astimezone(UTC).strftime("%Y-%m")
    is_usual = all(1900 < instant.year < 2099 for instant in (one, other))
    assert same or not is_usual or not asked & set(own)


def test_all_of_time_is_few_traits() -> None:
    assert len(list(between("joined", NEVER, FOREVER))) <= MOST_TERMS


@given(st.lists(st.text(max_size=5)), st.text(max_size=5))
def test_who_has_a_trait_has_its_bits(others: list[str], tag: str) -> None:
    own = bits([*(trait("tag", other) for other in others), trait("tag", tag)])
    asked = bits([trait("tag", tag)])
    assert own & asked == asked
    assert 0 <= own < 2**63
