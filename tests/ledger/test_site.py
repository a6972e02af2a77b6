"""The site's own stream: saved segments, receipts of rebuilds, facts that views leave out."""

from __future__ import annotations

from typing import Any

import pytest

from ledger import ids
from ledger.errors import (
    FilterMalformed,
    NotFound,
    ReasonMalformed,
    ReceiptMalformed,
    SegmentNameTaken,
    TagMalformed,
    TextMalformed,
)
from ledger.money import Money
from ledger.segment import SegmentFilter
from ledger.site import RebuildReceipt, RebuiltView, Site
from tests.ledger.stories import (
    ANNE,
    GOLD,
    by_staff,
    day,
    eur,
    given,
    names,
    past,
    recorded,
    replayed,
    state,
    uid,
)

FRIENDS, OTHERS = uid("friends"), uid("others")
RECEIPT = RebuildReceipt(
    rebuild_id=uid("rebuild"),
    views=(RebuiltView(name="members", version=2, rows=7, digest="ab"),),
    from_position=90,
    to_position=100,
    facts=95,
    milliseconds=1_500,
    facts_per_second=63,
    blocked_milliseconds=4,
    workers=1,
    code_version="1.0",
)


def founded() -> Site:
    """A site about which nothing is known yet."""
    return given(Site, past(Site.Founded, member_id=None), stream_id=ids.SITE)


def save(site: Site, name: str = "Friends", text: str = "", **asked: Any) -> None:
    """Save a segment under one id."""
    asks = SegmentFilter(**asked)
    site.save_segment(FRIENDS, name=name, asked=asks, text=text, currency="EUR", stamp=by_staff())


def test_a_filter_is_saved_under_a_name() -> None:  # part of SE2
    site = founded()
    save(site, " Friends ", plan_id=GOLD, spent_from=eur(100), joined_from=day(1), text=" Zoé  A ")
    saved = site.segments[FRIENDS]
    assert (saved.name, saved.text) == ("Friends", "Zoé A")
    assert saved.filter == SegmentFilter(plan_id=GOLD, spent_from=eur(100), joined_from=day(1))


def test_saving_again_changes_the_segment_and_the_same_is_no_news() -> None:
    site = founded()
    for tag in ("vip", "vip", "old"):
        save(site, tag=tag)
    assert names(site) == ["site.segment_saved"] * 2
    assert site.segments[FRIENDS].filter.tag == "old"


def test_a_removed_segment_is_saved_no_longer() -> None:
    site = founded()
    save(site)
    for _ in range(2):
        site.remove_segment(FRIENDS, stamp=by_staff())
    assert names(site) == ["site.segment_saved"] * 2
    assert site.segments == {}
    save(site, "Friends again")
    assert site.segments[FRIENDS].name == "Friends again"


def test_a_segment_that_never_was_cannot_be_removed() -> None:
    with pytest.raises(NotFound):
        founded().remove_segment(OTHERS, stamp=by_staff())


def test_no_two_segments_have_one_name() -> None:
    site = founded()
    save(site, "Amis")
    with pytest.raises(SegmentNameTaken):
        site.save_segment(
            OTHERS,
            name="AMIS",
            asked=SegmentFilter(),
            text="",
            currency="EUR",
            stamp=by_staff(),
        )


@pytest.mark.parametrize(
    "asked",
    [
        {"joined_from": day(2), "joined_before": day(2)},
        {"last_order_from": day(2), "last_order_before": day(1)},
        {"spent_from": eur(2), "spent_to": eur(1)},
        {"spent_from": Money(2, "USD")},
        {"spent_to": Money(2, "USD")},
        {"method_country": "FRA"},
        {"method_country": "é!"},
    ],
)
def test_a_filter_that_nobody_can_fit_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(FilterMalformed):
        save(founded(), **asked)


def test_words_of_a_filter_are_kept_as_they_are_compared() -> None:
    site = founded()
    save(site, tag=" vip ", method_country="fr", statuses=("member", "past_due", "member"))
    kept = site.segments[FRIENDS].filter
    assert (kept.tag, kept.method_country, kept.statuses) == ("vip", "FR", ("member", "past_due"))


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"name": " "}, TextMalformed),
        ({"name": "x" * 201}, TextMalformed),
        ({"text": "x" * 201}, TextMalformed),
        ({"tag": ""}, TagMalformed),
    ],
)
def test_what_is_typed_can_be_seen(fields: dict[str, Any], refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        save(founded(), **fields)


def test_what_is_looked_for_is_sealed_with_the_segments_own_key() -> None:
    site = founded()
    save(site, text="zoe@example.org")
    assert recorded(site)[0].subject_id == FRIENDS


def test_a_rebuild_has_one_receipt() -> None:
    site = founded()
    for _ in range(2):
        site.record_rebuild(RECEIPT, stamp=by_staff())
    assert names(site) == ["site.view_rebuilt"]
    assert site.rebuilds == {RECEIPT.rebuild_id: RECEIPT}


@pytest.mark.parametrize(
    "wrong",
    [
        {"views": ()},
        {"from_position": -1},
        {"to_position": 89},
        {"facts": -1},
        {"milliseconds": -1},
        {"facts_per_second": -1},
        {"blocked_milliseconds": -1},
        {"workers": 0},
    ],
)
def test_a_receipt_can_be_true(wrong: dict[str, Any]) -> None:
    with pytest.raises(ReceiptMalformed):
        founded().record_rebuild(RECEIPT.model_copy(update=wrong), stamp=by_staff())


def skip(site: Site, position: int = 40, reason: str = "holds a date that nobody can read") -> None:
    """Leave one of Anne's facts out."""
    site.skip(
        position,
        stream_id=ANNE,
        fact_version=3,
        topic="member.renamed",
        concerns=ANNE,
        reason=reason,
        stamp=by_staff(),
    )


def test_a_fact_is_left_out_once_and_it_is_one_of_its_persons_facts() -> None:
    site = founded()
    for position in (40, 40, 41):
        skip(site, position)
    assert sorted(site.skipped) == [40, 41]
    assert {fact.subject_id for fact in recorded(site)} == {ANNE}


def test_leaving_a_fact_out_needs_a_reason() -> None:
    with pytest.raises(ReasonMalformed):
        skip(founded(), reason=" ")


def test_a_site_is_read_back_as_it_was() -> None:  # AU1
    site = Site.found(stamp=by_staff())
    save(site, text="zoe", spent_from=eur(1))
    site.record_rebuild(RECEIPT, stamp=by_staff())
    skip(site)
    assert state(replayed(site)) == state(site)
