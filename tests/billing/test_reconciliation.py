"""Two lists in, what differs out: the core of reconciliation, by itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import ids
from ledger.billing.reconciliation import (
    STALE_AFTER,
    Comparison,
    Entry,
    Scope,
    Told,
    Try,
    compare,
    stale,
)
from ledger.money import Money
from ledger.payments.balance import Movement, MovementKind
from ledger.payments.gateway import Mode
from ledger.site_money import DriftClass

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
SCOPE = Scope("acct_1", "live", MONDAY, MONDAY + timedelta(days=3))
ORDER = uuid5(ids.SITE, "an order")
KINDS: tuple[MovementKind, ...] = ("payment", "fee", "refund", "refund_failure", "dispute")
OUT: frozenset[str] = frozenset({"fee", "refund", "dispute"})


def movement(
    source: str = "pay_1",
    minor: int = 1_200,
    kind: MovementKind = "payment",
    *,
    at: datetime = MONDAY,
    currency: str = "EUR",
    mode: Mode = "live",
) -> Movement:
    amount = Money(-minor if kind in OUT else minor, currency)
    return Movement(f"{source}_{kind}_{minor}", kind, source, f"pay of {source}", amount, at, mode)


def entry_of(moved: Movement, *, late: timedelta = timedelta()) -> Entry:
    """Our fact of a movement, perhaps learned late."""
    name = f"{ORDER}/{moved.source}"
    kind, source, at = moved.kind, moved.source, moved.at + late
    return Entry(kind, source, moved.amount, at, moved.mode, ORDER, name)


def classes(found: Comparison) -> list[DriftClass]:
    return [one.drift for one in found.drifts]


# --- one of each class ------------------------------------------------------------------


def test_what_only_moved_there_is_missing_in_the_ledger() -> None:
    (drift,) = compare([movement()], [], SCOPE).drifts
    assert (drift.drift, drift.theirs, drift.ours) == (
        "missing_in_ledger",
        Money(1_200, "EUR"),
        None,
    )


def test_what_only_our_books_say_is_missing_at_the_gateway() -> None:
    (drift,) = compare([], [entry_of(movement())], SCOPE).drifts
    assert (drift.drift, drift.order_id) == ("missing_at_gateway", ORDER)


def test_what_they_have_without_having_moved_it_differs_in_status() -> None:
    told = Told(said={"pay_1": "failed"})
    (drift,) = compare([], [entry_of(movement())], SCOPE, told).drifts
    assert (drift.drift, drift.said) == ("status", "failed")


def test_a_kept_fee_that_nobody_wrote_down_is_a_missing_fee() -> None:
    moved = [movement(), movement(minor=43, kind="fee")]
    assert classes(compare(moved, [entry_of(moved[0])], SCOPE)) == ["fee_missing"]


def test_a_payment_of_others_is_foreign_with_its_fee() -> None:
    moved = [movement(), movement(minor=43, kind="fee")]
    told = Told(foreign=frozenset({"pay of pay_1"}))
    found = compare(moved, [], SCOPE, told)
    assert classes(found) == ["foreign"], "that others use the account is one difference"
    (total,) = found.foreign
    assert (total.movements, total.minor) == (2, sum(one.amount.minor for one in moved))
    assert not found.sums, "it is no part of what is compared"


@pytest.mark.parametrize(
    ("theirs", "drift"),
    [
        ({"minor": 1_300}, "amount"),
        ({"currency": "USD"}, "currency"),
        ({"mode": "test"}, "mode"),
    ],
)
def test_what_both_have_otherwise_says_in_what(theirs: dict[str, str], drift: DriftClass) -> None:
    ours = entry_of(movement())
    assert classes(compare([movement(**theirs)], [ours], SCOPE)) == [drift]  # type: ignore[arg-type]


def test_a_balance_in_another_currency_is_no_difference() -> None:
    ours = movement(currency="USD")
    theirs = replace(movement(minor=1_104), charged=ours.amount)
    found = compare([theirs], [entry_of(ours)], SCOPE)
    assert not found.drifts
    (total,) = found.sums
    assert (total.currency, total.theirs, total.ours) == ("USD", 1_200, 1_200)


def test_money_of_another_mode_is_said_to_be_so_before_all_else() -> None:  # part of OR9
    assert classes(compare([movement(mode="test")], [], SCOPE)) == ["mode"]
    assert classes(compare([], [entry_of(movement(mode="test"))], SCOPE)) == ["mode"]


def test_a_try_is_stale_after_a_day() -> None:
    tries = [
        Try(
            uuid5(ORDER, str(hours)),
            ORDER,
            MONDAY - hours * timedelta(hours=1),
            Money(1, "EUR"),
            "live",
        )
        for hours in (0, STALE_AFTER // timedelta(hours=1), 25)
    ]
    (drift,) = stale(tries, "acct_1", MONDAY)
    assert (drift.drift, drift.source) == ("stale_attempt", str(uuid5(ORDER, "25")))


# --- what is judged ---------------------------------------------------------------------


def test_what_lies_outside_helps_to_match_and_is_not_judged() -> None:
    before, after = MONDAY - timedelta(seconds=1), SCOPE.until
    strangers = [movement("early", at=before), movement("late", at=after)]
    assert not compare(strangers, [], SCOPE).drifts
    learned_late = entry_of(movement(at=before), late=timedelta(days=1))
    assert not compare([movement(at=before)], [learned_late], SCOPE).drifts


def test_what_is_watched_is_judged_whenever_it_moved() -> None:
    old = movement(at=MONDAY - timedelta(days=90))
    watching = replace(SCOPE, watched=frozenset({"pay_1"}))
    found = compare([old], [], watching)
    assert classes(found) == ["missing_in_ledger"]
    assert not found.sums


def test_one_source_that_moves_twice_is_matched_by_amount() -> None:
    first, second = movement(minor=500, kind="dispute"), movement(minor=700, kind="dispute")
    ours = [entry_of(second), entry_of(first)]
    assert not compare([first, second], ours, SCOPE).drifts
    assert classes(compare([first, second], ours[1:], SCOPE)) == ["missing_in_ledger"]


# --- for all lists ----------------------------------------------------------------------

instants = st.integers(0, 3 * 86_400 - 1).map(lambda second: MONDAY + timedelta(seconds=second))
moved = st.builds(
    movement,
    st.integers(1, 30).map("pay_{}".format),
    st.integers(1, 99_999),
    st.sampled_from(KINDS),
    at=instants,
    currency=st.sampled_from(["EUR", "JPY"]),
)
several = st.lists(moved, max_size=25, unique_by=lambda one: (one.kind, one.source))
delays = st.integers(0, 30 * 86_400).map(lambda second: timedelta(seconds=second))


@given(several, st.randoms(), delays)
def test_the_same_on_both_sides_never_differs(
    movements: list[Movement], random: st.DataObject, late: timedelta
) -> None:
    entries = [entry_of(one, late=late) for one in movements]
    random.shuffle(entries)  # type: ignore[attr-defined]
    found = compare(movements, entries, SCOPE)
    assert not found.drifts
    assert all(one.theirs == one.ours and one.movements == one.facts for one in found.sums)


HARMS = ("none", "lost here", "lost there", "amount", "currency", "mode")
CLASS: dict[str, DriftClass] = {
    "lost there": "missing_at_gateway",
    "amount": "amount",
    "currency": "currency",
    "mode": "mode",
}


def harmed(one: Movement, harm: str) -> tuple[Movement | None, Entry | None]:
    ours = entry_of(one)
    match harm:
        case "lost here":
            return one, None
        case "lost there":
            return None, ours
        case "amount":
            return replace(one, amount=one.amount + Money(1, one.amount.currency)), ours
        case "currency":
            return replace(one, amount=Money(one.amount.minor, "USD")), ours
        case "mode":
            return replace(one, mode="test"), ours
    return one, ours


@given(several, st.data())
def test_each_harm_is_found_in_its_class_and_nothing_else_is(
    movements: list[Movement], data: st.DataObject
) -> None:
    harms = [data.draw(st.sampled_from(HARMS)) for _ in movements]
    sides = [harmed(*pair) for pair in zip(movements, harms, strict=True)]
    theirs = [one for one, _ in sides if one is not None]
    ours = [one for _, one in sides if one is not None]
    found = compare(theirs, data.draw(st.permutations(ours)), SCOPE)
    expected = Counter(
        (one.kind, one.source, _class_of(one, harm))
        for one, harm in zip(movements, harms, strict=True)
        if harm != "none"
    )
    assert Counter((one.kind, one.source, one.drift) for one in found.drifts) == expected
    assert found.drifts == compare(theirs, ours, SCOPE).drifts
    assert len({one.drift_id for one in found.drifts}) == len(found.drifts)


def _class_of(one: Movement, harm: str) -> DriftClass:
    if harm == "lost here":
        return "fee_missing" if one.kind == "fee" else "missing_in_ledger"
    return CLASS[harm]


@given(several, several)
def test_the_drifts_account_for_all_that_the_sums_differ_by(
    theirs: list[Movement], mirrored: list[Movement]
) -> None:
    found = compare(theirs, [entry_of(one) for one in mirrored], SCOPE)
    apart: Counter[str] = Counter()
    for drift in found.drifts:
        if drift.theirs:
            apart[drift.theirs.currency] += drift.theirs.minor
        if drift.ours:
            apart[drift.ours.currency] -= drift.ours.minor
    differs = Counter({one.currency: one.theirs - one.ours for one in found.sums})
    assert {c: n for c, n in apart.items() if n} == {c: n for c, n in differs.items() if n}
