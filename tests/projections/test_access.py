"""Access and status at any instant: the books, the views and the oracle say the same.

The members of a story are asked what they said at the time, and again in hindsight.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from ledger.member import Member
from ledger.member.membership import Membership
from projections.members import Members
from projections.memberships import Memberships
from projections.queries.segments import status
from projections.view import Recorded, fold
from tests.projections.books import EUROS, line
from tests.projections.oracle import Oracle
from tests.projections.stories import Story

SECOND = timedelta(seconds=1)
SEEDS = (1, 2)
COMMANDS = 300


@dataclass
class Life:
    """The facts of a story with their positions, and its members as they are at the end."""

    members: list[Member]
    facts: list[Recorded]

    @property
    def exported(self) -> list[dict[str, Any]]:
        """The facts as the oracle reads them."""
        return [line(one.position, one.fact) for one in self.facts]

    @property
    def stays(self) -> Iterator[tuple[Member, Membership]]:
        """Every membership with its member."""
        for member in self.members:
            for stay in member.memberships.values():
                yield member, stay


@pytest.fixture(scope="module", params=SEEDS)
def life(request: pytest.FixtureRequest) -> Life:
    story = Story(Random(request.param))  # noqa: S311 -- a story, not a secret
    saves = list(story.found())
    while story.commands < COMMANDS:
        saves.append(story.step())
    told: list[Any] = [fact for save in saves for one in save for fact in one.collect_events()]
    return Life(story.members, [Recorded(place + 1, fact) for place, fact in enumerate(told)])


def instants_of(member: Member, facts: list[Recorded]) -> list[datetime]:
    """Around everything that happens to somebody or was to happen, and long after."""
    own = [one.fact for one in facts if one.fact.member_id == member.id]
    named = {fact.occurred_at for fact in own}
    for fact in own:
        for name in ("access_until", "grace_until", "period_end", "retry_at"):
            named.add(getattr(fact, name, None) or fact.occurred_at)
    edges = {instant + step for instant in named for step in (-SECOND, timedelta(0), SECOND)}
    return sorted({*edges, max(named) + timedelta(days=3000)})


def test_access_at_any_instant_is_that_of_the_oracle(life: Life) -> None:  # AX1, AX8
    oracle, said = Oracle(life.exported), Counter[bool]()
    for member, stay in life.stays:
        for now in instants_of(member, life.facts):
            allowed = member.access(stay.plan_id, now).allowed
            assert allowed == oracle.access(str(member.id), str(stay.plan_id), now), now
            said[allowed] += 1
    assert min(said[True], said[False]) > 1000


def test_access_that_was_answered_stays_answered(life: Life) -> None:  # AX8
    oracle, exported = Oracle(()), sorted(life.exported, key=recorded_at)
    recorded = [recorded_at(said) for said in exported]
    for said, now, following in zip(exported, recorded, [*recorded[1:], None], strict=True):
        oracle.hear(said)
        if now == following:
            continue  # the same save goes on
        for member, stay in life.stays:
            then = oracle.access(str(member.id), str(stay.plan_id), now)
            assert member.access(stay.plan_id, now).allowed == then
    assert any(len(stay.spans) > 1 for _, stay in life.stays)


def recorded_at(said: dict[str, Any]) -> datetime:
    """When the ledger learned a line of the export."""
    return datetime.fromisoformat(said["state"]["timestamp"])


def said_of(member: Member, now: datetime) -> str:
    """A member's status as the books have it."""
    running = [stay for stay in member.memberships.values() if stay.is_running(now)]
    said = {"cancelling" if stay.cancelled_at else stay.billing for stay in running}
    for trouble in ("action_required", "past_due", "cancelling"):
        if trouble in said:
            return trouble
    if running:
        return "member"
    if member.memberships:
        return "former"
    return "contact" if member.closed_at is None else "closed"


def test_status_at_any_later_instant_is_the_same_three_times(life: Life) -> None:  # AX8
    oracle, rows = Oracle(life.exported), fold(Members(EUROS), {}, life.facts)
    stays, said = fold(Memberships(), {}, life.facts), Counter[str]()
    now = life.facts[-1].fact.recorded_at
    for member in life.members:
        row = rows[member.id,]
        assert row
        for instant in (now, *instants_of(member, life.facts)):
            if instant < now:
                continue
            said[status(row, instant)] += 1
            assert status(row, instant) == said_of(member, instant)
            assert status(row, instant) == oracle.status(str(member.id), instant)
            opened = row.access_until is not None and row.access_until > instant
            assert opened == any(s.covers(instant) for s in member.memberships.values())
            assert_stays_agree(member, stays, instant)
    assert {"member", "contact"} <= said.keys()


def assert_stays_agree(member: Member, rows: dict[Any, Any], instant: datetime) -> None:
    """Each membership ends as the books say, and owes what they say."""
    for stay in member.memberships.values():
        row = rows[member.id, stay.membership_id]
        assert (row.runs_until > instant) == stay.is_running(instant)
        ended = stay.ending_at(instant)
        assert row.stay.standing(instant).removeprefix("ended_") == ended or ended is None
        assert (row.billing, row.retry_at) == (stay.billing, stay.retry_at)
        assert (row.failures, row.unpaid_order_id) == (stay.failures, stay.unpaid_order_id)
        assert (row.access_until, row.period_end) == (stay.access_until, stay.period_end)


def test_status_then_is_what_the_views_said_then(life: Life) -> None:  # part of AU3
    rows: dict[Any, Any] = {}
    members, loaded = Members(EUROS), dict[UUID, Any]()
    everybody, said = {member.id for member in life.members}, Counter[str]()
    for one in life.facts:
        rows |= fold(members, rows, [one])
        fact = one.fact
        if fact.originator_id in everybody:
            loaded[fact.originator_id] = fact.mutate(loaded.get(fact.originator_id))
        if fact.member_id not in loaded:
            continue
        now = fact.recorded_at
        for instant in (now, now + timedelta(days=12), now + timedelta(days=50)):
            then = said_of(loaded[fact.member_id], instant)
            assert status(rows[fact.member_id,], instant) == then
            said[then] += 1
    assert set(said) >= {"past_due", "action_required", "cancelling", "former", "member"}
