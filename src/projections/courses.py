"""Courses: how each of a member's stays went on, and what it was worth a month, instant by instant.

Pure. A fact that is learned late changes what follows the instant at which it was true, so that
what is said of an instant is what the facts that were true by then add up to.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from itertools import groupby
from typing import Any, Literal, NamedTuple
from uuid import UUID

from ledger.member.facts import Joined, MembershipFact, PriceMoved
from ledger.terms import Discount, Terms
from projections.instants import FOREVER
from projections.stays import UNPAID, begun, changes_of, runs_until

Kind = Literal["new", "reactivated", "expansion", "contraction", "churned"]
"""What a change of somebody's monthly value is to the site."""

COUNTED = frozenset({"current", "past_due"})
"""Billing of memberships that count (mrr-1)."""

CHARGES_A_YEAR = {"week": 52, "month": 12, "year": 1}
LATER = 1
"""Any charge after the first: what a discount leaves of it, it leaves of all that follow."""


class Stretch(NamedTuple):
    """From an instant on, a stay stands so.

    `version` is the fact of the member's stream that says so; the monthly value is
    `numerator / denominator` minor units, whether or not it counts.
    """

    at: datetime
    version: int
    numerator: int
    denominator: int
    billing: str
    access_until: datetime | None = None
    retry_at: datetime | None = None
    cancelled_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def until(self) -> datetime:
        """Until when the stay stands if nothing else happens."""
        return runs_until(
            billing=self.billing,
            access_until=self.access_until,
            retry_at=self.retry_at,
            cancelled_at=self.cancelled_at,
            ended_at=self.ended_at,
        )

    @property
    def value(self) -> Fraction:
        """What counts of it at its beginning, in minor units a month."""
        counts = self.numerator and self.billing in COUNTED and self.at < self.until
        return Fraction(self.numerator, self.denominator) if counts else Fraction(0)


_STANDING = ("billing", "access_until", "retry_at", "cancelled_at", "ended_at")
_STATE = Stretch._fields.index("numerator")


@dataclass(frozen=True, slots=True)
class Course:
    """One stay: its stretches from join on, none like the one before. `lasting` lowers every
    payment, not just the first.
    """

    membership_id: UUID
    plan_id: UUID
    currency: str
    lasting: Discount | None
    stretches: tuple[Stretch, ...]


class Change(NamedTuple):
    """A membership's monthly value changes by `delta` minor units; `version` is the fact of the
    member's stream that says so, perhaps long before. `step` is 1 where it begins to count, -1
    where it ceases, else 0.
    """

    at: datetime
    membership_id: UUID
    plan_id: UUID
    currency: str
    version: int
    kind: Kind
    delta: Fraction
    step: int


class Presence(NamedTuple):
    """Somebody was a member from an instant until another, FOREVER where it has no end.

    `began_by` and `ended_by` are the facts of the member's stream that say so.
    """

    began: datetime
    ended: datetime
    began_by: int
    ended_by: int


def monthly(terms: Terms, lasting: Discount | None) -> Fraction:
    """What a membership is worth a month, in minor units: nothing unless it renews (mrr-1)."""
    if terms.model != "recurring" or terms.unit is None:
        return Fraction(0)
    amount = lasting.cut(terms.amount, LATER) if lasting else terms.amount
    return Fraction(amount.minor * CHARGES_A_YEAR[terms.unit], 12 * (terms.every or 1))


def course_of(fact: Joined) -> Course:
    """The course of a stay that begins."""
    lasting = fact.discount if fact.discount and fact.discount.every_payment else None
    value, stay = monthly(fact.terms, lasting), begun(fact)
    first = Stretch(
        fact.occurred_at,
        fact.originator_version,
        value.numerator,
        value.denominator,
        stay.billing,
        stay.access_until,
    )
    return Course(
        fact.membership_id, fact.plan_id, fact.terms.amount.currency, lasting, (_bare(first),)
    )


def going_on(course: Course, fact: MembershipFact) -> Course:
    """The course with a fact of CHANGING more."""
    changes, at, version = _changes(course, fact), fact.occurred_at, fact.originator_version
    last = course.stretches[-1]
    if last.at <= at and _bare(last._replace(**changes)) == last:
        return course  # as most renewals: it goes on as it was
    stretches = list(course.stretches)
    place = bisect_left(stretches, at, key=lambda one: one.at)
    stands_there = place < len(stretches) and stretches[place].at == at
    if place and not stands_there:
        stretches.insert(place, stretches[place - 1]._replace(at=at))
    for later in range(place, len(stretches)):
        one = stretches[later]
        told = _bare(one._replace(**changes))
        is_news = one.at == at and told != one
        stretches[later] = told._replace(version=version) if is_news else told
    distinct = _distinct(stretches)
    return course if distinct == course.stretches else replace(course, stretches=distinct)


