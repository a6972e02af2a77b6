"""The explainers over what a request, page or command reads: the present, or a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ledger.application.operating import skipped_positions
from ledger.errors import NotFound
from projections.catalogue import all_views
from projections.explain.access import AccessExplained, ExplainAccess
from projections.explain.answers import Definition, Turn
from projections.explain.books import Books, Scope
from projections.explain.days import ExplainDays
from projections.explain.figures import ExplainFigures
from projections.explain.money import ExplainMoney
from projections.explain.moved import ExplainMoved
from projections.explain.people import ExplainPeople
from projections.explain.recurring import ExplainRecurring
from projections.explain.recurring_sums import ExplainRecurringSums
from projections.explain.rows import ExplainRows
from projections.explain.segments import Entry, ExplainSegments
from projections.queries.members import MemberFilter
from projections.queries.saved_segments import filter_of
from projections.queries.segments import SEGMENTS
from web.parts import Parts
from web.reading.past import Reading

SAVED, STATUS = Definition("segment-saved", 1), Definition("status", 1)


@dataclass(frozen=True)
class Explaining:
    """Everything that can be explained, in one place."""

    parts: Parts
    reading: Reading
    now: datetime
    """At which everything is asked."""

    @property
    def money(self) -> ExplainMoney:
        """Totals of members, and orders."""
        return ExplainMoney(self._scope, self._books, self.parts.site)

    @property
    def figures(self) -> ExplainFigures:
        """Spending figures."""
        return ExplainFigures(self._scope, self._books)

    @property
    def days(self) -> ExplainDays:
        """Spending figures of the whole site, day by day."""
        return ExplainDays(self.figures, self.parts.site)

    @property
    def recurring(self) -> ExplainRecurring:
        """MRR."""
        return ExplainRecurring(self._scope, self._books, self.parts.site)

    @property
    def recurring_sums(self) -> ExplainRecurringSums:
        """MRR by plan."""
        return ExplainRecurringSums(self.recurring)

    @property
    def moved(self) -> ExplainMoved:
        """Movements of MRR."""
        return ExplainMoved(self.recurring)

    @property
    def people(self) -> ExplainPeople:
        """Members by month, lifetime value."""
        return ExplainPeople(self._scope, self._books, self.parts.site)

    @property
    def rows(self) -> ExplainRows:
        """Rows of views."""
        views = {view.name: view for view in all_views(self.parts.site)}
        return ExplainRows(self._scope, self._books, views)

    @property
    def access(self) -> ExplainAccess:
        """Access answers."""
        return ExplainAccess(self._scope, self._books)

    def entry(self, segment: str, member_id: UUID, turn: Turn) -> Entry:
        """Of a smart segment by its name. Raises NotFound."""
        for name in SEGMENTS:
            if name == segment:
                return self._segments.smart(name, member_id, self.now, turn)
        raise NotFound(what="segment", id=segment)

    def status_of(self, member_id: UUID, turn: Turn) -> Entry:
        """The status that the member list shows, as a filter by it. Raises NotFound."""
        summary = self.reading.queries.members.one(member_id, self.now)
        if summary is None:
            raise NotFound(what="member", id=member_id)
        asked = MemberFilter(statuses=(summary.status,))
        return self._segments.of_filter(asked, STATUS, member_id, now=self.now, turn=turn)

    def saved_entry(self, segment_id: UUID, member_id: UUID, turn: Turn) -> Entry:
        """Of a saved segment. Raises NotFound, or CurrencyMismatch."""
        row = self.reading.queries.saved_segments.one(segment_id)
        if row is None:
            raise NotFound(what="saved segment", id=segment_id)
        asked = filter_of(row, self.parts.site.currency)
        return self._segments.of_filter(asked, SAVED, member_id, now=self.now, turn=turn)

    def answer(self, member_id: UUID, plan_id: UUID, at: datetime | None) -> AccessExplained:
        """Whether a plan is open to somebody, and why. Raises NotFound."""
        instant, past = at or self.now, self.reading.past
        if past is not None:
            member = past.facts.member(member_id)
            past.facts.require_plan(plan_id)
        else:
            member = self.parts.ledger.member(member_id)
            self.parts.ledger.plan(plan_id)
        return self.access.explain(member_id, plan_id, instant, member.access(plan_id, instant))

    @property
    def _segments(self) -> ExplainSegments:
        return ExplainSegments(self._scope, self._books, self.parts.site)

    @property
    def _books(self) -> Books:
        return Books(self.parts.recorder, self.parts.queries.history.mapper)

    @property
    def _scope(self) -> Scope:
        source, past = self.reading.queries.source, self.reading.past
        if past is not None:
            known = past.facts.known
            return Scope(source, known.as_of, known.position, frozenset(known.left_out))
        books = self._books
        return Scope(source, left_out=skipped_positions(books.recorder, books.mapper))
