"""Why somebody is in a segment or not, and why a plan is open to them or not (AX7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any, get_args
from uuid import UUID, uuid5

import pytest

from ledger.errors import NotFound
from ledger.member import AccessAnswer, Member
from projections.explain.answers import Definition, Turn
from projections.explain.segments import OF_CONDITION, OF_SEGMENT
from projections.one_member import grown
from projections.queries.members import MemberFilter, MemberQueries
from projections.queries.paging import Turn as Page
from projections.queries.segments import Segment
from tests.conftest import FreshDatabases
from tests.projections.explaining import WHOLE, Past, past
from tests.projections.oracle import SEGMENTS

SAVED = Definition("segment-saved", 1)


@pytest.fixture(scope="module")
def site(template: str, fresh_databases: FreshDatabases) -> Iterator[Past]:
    with fresh_databases.copy_of(template) as dsn, past(dsn, 3, 500) as found:
        yield found


@pytest.fixture
def spoilt(database: str) -> Iterator[Past]:
    """A site whose views a test may change by hand."""
    with past(database, 3, 500) as found:
        yield found


# --- segments -----------------------------------------------------------------------------


@pytest.mark.parametrize("segment", get_args(Segment))
def test_an_entry_is_what_the_judge_says(site: Past, segment: Segment) -> None:  # part of SE1
    said: Counter[bool] = Counter()
    for now in site.instants:
        expected = site.oracle.segment(segment, now)
        for member in site.members:
            entry = site.segments.smart(segment, member, now, WHOLE)
            assert entry.agrees
            assert entry.is_in == (str(member) in expected)
            said[entry.is_in] += 1
            assert entry.is_in == all(condition.holds for condition in entry.conditions)
            if segment == "possible_duplicates":
                assert bool(entry.others) == entry.is_in
    assert said[True]
    assert said[False]


def test_every_segment_says_what_it_looks_at() -> None:
    assert set(OF_SEGMENT) == set(get_args(Segment)) >= set(SEGMENTS)


def test_an_entry_names_the_facts_that_set_what_it_compares(site: Past) -> None:
    now = site.instants[-2]
    for member in site.members:
        entry = site.segments.smart("members", member, now, WHOLE)
        [condition] = entry.conditions
        [until] = condition.compared
        if until.stored is None:
            assert until.set_by is None or site.oracle.stays_of(str(member)) == []
            continue
        own = [f for f in site.oracle.facts if f.get("member_id") == str(member)]
        known = {f"{fact['originator_id']}/{fact['originator_version']}" for fact in own}
        assert until.set_by in known
        assert until.set_by == entry.facts.lines[-1].fact_id
        assert all(line.changed == ("member_until",) for line in entry.facts.lines[1:])


def test_every_condition_of_a_filter_is_told_apart(site: Past) -> None:
    now, members = site.instants[-2], MemberQueries(site.books.pool)
    stay = next(iter(site.oracle.stays.values()))
    asked: dict[str, Any] = {
        "statuses": ("member", "former"),
        "segment": "customers",
        "plan_id": UUID(stay["plan"]),
        "tag": "vip",
        "joined_from": site.instants[0],
        "joined_before": site.instants[3],
        "spent_from": 1000,
        "spent_to": 20_000,
        "last_order_from": site.instants[0],
        "last_order_before": site.instants[3],
        "method_country": "FR",
        "text": "a",
    }
    assert set(asked) == {*OF_CONDITION, "segment"}
    everything = {
        name: holders(members, MemberFilter(**{name: asked[name]}), now) for name in asked
    }
    for member in site.members:
        found = site.segments.of_filter(MemberFilter(**asked), SAVED, member, now=now, turn=WHOLE)
        assert found.agrees
        assert {one.name: one.holds for one in found.conditions} == {
            name: member in everything[name] for name in asked
        }
        assert found.is_in == all(one.holds for one in found.conditions)


def holders(members: MemberQueries, asked: MemberFilter, now: Any) -> set[UUID]:
    """Everybody for whom a filter holds."""
    return {row.member_id for row in members.page(asked, Page("name", limit=200), now).rows}


def test_nobody_is_not_found(site: Past) -> None:
    with pytest.raises(NotFound):
        site.segments.smart("members", uuid5(site.members[0], "x"), site.instants[0], Turn())


def test_an_entry_edited_by_hand_is_found_with_its_column(spoilt: Past) -> None:
    now = spoilt.instants[-1]
    inside = spoilt.oracle.segment("members", now)
    member = next(one for one in spoilt.members if str(one) not in inside)
    before = spoilt.segments.smart("members", member, now, WHOLE)
    spoilt.spoil(
        "UPDATE members SET member_until = %(at)s WHERE member_id = %(m)s",
        at=now.replace(year=9000),
        m=member,
    )
    entry = spoilt.segments.smart("members", member, now, WHOLE)
    assert entry.is_in
    assert not entry.agrees
    [until] = entry.conditions[0].compared
    [was] = before.conditions[0].compared
    assert (until.column, until.refolded) == ("member_until", was.stored)


# --- access -------------------------------------------------------------------------------


def answered(site: Past, member_id: UUID, plan_id: UUID, at: Any) -> AccessAnswer:
    """What the books say."""
    records = site.books.recorder.of_stream(member_id)
    member = grown(site.books.mapper.open_records(records))
    assert isinstance(member, Member)
    return member.access(plan_id, at)


def test_access_is_explained_at_any_instant(site: Past) -> None:  # AX7
    random, said = Random(1), Counter[bool]()  # noqa: S311 -- any instants will do
    instants = site.instants
    span = instants[-1] - instants[0]
    for stay in site.oracle.stays.values():
        member_id, plan_id = UUID(stay["member"]), UUID(stay["plan"])
        some = [instants[0] + span * random.randrange(1000) / 1000 for _ in range(4)]
        for at in (*some, *instants[-2:]):
            answer = answered(site, member_id, plan_id, at)
            found = site.access.explain(member_id, plan_id, at, answer)
            assert found.agrees, (found, at)
            assert answer.allowed == site.oracle.access(stay["member"], stay["plan"], at)
            assert {line.fact_id for line in found.facts} == set(answer.fact_ids)
            said[answer.allowed] += 1
    assert min(said[True], said[False]) > 20


def test_an_answer_that_the_facts_do_not_give_is_found(spoilt: Past) -> None:
    now = spoilt.instants[-2]
    stay = next(s for s in spoilt.oracle.stays.values() if spoilt.oracle.runs(s, now))
    member_id, plan_id = UUID(stay["member"]), UUID(stay["plan"])
    answer = answered(spoilt, member_id, plan_id, now)
    wrong = AccessAnswer(not answer.allowed, answer.rule, answer.until, answer.fact_ids)
    assert spoilt.access.explain(member_id, plan_id, now, answer).agrees
    assert not spoilt.access.explain(member_id, plan_id, now, wrong).agrees
    spoilt.spoil(
        "UPDATE memberships SET access_until = %(at)s WHERE member_id = %(m)s",
        at=spoilt.instants[0] if answer.allowed else now.replace(year=9000),
        m=member_id,
    )
    assert not spoilt.access.explain(member_id, plan_id, now, answer).agrees
