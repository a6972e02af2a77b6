"""The fold is pure: no database, the same from scratch as step by step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import pytest

from ledger.facts import Aggregate, Fact, fact_classes
from ledger.order.facts import Refunded
from projections.catalogue import all_views
from projections.columns import RowCodec
from projections.site import Site
from projections.spending import Spending, SpendingRow
from projections.view import Recorded, RowMissing, View, fold, on, subject_of, work_of
from tests.projections.full_stories import told_fully
from tests.projections.stories import told

EUROS = Site(currency="EUR", mode="live", zone="Europe/Paris")
VIEWS = all_views(EUROS)
by_name = pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)


@pytest.fixture(scope="module")
def facts() -> list[Recorded]:
    return recorded(told_fully(7, 900))


def recorded(saves: Iterable[list[Aggregate]]) -> list[Recorded]:
    """The facts of a story."""
    found = [fact for save in saves for one in save for fact in one.collect_events()]
    return [Recorded(place + 1, fact) for place, fact in enumerate(found)]  # type: ignore[arg-type]


@by_name
def test_step_by_step_is_from_scratch(view: View[Any], facts: list[Recorded]) -> None:
    rows: dict[Any, Any] = {}
    for one in facts:
        for key, row in fold(view, rows, [one]).items():
            rows[key] = row
    assert rows == fold(view, {}, facts)
    assert rows


@by_name
def test_the_rows_given_stay_as_they_are(view: View[Any], facts: list[Recorded]) -> None:
    half = len(facts) // 2
    rows = fold(view, {}, facts[:half])
    before = dict(rows)
    fold(view, rows, facts[half:])
    assert rows == before


@by_name
def test_each_key_begins_with_the_partition(view: View[Any], facts: list[Recorded]) -> None:
    for one in facts:
        if type(one.fact) in view.handlers:
            home = subject_of(one.fact) if view.partition == "subject" else one.fact.originator_id
            assert {key[0] for key in view.keys(one.fact)} <= {home}


@by_name
def test_rows_stand_under_their_keys(view: View[Any], facts: list[Recorded]) -> None:
    assert view.columns._fields[: len(view.key)] == view.key
    assert view.columns._fields[-1] == "position"
    for key, row in fold(view, {}, facts).items():
        if row is not None:
            assert row[: len(view.key)] == key


@by_name
def test_a_row_goes_to_the_database_and_back(view: View[Any], facts: list[Recorded]) -> None:
    codec = RowCodec(view.columns)
    rows = [row for row in fold(view, {}, facts).values() if row is not None]
    assert [codec.decode(codec.encode(row)) for row in rows] == rows


@by_name
def test_each_row_folds_its_own_facts(view: View[Any], facts: list[Recorded]) -> None:
    work = work_of(view, facts)
    assert work.keys() == fold(view, {}, facts).keys()
    for key, own in work.items():
        assert fold(view, {}, own)[key] == fold(view, {}, facts)[key]
        break


class Stubborn(Spending):
    """Takes no money back."""

    @on(Refunded)
    def taken_back(self, row: SpendingRow, _: Refunded) -> SpendingRow:
        """Nothing changes."""
        return row


def test_a_fact_that_changes_nothing_leaves_the_row_as_it_is(facts: list[Recorded]) -> None:
    view = Stubborn()
    rows = {key: row for key, row in fold(view, {}, facts).items() if row}
    refunds = [one for one in facts if isinstance(one.fact, Refunded)]
    changed = fold(view, rows, [one._replace(position=10**6) for one in refunds])
    assert changed
    assert all(rows.get(key) is row for key, row in changed.items())
    assert fold(view, {}, refunds).keys() == changed.keys()
    assert not any(fold(view, {}, refunds).values())


def test_a_row_that_should_be_there_is_missed(facts: list[Recorded]) -> None:
    members = VIEWS[0]
    tagged = next(one for one in facts if one.fact.TOPIC == "member.tagged")
    with pytest.raises(RowMissing, match="members has no row"):
        fold(members, {}, [tagged])


def test_every_fact_but_those_about_views_is_in_some_view() -> None:
    handled: set[type[Fact]] = {kind for view in VIEWS for kind in view.handlers}
    unread = {
        kind.TOPIC
        for kind in fact_classes()
        if kind.__module__.startswith("ledger.") and kind not in handled
    }
    # What concerns the views themselves is read by those who fold, straight from the books; what
    # concerns the site's money as a whole is short, and read from its stream. What a bank says of a
    # mandate, and how a dispute moves our balance, stand in the history alone.
    assert unread == {
        "contributor.muted",
        "contributor.second_step_ended",
        "contributor.unmuted",
        "member.mandate_changed",
        "order.dispute_funds_moved",
        "site.founded",
        "site.view_rebuilt",
        "site.fact_skipped",
        "site.gateway_pinned",
        "site.setting_changed",
        "site.reconciled",
        "site.drift_detected",
        "site.drift_resolved",
    }


def test_live_and_test_money_are_never_added() -> None:  # OR9
    facts = recorded(told(7, 600))
    live = fold(VIEWS[0], {}, facts)
    other = fold(all_views(Site("EUR", "test", "Europe/Paris"))[0], {}, facts)
    assert any(row.gross for row in live.values() if row)
    assert not any(row.gross for row in other.values() if row)
    spending = next(view for view in VIEWS if view.name == "spending")
    assert {key[2] for key in fold(spending, {}, facts)} == {"live"}
    assert all(isinstance(key[0], UUID) for key in live)
