"""Members by month, retention and lifetime value, against the oracle."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

from projections.queries.reports.calendar import Calendar
from projections.queries.reports.facts import ReportFacts, Span
from projections.queries.reports.lifetime import LifetimeLine, LifetimeQueries
from projections.queries.reports.membership import MembershipReports
from projections.queries.reports.rounding import rounded
from tests.projections.books import Books
from tests.projections.reports.conftest import ZONE, Judged, month_of
from tests.projections.reports.joiners import MONTHLY, Joiners
from tests.projections.stories import START

MICROSECOND = timedelta(microseconds=1)


def test_members_of_a_month_add_up(judged: Judged) -> None:
    lines = MembershipReports(judged.books.pool).by_month(judged.months, judged.now)
    first_months = Counter(month_of(at) for at in judged.arrived().values())
    ends = [*judged.months.bounds[1:-1], judged.now + MICROSECOND]
    for line, since, before in zip(lines, judged.months.bounds, ends, strict=False):
        assert line.starting == len(judged.members(since - MICROSECOND)), line
        assert line.ending == len(judged.members(before - MICROSECOND)), line
        assert line.new == first_months[line.month]
    assert sum(line.left for line in lines)


def test_who_comes_back_has_returned(books: Books, joiners: Joiners) -> None:
    member = joiners.join_on(MONTHLY)
    (stay,) = member.memberships
    other = joiners.join_on(MONTHLY, plan=2, member=member)
    joiners.now += timedelta(days=40)
    member.remove(stay, "moved away", stamp=joiners.stamp())
    second = next(one for one in member.memberships if one != stay)
    member.remove(second, "moved away", stamp=joiners.stamp())
    joiners.now += timedelta(days=40)
    joiners.join_on(MONTHLY, member=other)
    books.save(member)
    books.follower().catch_up()
    months = Calendar.months(START.date(), joiners.now.date(), ZONE)
    lines = MembershipReports(books.pool).by_month(months, joiners.now)
    told = [(line.new, line.left, line.returned, line.ending) for line in lines]
    assert told == [(1, 0, 0, 1), (0, 0, 0, 1), (0, 1, 0, 0), (0, 0, 1, 1)]


def test_retention_counts_who_is_still_there(judged: Judged) -> None:
    lines = MembershipReports(judged.books.pool).cohorts(judged.months, judged.now)
    cohorts = defaultdict(set)
    for member, at in judged.arrived().items():
        cohorts[month_of(at)].add(member)
    bounds = dict(zip(judged.months.starts, judged.months.bounds[1:], strict=True))
    for line in lines:
        end = min(bounds[line.month], judged.now + MICROSECOND) - MICROSECOND
        assert line.size == len(cohorts[line.cohort])
        assert line.members == len(cohorts[line.cohort] & judged.members(end)), line
        assert line.basis_points == rounded(Fraction(line.members * 10_000, line.size))
    assert {line.cohort for line in lines} == set(cohorts)
    first = [line for line in lines if line.cohort == min(cohorts)]
    assert [line.months_after for line in first] == list(range(len(first)))
    assert first[-1].month == judged.months.starts[-1]


def test_turnover_names_its_facts(judged: Judged) -> None:  # part of NU4
    facts = ReportFacts(judged.books.pool)
    bounds = zip(judged.months.bounds, judged.months.bounds[1:], strict=False)
    lines = MembershipReports(judged.books.pool).by_month(judged.months, judged.now)
    topics: dict[str, set[str]] = defaultdict(set)
    for line, (since, before) in zip(lines, bounds, strict=True):
        span = Span(since=since, before=before, now=judged.now)
        for kind, count in (("new", line.new), ("returned", line.returned), ("left", line.left)):
            found = facts.members(span, kind).facts  # type: ignore[arg-type]
            assert sum(one.amount for one in found) == count
            topics[kind] |= {judged.facts[one.fact_id]["topic"] for one in found}
    assert topics["new"] | topics["returned"] == {"member.joined"}
    assert topics["left"]


def plainly(judged: Judged, groups: dict[str, Any]) -> dict[Any, tuple[int, int, int]]:
    """Gross, refunded and disputed by group, currency and mode."""
    sums: dict[Any, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in judged.oracle.rows("spending"):
        if row["member_id"] in groups:
            own = sums[groups[row["member_id"]], row["currency"], row["mode"]]
            for place, figure in enumerate(("gross", "refunded", "disputed")):
                own[place] += row[figure]
    return {key: (a, b, c) for key, (a, b, c) in sums.items()}


def test_lifetime_value_by_cohort_and_plan(judged: Judged) -> None:
    queries, joined = LifetimeQueries(judged.books.pool), judged.joined()
    by_month = {member: month_of(at) for member, at in joined.items()}
    first = {row["member_id"]: row["first_plan_id"] for row in judged.oracle.rows("timelines")}
    for by, groups in (("cohort", by_month), ("plan", {m: first[m] for m in joined})):
        lines = queries.lines(judged.months, judged.now, by=by)  # type: ignore[arg-type]
        sizes = Counter(groups.values())
        found = {}
        for line in lines:
            group = line.cohort if by == "cohort" else str(line.plan_id)
            total = line.total
            found[group, total.currency, total.mode] = (total.gross, total.refunded, total.disputed)
            assert line.members == sizes[group]
            assert line.payers <= line.members
            assert line.average == rounded(Fraction(total.net, line.members))
        assert found == plainly(judged, groups)


def test_lifetime_value_names_its_facts(judged: Judged) -> None:  # part of NU4
    facts = ReportFacts(judged.books.pool)
    bounds = dict(
        zip(
            judged.months.starts,
            zip(judged.months.bounds, judged.months.bounds[1:], strict=False),
            strict=True,
        )
    )
    for line in LifetimeQueries(judged.books.pool).lines(judged.months, judged.now, by="cohort"):
        assert line.cohort
        since, before = bounds[line.cohort]
        span = Span(since=since, before=before, now=judged.now)
        assert sum(of_line(facts, span, line)) == line.total.net


def of_line(facts: ReportFacts, span: Span, line: LifetimeLine) -> Iterator[Fraction]:
    """The amounts of its facts, a few at a time."""
    after: UUID | int | None = 0
    while isinstance(after, int):
        page = facts.lifetime(
            span, currency=line.total.currency, mode=line.total.mode, after=after, limit=5
        )
        yield from (one.amount for one in page.facts)
        after = page.next_after
