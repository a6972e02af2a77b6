"""The site itself: segments that are kept, receipts, and facts that views leave out."""

from __future__ import annotations

from functools import partial
from uuid import UUID

import pytest

from ledger import ids
from ledger.application.operating import skipped_positions
from ledger.errors import FilterMalformed, Forbidden, NotFound, SegmentNameTaken
from ledger.facts import ERASED, Actor
from ledger.money import Money
from ledger.segment import SegmentFilter
from ledger.store.mapper import FactMapper
from ledger.store.recorder import FactRecorder
from tests.application.races import at_once, refusals
from tests.application.sites import GATEWAY, SCHEDULER, STAFF, Site, cause, eur, themself
from tests.ledger.test_site import RECEIPT

MACHINE = Actor(kind="machine")


def save(site: Site, segment_id: UUID, name: str = "Friends", **asked: object) -> int:
    """Save a filter."""
    return site.ledger.save_segment(
        segment_id,
        name=name,
        asked=SegmentFilter.model_validate(asked),
        text="zoe",
        by=STAFF,
        cause=cause(),
    )


def test_the_sites_stream_begins_when_it_is_founded(site: Site) -> None:
    with pytest.raises(NotFound):
        site.ledger.site()
    site.ledger.found_site(
        ids.new(), email="o@example.org", name="O", locale="en", by=MACHINE, cause=cause()
    )
    save(site, ids.new())
    assert site.topics(ids.SITE) == ["site.founded", "site.segment_saved"]


def test_books_that_were_founded_before_have_a_stream_when_it_is_needed(site: Site) -> None:
    save(site, ids.new())
    assert site.topics(ids.SITE) == ["site.founded", "site.segment_saved"]


def test_a_segment_is_saved_changed_and_removed(site: Site) -> None:  # part of SE2
    segment_id = ids.new()
    save(site, segment_id, spent_from=eur(100))
    save(site, segment_id, "Good friends", tag="vip")
    saved = site.ledger.site().segments[segment_id]
    assert (saved.name, saved.filter) == ("Good friends", SegmentFilter(tag="vip"))
    for _ in range(2):
        site.ledger.remove_segment(segment_id, by=STAFF, cause=cause())
    assert site.ledger.site().segments == {}
    assert site.topics(ids.SITE).count("site.segment_saved") == 3


def test_spent_is_counted_in_the_sites_currency(site: Site) -> None:  # part of SE2
    with pytest.raises(FilterMalformed):
        save(site, ids.new(), spent_from=Money(1, "USD"))


def test_a_segment_asks_for_a_plan_that_there_is(site: Site) -> None:
    with pytest.raises(NotFound):
        save(site, ids.new(), plan_id=ids.new())
    assert save(site, ids.new(), plan_id=site.plan()) > 0


def test_of_two_who_take_one_name_at_once_one_has_it(site: Site) -> None:
    acts = [partial(save, site, ids.new(), name) for name in ("Friends", "FRIENDS")]
    (refusal,) = refusals(at_once(*acts))
    assert isinstance(refusal, SegmentNameTaken)
    assert len(site.ledger.site().segments) == 1


def test_what_a_segment_looks_for_can_be_erased(site: Site) -> None:
    segment_id = ids.new()
    save(site, segment_id)
    site.ledger.vault.destroy(segment_id)
    assert site.ledger.site().segments[segment_id].text == ERASED


def test_a_rebuild_that_is_recorded_again_has_one_receipt(site: Site) -> None:
    for by in (SCHEDULER, MACHINE, STAFF):
        site.ledger.record_rebuild(RECEIPT, by=by, cause=cause())
    assert site.topics(ids.SITE) == ["site.founded", "site.view_rebuilt"]
    assert site.ledger.site().rebuilds[RECEIPT.rebuild_id] == RECEIPT


def test_a_fact_that_is_left_out_stays_in_the_books(site: Site) -> None:  # part of AU1
    ada = site.person("ada")
    position = site.ledger.position_of(ada)
    before = site.facts(ada)
    for _ in range(2):
        site.ledger.skip_fact(position, "nobody can read it", by=STAFF, cause=cause())
    ledger = site.ledger
    assert ledger.skipped_positions() == {position}
    assert skipped_positions(FactRecorder(site.pool), FactMapper(ledger.vault)) == {position}
    assert site.facts(ada) == before
    topics = [record.topic for record in FactRecorder(site.pool).of_subject(ada)]
    assert topics == ["member.account_opened", "site.fact_skipped"]


def test_nothing_is_left_out_of_an_untouched_site(site: Site) -> None:
    assert site.ledger.skipped_positions() == frozenset()


@pytest.mark.parametrize("position", [-1, 0, 2, 10_000])
def test_only_a_fact_that_is_there_can_be_left_out(site: Site, position: int) -> None:
    site.person("ada")
    with pytest.raises(NotFound):
        site.ledger.skip_fact(position, "why", by=STAFF, cause=cause())


def test_neither_members_nor_the_payment_company_run_the_site(site: Site) -> None:
    ada = site.person("ada")
    for by in (themself(ada), GATEWAY):
        acts = [
            partial(site.ledger.remove_segment, ids.new()),
            partial(site.ledger.record_rebuild, RECEIPT),
            partial(site.ledger.skip_fact, 1, "why"),
        ]
        for act in acts:
            with pytest.raises(Forbidden):
                act(by=by, cause=cause())
    assert site.topics(ids.SITE) == []
