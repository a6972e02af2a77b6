"""Everything that is asked of the views, built once over the pool."""

from __future__ import annotations

from dataclasses import dataclass

from projections.queries.members import MemberQueries
from web.sessions.pool import Pool


@dataclass(frozen=True)
class Queries:
    """The questions, by what they are about."""

    members: MemberQueries

    @classmethod
    def over(cls, pool: Pool) -> Queries:
        """All of them over one pool."""
        return cls(members=MemberQueries(pool))
