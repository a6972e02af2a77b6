"""Plans: their prices, and when they can be joined."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from ledger.errors import (
    AmountTooLarge,
    NotFound,
    PlanCurrencyFixed,
    PlanNotOpen,
    PlanOutsideWindow,
    PlanRetired,
    PlanWithoutPrice,
    PriceDateInThePast,
    PriceModelFixed,
    TermsMalformed,
    TextMalformed,
    WindowInverted,
)
from ledger.money import LARGEST_CHARGE, Money
from ledger.plan import Plan
from ledger.terms import Terms
from tests.ledger.stories import (
    FREE,
    GOLD,
    JOINED_MONTHLY,
    MONTHLY,
    NOON,
    ONE_TIME,
    THREE_PAYMENTS,
    YEARLY,
    Past,
    anne,
    by_staff,
    day,
    eur,
    given,
    names,
    past,
    recorded,
)

DRAFTED = past(Plan.Drafted, name="Gold", description="", tax_basis_points=None, member_id=None)
OPENED = past(Plan.Opened, opens_at=None, closes_at=None)
RETIRED = past(Plan.Retired)
DEARER = Terms(model="recurring", amount=eur(1_500), unit="month", every=1)
DEAREST = Terms(model="recurring", amount=eur(1_800), unit="month", every=1)


def priced(terms: Terms, version: int = 1, existing_from: datetime | None = None) -> Past:
    """A price version."""
    return past(
        Plan.PriceSet, version=version, terms=terms, effective_for_existing_from=existing_from
    )


def plan(*story: Past) -> Plan:
    """The plan Gold, a draft to which more has happened."""
    return given(Plan, DRAFTED, *story, stream_id=GOLD)


def open_plan(*story: Past) -> Plan:
    """The plan Gold, at a monthly price, open."""
    return plan(priced(MONTHLY), OPENED, *story)


# --- words ------------------------------------------------------------------------------


def test_a_plan_begins_as_a_draft_without_price() -> None:  # PL5
    drafted = Plan.draft(
        GOLD, name=" Gold ", description="", tax_basis_points=2_000, stamp=by_staff()
    )
    assert (drafted.name, drafted.state, drafted.prices) == ("Gold", "draft", [])


@pytest.mark.parametrize("words", [{"name": ""}, {"name": "a\u202eb"}, {"description": "\0"}])
def test_a_plan_is_described_in_visible_words(words: dict[str, str]) -> None:
    told: dict[str, Any] = {"name": "Gold", "description": "", "tax_basis_points": None, **words}
    with pytest.raises(TextMalformed):
        plan().describe(**told, stamp=by_staff())


@pytest.mark.parametrize("rate", [-1, 10_001, 10**30])
def test_a_tax_rate_has_bounds(rate: int) -> None:
    with pytest.raises(TermsMalformed):
        plan().describe(name="Gold", description="", tax_basis_points=rate, stamp=by_staff())


def test_a_plan_is_described_anew() -> None:
    told = open_plan()
    told.describe(name="Or", description="Tout.", tax_basis_points=2_000, stamp=by_staff())
    assert (told.name, told.description, told.tax_basis_points) == ("Or", "Tout.", 2_000)


# --- prices -----------------------------------------------------------------------------


@pytest.mark.parametrize("terms", [FREE, ONE_TIME, MONTHLY, THREE_PAYMENTS])
def test_a_plan_takes_any_price_model_once(terms: Terms) -> None:  # PL1
    gold = plan()
    gold.set_price(terms, effective_for_existing_from=None, stamp=by_staff())
    assert gold.price.terms == terms
    other = FREE if terms.takes_money else ONE_TIME
    with pytest.raises(PriceModelFixed):
        gold.set_price(other, effective_for_existing_from=None, stamp=by_staff())


def test_a_plan_has_one_currency() -> None:  # PL2
    in_dollars = MONTHLY.model_copy(update={"amount": Money(1_200, "USD")})
    with pytest.raises(PlanCurrencyFixed):
        open_plan().set_price(in_dollars, effective_for_existing_from=None, stamp=by_staff())


@pytest.mark.parametrize("amount", [LARGEST_CHARGE + 1, 2**53 - 1])
def test_a_price_can_be_charged(amount: int) -> None:
    terms = MONTHLY.model_copy(update={"amount": eur(amount)})
    with pytest.raises(AmountTooLarge):
        plan().set_price(terms, effective_for_existing_from=None, stamp=by_staff())


def test_malformed_terms_are_refused() -> None:
    with pytest.raises(TermsMalformed):
        plan().set_price(
            MONTHLY.model_copy(update={"every": None}),
            effective_for_existing_from=None,
            stamp=by_staff(),
        )


def test_people_who_join_later_pay_the_new_price() -> None:  # PL3
    gold = open_plan()
    gold.set_price(DEARER, effective_for_existing_from=None, stamp=by_staff())
    assert (gold.price.number, gold.price.terms) == (2, DEARER)
    assert gold.price_version(1).terms == MONTHLY


def test_members_keep_their_price() -> None:  # PL3
    gold = open_plan(priced(DEARER, 2))
    assert gold.price_for_renewal(1, day(10_000)).terms == MONTHLY


def test_members_move_at_their_first_renewal_on_or_after_the_date() -> None:  # PL4
    gold = open_plan(priced(DEARER, 2, day(40)))
    paid = [gold.price_for_renewal(1, instant).number for instant in (day(39), day(40), day(70))]
    assert paid == [1, 2, 2]


def test_a_member_never_moves_back_to_an_older_price() -> None:  # PL4
    gold = open_plan(priced(DEARER, 2, day(40)), priced(DEAREST, 3, day(20)))
    paid = [gold.price_for_renewal(n, day(50)).number for n in (1, 2, 3)]
    assert paid == [3, 3, 3]


def test_who_joined_at_a_later_price_keeps_it() -> None:  # PL3, PL4
    gold = open_plan(priced(DEARER, 2, day(20)), priced(DEAREST, 3))
    assert gold.price_for_renewal(3, day(50)).terms == DEAREST


@pytest.mark.parametrize("date", [day(0), day(-1)])
def test_existing_members_move_in_the_future(date: datetime) -> None:  # PL4
    with pytest.raises(PriceDateInThePast):
        open_plan().set_price(DEARER, effective_for_existing_from=date, stamp=by_staff(day(0)))


def test_existing_members_keep_their_rhythm() -> None:  # PL4
    every_other = MONTHLY.model_copy(update={"every": 2})
    gold = open_plan()
    with pytest.raises(TermsMalformed):
        gold.set_price(every_other, effective_for_existing_from=day(9), stamp=by_staff())
    gold.set_price(every_other, effective_for_existing_from=None, stamp=by_staff())
    assert gold.price.terms.every == 2


@pytest.mark.parametrize("terms", [FREE, ONE_TIME, THREE_PAYMENTS])
def test_only_a_renewal_moves_to_another_price(terms: Terms) -> None:  # PL4
    with pytest.raises(TermsMalformed):
        plan(priced(terms)).set_price(terms, effective_for_existing_from=day(9), stamp=by_staff())


@pytest.mark.parametrize("number", [0, -1, 2, 10**30])
def test_only_a_price_version_that_was_set_is_found(number: int) -> None:
    with pytest.raises(NotFound):
        open_plan().price_version(number)


def test_a_draft_has_no_price() -> None:
    with pytest.raises(PlanWithoutPrice):
        _ = plan().price


# --- open and closed --------------------------------------------------------------------


def test_a_plan_without_price_is_not_opened() -> None:  # PL5
    with pytest.raises(PlanWithoutPrice):
        plan().open(stamp=by_staff())


@pytest.mark.parametrize("story", [[], [OPENED, past(Plan.Closed)]])
def test_only_an_open_plan_is_joined(story: list[Past]) -> None:  # PL5
    with pytest.raises(PlanNotOpen):
        plan(priced(MONTHLY), *story).require_joinable(day(1))


def test_a_plan_is_joined_within_its_window() -> None:  # PL5
    gold = plan(priced(MONTHLY))
    gold.open(opens_at=day(2), closes_at=day(4), stamp=by_staff())
    for outside in (day(1), day(4), day(9)):
        with pytest.raises(PlanOutsideWindow):
            gold.require_joinable(outside)
    gold.require_joinable(day(2))
    gold.require_joinable(day(3))


@pytest.mark.parametrize(("opens_at", "closes_at"), [(day(2), day(2)), (day(3), day(2))])
def test_a_window_closes_after_it_opens(opens_at: datetime, closes_at: datetime) -> None:  # PL5
    with pytest.raises(WindowInverted):
        plan(priced(MONTHLY)).open(opens_at=opens_at, closes_at=closes_at, stamp=by_staff())


def test_a_closed_plan_opens_again() -> None:  # PL5
    gold = open_plan(past(Plan.Closed))
    gold.open(stamp=by_staff())
    gold.require_joinable(day(1))
    assert names(gold) == ["plan.opened"]


def test_what_is_so_already_is_no_news() -> None:
    gold = open_plan()
    gold.open(stamp=by_staff())
    gold.describe(name="Gold", description="", tax_basis_points=None, stamp=by_staff())
    gold.set_early_access(password_until=None, free_until=None, stamp=by_staff())
    assert recorded(gold) == []
    gold.close(stamp=by_staff())
    gold.close(stamp=by_staff())
    gold.retire(stamp=by_staff())
    gold.retire(stamp=by_staff())
    assert names(gold) == ["plan.closed", "plan.retired"]


def test_members_stay_when_sign_ups_close() -> None:  # PL5
    member, gold = anne(JOINED_MONTHLY), open_plan()
    gold.close(stamp=by_staff(day(1)))
    assert member.access(GOLD, day(2)).allowed


def test_early_access_asks_for_a_password_until_a_date() -> None:  # PL6
    gold = open_plan()
    gold.set_early_access(password_until=day(2), free_until=None, stamp=by_staff())
    assert [gold.asks_password(day(n)) for n in (1, 2)] == [True, False]
    assert not gold.starts_free(day(1))


def test_early_access_is_free_until_a_date() -> None:  # PL6
    gold = open_plan()
    gold.set_early_access(password_until=None, free_until=day(2), stamp=by_staff())
    assert [gold.starts_free(day(n)) for n in (1, 2)] == [True, False]
    assert not gold.asks_password(day(1))


def test_early_access_facts_hold_no_password() -> None:  # PL6
    assert not [name for name in Plan.EarlyAccessSet.model_fields if "hash" in name]
    assert set(Plan.EarlyAccessSet.model_fields) > {"password_until", "free_until"}


def test_retiring_a_plan_ends_no_membership() -> None:  # PL7
    member, gold = anne(JOINED_MONTHLY), open_plan()
    gold.retire(stamp=by_staff(day(1)))
    assert member.access(GOLD, day(2)).allowed
    assert gold.price_for_renewal(1, day(28)).terms == MONTHLY


def test_a_retired_plan_is_neither_joined_nor_changed() -> None:  # PL7
    gold = open_plan(RETIRED)
    with pytest.raises(PlanRetired):
        gold.require_joinable(day(1))
    acts: list[Callable[[], None]] = [
        lambda: gold.open(stamp=by_staff()),
        lambda: gold.close(stamp=by_staff()),
        lambda: gold.set_price(YEARLY, effective_for_existing_from=None, stamp=by_staff()),
        lambda: gold.set_early_access(password_until=NOON, free_until=None, stamp=by_staff()),
        lambda: gold.describe(name="x", description="", tax_basis_points=1, stamp=by_staff()),
    ]
    for act in acts:
        with pytest.raises(PlanRetired):
            act()