def _changes(course: Course, fact: MembershipFact) -> dict[str, Any]:
    if isinstance(fact, PriceMoved):
        value = monthly(fact.terms, course.lasting)
        return {"numerator": value.numerator, "denominator": value.denominator}
    return {name: value for name, value in changes_of(fact).items() if name in _STANDING}


def _bare(stretch: Stretch) -> Stretch:
    """Without an end of access that ends nothing: each renewal has another, and says no more."""
    ends = stretch.cancelled_at is not None or stretch.billing in UNPAID
    return stretch if ends or stretch.access_until is None else stretch._replace(access_until=None)


def _distinct(stretches: Sequence[Stretch]) -> tuple[Stretch, ...]:
    return tuple(next(alike) for _, alike in groupby(stretches, lambda one: one[_STATE:]))


# --- what follows -------------------------------------------------------------------------


def presences(courses: Iterable[Course]) -> list[Presence]:
    """When somebody was a member: stretches of time that don't touch, from the first on."""
    found: list[Presence] = []
    for one in sorted(stood for course in courses for stood in _stood(course)):
        if not found or found[-1].ended < one.began:
            found.append(one)
        elif found[-1].ended < one.ended:
            found[-1] = found[-1]._replace(ended=one.ended, ended_by=one.ended_by)
    return found


def _stood(course: Course) -> Iterator[Presence]:
    for stretch, following in _with_next(course):
        ended = min(stretch.until, following.at)
        if stretch.at < ended:
            by = stretch.version if stretch.until <= following.at else following.version
            yield Presence(stretch.at, ended, stretch.version, by)


def changes(courses: Sequence[Course]) -> list[Change]:
    """How somebody's monthly value went, change by change, in the order of time.

    A change is what it is to the member in that currency: new where nothing ever counted before,
    reactivated where nothing does at the moment, churned where nothing is left.
    """
    found: list[Change] = []
    for currency in dict.fromkeys(course.currency for course in courses):
        own = [course for course in courses if course.currency == currency]
        found += _changes_in(own)
    return sorted(found, key=lambda change: change.at)


class _Value(NamedTuple):
    """From an instant on a course is worth this, as a fact says."""

    at: datetime
    version: int
    value: Fraction
    course: Course


def _changes_in(courses: Sequence[Course]) -> Iterator[Change]:
    worth: dict[UUID, Fraction] = {}
    has_counted = False
    values = sorted((one for course in courses for one in _values(course)), key=lambda one: one.at)
    for _, group in groupby(values, lambda one: one.at):
        moves = [(one, one.value - worth.get(one.course.membership_id, 0)) for one in group]
        before = any(worth.values())
        worth.update({one.course.membership_id: one.value for one, _ in moves})
        after = any(worth.values())
        for one, delta in moves:
            up: Kind = "expansion" if before else "reactivated" if has_counted else "new"
            down: Kind = "contraction" if after else "churned"
            yield _change(one, delta, up if delta > 0 else down)
        has_counted = has_counted or after


def _change(one: _Value, delta: Fraction, kind: Kind) -> Change:
    course = one.course
    step = 1 if delta == one.value else 0 if one.value else -1
    return Change(
        one.at,
        course.membership_id,
        course.plan_id,
        course.currency,
        one.version,
        kind,
        delta,
        step,
    )


def _values(course: Course) -> Iterator[_Value]:
    """Each value that differs from the one before, from when on; one an instant."""
    value = Fraction(0)
    for stretch, following in _with_next(course):
        if stretch.value != value:
            value = stretch.value
            yield _Value(stretch.at, stretch.version, value, course)
        if value and stretch.until < following.at:
            value = Fraction(0)
            yield _Value(stretch.until, stretch.version, value, course)


def _with_next(course: Course) -> Iterator[tuple[Stretch, Stretch]]:
    last = course.stretches[-1]._replace(at=FOREVER)
    return zip(course.stretches, [*course.stretches[1:], last], strict=True)
