"""Why somebody is in a segment or not, and why a plan is open to them or not (AX7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any, get_args
from uuid import UUID, uuid5

import pytest

from ledger.errors import NotFound
from ledger.member import AccessAnswer
from projections.explain.answers import Definition, Turn
from projections.explain.segments import OF_CONDITION, OF_SEGMENT
from projections.queries.members import MemberFilter, MemberQueries
from projections.queries.paging import Turn as Page
from projections.queries.segments import Segment
from tests.projections.explaining import (
    WHOLE,
    Past,
    Pasts,
    answered,
    instants_of,
    judged,
)
from tests.projections.oracle import SEGMENTS

SAVED = Definition("segment-saved", 1)
STORIES = ((3, 500), (8, 400), (5, 250))
"""By seed and length. Not in each of them does everything happen."""


@pytest.fixture(scope="module", params=STORIES, ids=str)
def site(request: pytest.FixtureRequest, pasts: Pasts) -> Iterator[Past]:
    with pasts.of(*request.param) as found:
        yield found


@pytest.fixture(params=STORIES, ids=str)
def spoilt(request: pytest.FixtureRequest, pasts: Pasts) -> Iterator[Past]:
    """A site whose views a test may change by hand."""
    with pasts.of(*request.param) as found:
        yield found


# --- segments -----------------------------------------------------------------------------


@pytest.mark.parametrize("segment", get_args(Segment))
def test_an_entry_is_what_the_judge_says(site: Past, segment: Segment) -> None:  # part of SE1
    # Who looks like another always does.
    for now in site.instants[-1:] if segment == "possible_duplicates" else site.instants:
        expected = site.oracle.segment(segment, now)
        for member in site.members:
            entry = site.segments.smart(segment, member, now, WHOLE)
            assert entry.agrees
            assert entry.is_in == (str(member) in expected)
            assert entry.is_in == all(condition.holds for condition in entry.conditions)
            if segment == "possible_duplicates":
                assert bool(entry.others) == entry.is_in


@pytest.mark.parametrize("segment", SEGMENTS)
def test_the_stories_have_somebody_in_each_segment_and_somebody_outside(segment: str) -> None:
    said = {
        member in oracle.segment(segment, now)
        for oracle in (judged(*story) for story in STORIES)
        for now in instants_of(oracle)
        for member in oracle.accounts
    }
    assert said == {True, False}


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
        "agrees": False,
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
    member = spoilt.members[0]
    other = spoilt.instants[0] if str(member) in inside else now.replace(year=9000)
    before = spoilt.segments.smart("members", member, now, WHOLE)
    spoilt.spoil(
        "UPDATE members SET member_until = %(at)s WHERE member_id = %(m)s",
        at=other,
        m=member,
    )
    entry = spoilt.segments.smart("members", member, now, WHOLE)
    assert entry.is_in != before.is_in
    assert not entry.agrees
    [until] = entry.conditions[0].compared
    [was] = before.conditions[0].compared
    assert (until.column, until.refolded) == ("member_until", was.stored)


def test_somebody_who_is_gone_from_the_list_or_made_up_is_told(spoilt: Past) -> None:
    now, member = spoilt.instants[-1], spoilt.members[0]
    spoilt.spoil(
        "UPDATE members SET member_id = %(stranger)s WHERE member_id = %(m)s",
        m=member,
        stranger=(stranger := uuid5(member, "nobody")),
    )
    gone, made_up = (
        spoilt.segments.of_filter(MemberFilter(), SAVED, one, now=now, turn=WHOLE)
        for one in (member, stranger)
    )
    assert (gone.is_in, gone.is_stored, gone.is_made, gone.agrees) == (False, False, True, False)
    assert (made_up.is_in, made_up.is_made, made_up.agrees) == (True, False, False)


def test_somebody_else_who_is_made_to_look_the_same_is_told(pasts: Pasts) -> None:
    with pasts.of(*STORIES[0]) as site:
        now = site.instants[-1]
        alike = site.oracle.segment("possible_duplicates", now)
        member = next(one for one in site.members if str(one) not in alike)
        other = next(one for one in site.members if one != member)
        site.spoil(
            "UPDATE members SET same_name = (SELECT same_name FROM members WHERE member_id = %(m)s)"
            " WHERE member_id = %(o)s",
            m=member,
            o=other,
        )
        found = site.segments.smart("possible_duplicates", member, now, WHOLE)
    assert found.is_in
    assert [(one.member_id, one.agrees) for one in found.others] == [(other, False)]
    assert all(condition.agrees for condition in found.conditions)
    assert not found.agrees


@pytest.mark.parametrize("column", ["trait_bits", "spent", "plan_key"])
def test_what_an_index_finds_somebody_by_is_compared_too(spoilt: Past, column: str) -> None:
    now, member = spoilt.instants[-1], spoilt.members[0]
    value = "'x'" if column == "plan_key" else "-1"
    spoilt.spoil(f"UPDATE members SET {column} = {value} WHERE member_id = %(m)s", m=member)  # noqa: S608
    found = spoilt.segments.smart("members", member, now, WHOLE)
    assert not found.agrees
    [condition] = found.conditions
    assert [one.column for one in condition.compared] == ["member_until", column]


# --- access -------------------------------------------------------------------------------


def test_access_is_explained_at_any_instant(pasts: Pasts) -> None:  # AX7
    said = Counter[bool]()
    for story in STORIES:
        with pasts.of(*story) as site:
            said.update(explained_access(site))
    assert min(said[True], said[False]) > 50


def explained_access(site: Past) -> Iterator[bool]:
    """What the books say of access at some instants, each answer as its explanation has it."""
    random, instants = Random(1), site.instants  # noqa: S311 -- any instants will do
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
            yield answer.allowed


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
