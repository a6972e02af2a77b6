"""What figures mean is said in both languages; and what is rounded still adds up."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.queries.reports.definitions import DEFINITIONS, Definition
from projections.queries.reports.rounding import rounded, shares

by_label = pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda one: one.label)
values = st.fractions(-1000, 1000, max_denominator=1440)


@by_label
def test_a_definition_is_said_in_both_languages(definition: Definition) -> None:  # part of NU4
    assert definition.label == f"{definition.name}-{definition.version}"
    assert definition.english.endswith(".")
    assert definition.french.endswith(".")
    assert not re.search(r" [;:!?]|\w'", definition.french)  # it keeps its typography


def test_no_two_definitions_have_one_name() -> None:
    assert len({one.label for one in DEFINITIONS}) == len(DEFINITIONS)


@given(values)
def test_half_a_unit_goes_up(value: Fraction) -> None:
    assert -Fraction(1, 2) <= value - rounded(value) < Fraction(1, 2)


@given(values.map(abs), st.lists(values, min_size=1, max_size=6))
def test_shares_add_up_and_none_is_a_unit_off(
    start: Fraction, parts: list[Fraction]
) -> None:  # NU3
    total = rounded(start + sum(parts)) - rounded(start)
    whole = shares(parts, total)
    assert sum(whole) == total
    for part, shown in zip(parts, whole, strict=True):
        assert abs(part - shown) < 1
        assert shown == part or part.denominator > 1
