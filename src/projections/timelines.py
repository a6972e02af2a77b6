"""Timelines: one row a member, with when they were one, and how their monthly value went."""

from __future__ import annotations

from datetime import datetime
from operator import is_not
from typing import ClassVar, NamedTuple
from uuid import UUID

from ledger.facts import Fact
from ledger.member.facts import Joined, MembershipFact
from ledger.order.facts import OrderPlaced
from projections.courses import Course, changes, course_of, going_on, presences
from projections.instants import NEVER
from projections.laws import Law
from projections.rows import quick
from projections.site import Site
from projections.stays import CHANGING
from projections.view import Index, Key, Needs, View, on

COURSES = Law(
    "one course for each member.joined",
    ("member.joined",),
    "SELECT 'courses', 1 FROM counted",
    "SELECT 'courses', jsonb_array_length(courses) FROM {table}",
)


@quick
class TimelineRow(NamedTuple):
    """Somebody's time as a member: `began` and `ended` are pairs, FOREVER where it has no end.

    From `changed_at` to `steps`, one element a change of a membership's monthly value, in the order
    of time: `numerators / denominators` minor units more or less than before (see courses.Change).
    Ends that nobody has to record stand there too, though they are still to come: what is asked of
    an instant, is asked with that instant (AX8). `apart` are memberships begun in another mode,
    which are worth nothing (OR9).
    """

    member_id: UUID
    joined_at: datetime = NEVER
    first_plan_id: UUID | None = None
    began: tuple[datetime, ...] = ()
    ended: tuple[datetime, ...] = ()
    changed_at: tuple[datetime, ...] = ()
    currencies: tuple[str, ...] = ()
    plan_ids: tuple[UUID, ...] = ()
    kinds: tuple[str, ...] = ()
    numerators: tuple[int, ...] = ()
    denominators: tuple[int, ...] = ()
    steps: tuple[int, ...] = ()
    courses: tuple[Course, ...] = ()
    apart: tuple[UUID, ...] = ()
    position: int = 0

    @property
    def worth(self) -> list[Course]:
        """The memberships whose money is the site's."""
        return [course for course in self.courses if course.membership_id not in self.apart]


class Timelines(View[TimelineRow]):
    """Everybody who ever joined a plan."""

    name = "timelines"
    version = 2
    key = ("member_id",)
    columns = TimelineRow
    needs: ClassVar[Needs] = {}
    indexes: ClassVar[tuple[Index, ...]] = ()
    laws: ClassVar[tuple[Law, ...]] = (COURSES,)

    def __init__(self, site: Site) -> None:
        self._mode = site.mode

    @property
    def parameters(self) -> tuple[str, ...]:
        """The mode whose money counts."""
        return (self._mode,)

    def keys(self, fact: Fact) -> tuple[Key, ...]:
        """The member whom it concerns; an order says the mode of a membership that begins."""
        if isinstance(fact, OrderPlaced) and (fact.charge_index or fact.mode == self._mode):
            return ()
        return ((fact.member_id,),)

    def blank(self, key: Key) -> TimelineRow:
        """Somebody who has not joined yet."""
        return TimelineRow(*key)

    @on(OrderPlaced)
    def placed_apart(self, row: TimelineRow, fact: OrderPlaced) -> TimelineRow:
        """A membership is to begin in another mode."""
        return row._replace(apart=(*row.apart, fact.membership_id))

    @on(Joined)
    def joined(self, row: TimelineRow, fact: Joined) -> TimelineRow:
        """A stay begins."""
        return row._replace(courses=(*row.courses, course_of(fact)))

    @on(*CHANGING)
    def going_on(self, row: TimelineRow, fact: MembershipFact) -> TimelineRow:
        """A stay goes on, or ends. One that was not true yet has nothing to go on with."""
        courses = [
            going_on(course, fact) if course.membership_id == fact.membership_id else course
            for course in row.courses
        ]
        is_news = any(map(is_not, courses, row.courses))
        return row._replace(courses=tuple(courses)) if is_news else row

    def finish(self, row: TimelineRow) -> TimelineRow:
        """What the courses say of the member."""
        if not row.courses:
            return row
        first = min(row.courses, key=lambda course: course.stretches[0].at)
        stood, found = presences(row.courses), changes(row.worth)
        return row._replace(
            joined_at=first.stretches[0].at,
            first_plan_id=first.plan_id,
            began=tuple(one.began for one in stood),
            ended=tuple(one.ended for one in stood),
            changed_at=tuple(one.at for one in found),
            currencies=tuple(one.currency for one in found),
            plan_ids=tuple(one.plan_id for one in found),
            kinds=tuple(one.kind for one in found),
            numerators=tuple(one.delta.numerator for one in found),
            denominators=tuple(one.delta.denominator for one in found),
            steps=tuple(one.step for one in found),
        )
