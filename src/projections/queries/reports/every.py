"""Every report, over one source."""

from __future__ import annotations

from dataclasses import dataclass

from projections.queries.reading import Source
from projections.queries.reports.facts import ReportFacts
from projections.queries.reports.lifetime import LifetimeQueries
from projections.queries.reports.membership import MembershipReports
from projections.queries.reports.recurring import RecurringQueries
from projections.queries.reports.revenue import RevenueQueries


@dataclass(frozen=True)
class Reports:
    """The reports, and the facts that their figures are the sum of."""

    revenue: RevenueQueries
    recurring: RecurringQueries
    membership: MembershipReports
    lifetime: LifetimeQueries
    facts: ReportFacts

    @classmethod
    def over(cls, source: Source) -> Reports:
        """All of them over one source."""
        return cls(
            revenue=RevenueQueries(source),
            recurring=RecurringQueries(source),
            membership=MembershipReports(source),
            lifetime=LifetimeQueries(source),
            facts=ReportFacts(source),
        )
