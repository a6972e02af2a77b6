"""An access answer explained: the rule, the facts that decide, and the same from the views' fold.

The answer is the books' own (AX7). It is checked against the fold of memberships, which shares
nothing with it but the facts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg import sql

from ledger.member import AccessAnswer
from projections.explain.answers import Definition, Line
from projections.explain.as_stored import Broken, broken
from projections.explain.books import Books, Scope, Told
from projections.explain.rows import stories_of
from projections.explain.stored import StoredRows
from projections.memberships import MembershipRow, Memberships

ACCESS = Definition("access", 1)
ANYTHING = 2**63 - 1
DECIDING = frozenset(fact_class.TOPIC for fact_class in Memberships.handlers)
"""The stored names of facts that have a say: all that an answer names are among them."""
OF_PLAN: LiteralString = "view.member_id = %(member_id)s AND view.plan_id = %(plan_id)s"


@dataclass(frozen=True, slots=True)
class AccessExplained:
    """An answer with its facts. `refolded` is what the fold says of the facts until the instant;
    `stored` what the view's rows say, where nothing has happened since; else None. `broken` are
    columns of these rows of which nothing can be told.
    """

    definition: Definition
    position: int
    at: datetime
    answer: AccessAnswer
    refolded: bool
    stored: bool | None
    stored_should_be: bool
    facts: Sequence[Line]
    broken: Sequence[Broken] = ()

    @property
    def agrees(self) -> bool:
        """Whether books, fold and view say the same."""
        stored_agrees = not self.broken and self.stored in {None, self.stored_should_be}
        return stored_agrees and self.answer.allowed == self.refolded


@dataclass(frozen=True)
class ExplainAccess:
    """Explains answers that the books gave."""

    scope: Scope
    books: Books

    def explain(
        self, member_id: UUID, plan_id: UUID, at: datetime, answer: AccessAnswer
    ) -> AccessExplained:
        """The answer for a plan at an instant, with the facts that decide it, in their order."""
        read = StoredRows(self.scope, Memberships()).read(
            sql.SQL(OF_PLAN), {"member_id": member_id, "plan_id": plan_id}
        )
        known = ANYTHING if self.scope.position is None else self.scope.position
        facts = self.books.of_subject(member_id, self.scope.reach(known), topics=DECIDING)
        seen = [told for told in facts if told.record.position <= read.reach.position]
        unread = broken("memberships", read.rows)
        is_told = not unread and _is_past(seen, at)
        return AccessExplained(
            definition=ACCESS,
            position=read.reach.position,
            at=at,
            answer=answer,
            refolded=_folded(facts, member_id, plan_id, at),
            stored=_covered(read.rows, at) if is_told else None,
            stored_should_be=_folded(seen, member_id, plan_id, at),
            facts=[told.line for told in facts if told.line.fact_id in answer.fact_ids],
            broken=unread,
        )


def _folded(facts: Sequence[Told], member_id: UUID, plan_id: UUID, at: datetime) -> bool:
    until = [told for told in facts if told.fact and told.fact.occurred_at <= at]
    stories = stories_of(Memberships(), (member_id,), until, lenient=True)
    rows = [story.row for story in stories.values()]
    return _covered([row for row in rows if row and row.plan_id == plan_id], at)


def _covered(rows: Sequence[MembershipRow], at: datetime) -> bool:
    return any(row.joined_at <= at < row.stay.opens_until for row in rows)


def _is_past(facts: Sequence[Told], at: datetime) -> bool:
    """Whether everything about memberships had happened by an instant."""
    return all(
        told.fact.occurred_at <= at
        for told in facts
        if told.fact and type(told.fact) in Memberships.handlers
    )
