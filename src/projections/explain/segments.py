"""Why somebody is in a segment, smart or saved, or is not: condition by condition (SE1, SE2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import DataError, NotSupportedError, sql
from psycopg.rows import tuple_row

from ledger.errors import NotFound
from projections.explain.answers import Definition, Line, Lines, Turn, turned
from projections.explain.books import Books, Reach, Scope, Told
from projections.explain.rows import Story, stories_of
from projections.explain.stored import Read, StoredRows
from projections.members import MemberRow, Members
from projections.queries.members import MemberFilter
from projections.queries.segments import Segment
from projections.site import Site

VERSION = 1
"""Of the built-in segments' rules."""

ONE: LiteralString = "view.member_id = %(member_id)s"
HOLDS: LiteralString = "({condition}) IS TRUE"
OTHERS = """
SELECT other.member_id, other.same_name = own.same_name, other.same_method = own.same_method
  FROM members AS own JOIN members AS other
       ON other.same_email <> own.same_email
      AND (other.same_name = own.same_name OR other.same_method = own.same_method)
 WHERE own.member_id = %(member_id)s
 ORDER BY other.member_id LIMIT 100
"""

OF_SEGMENT: dict[Segment, tuple[str, ...]] = {
    "members": ("member_until",),
    "customers": ("is_customer",),
    "past_due": ("past_due_until",),
    "action_required": ("action_required_until",),
    "cancelling": ("cancelling_until",),
    "former_members": ("member_until",),
    "accounts_without_plan": ("member_until", "closed_at"),
    "possible_duplicates": ("same_name", "same_method", "same_email"),
}
OF_CONDITION: dict[str, tuple[str, ...]] = {
    "statuses": (
        "action_required_until",
        "past_due_until",
        "cancelling_until",
        "member_until",
        "closed_at",
    ),
    "plan_id": ("plan_ids", "plan_untils"),
    "tag": ("tags",),
    "joined_from": ("joined_at",),
    "joined_before": ("joined_at",),
    "spent_from": ("spent",),
    "spent_to": ("spent",),
    "last_order_from": ("last_order_at",),
    "last_order_before": ("last_order_at",),
    "method_country": ("method_country",),
    "agrees": ("agrees",),
    "text": ("name_key", "email_key"),
}
"""The columns of the member list that each condition looks at."""
AIDS = (
    "name_key",
    "email_key",
    "joined_at",
    "last_order_at",
    "spent",
    "plan_key",
    "member_until",
    "past_due_until",
    "action_required_until",
    "cancelling_until",
    "traits",
    "trait_bits",
)
"""Columns by which the list is sorted and indexes narrow it: who has them wrong may be missing from
a page though every condition holds. They are shown where they differ.
"""

SETTING = frozenset(fact_class.TOPIC for fact_class in Members.handlers)
"""The stored names of facts that have a say in the list."""


class Compared(NamedTuple):
    """A column that a condition looks at: as stored, as the facts make it, and which fact did."""

    column: str
    stored: Any
    refolded: Any
    set_by: str | None

    @property
    def agrees(self) -> bool:
        """Whether both are the same."""
        return bool(self.stored == self.refolded)


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: what it asks for, what it looked at, and whether it holds."""

    name: str
    asked: Any
    holds: bool
    compared: Sequence[Compared]

    @property
    def agrees(self) -> bool:
        """Whether what it looked at is what the facts say."""
        return all(one.agrees for one in self.compared)


class Other(NamedTuple):
    """Somebody who may be the same person; `agrees` where their facts say so too."""

    member_id: UUID
    same_name: bool
    same_method: bool
    agrees: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """Whether a member is in a segment at an instant, and why.

    `is_stored` and `is_made`: whether the list has the member, and whether the facts make one.
    """

    definition: Definition
    position: int
    now: datetime
    is_in: bool
    is_stored: bool
    is_made: bool
    conditions: Sequence[Condition]
    others: Sequence[Other]
    facts: Lines
    unread: int

    @property
    def agrees(self) -> bool:
        """Whether the compared values are those that the facts make, of the others too."""
        return (
            not self.unread
            and self.is_stored == self.is_made
            and all(condition.agrees for condition in self.conditions)
            and all(other.agrees for other in self.others)
        )


@dataclass(frozen=True)
class ExplainSegments:
    """Explains entries of segments."""

    scope: Scope
    books: Books
    site: Site

    def smart(self, segment: Segment, member_id: UUID, now: datetime, turn: Turn) -> Entry:
        """An entry of a built-in segment. Raises NotFound for an unknown member."""
        definition = Definition(f"segment-{segment}", VERSION)
        entry = self.of_filter(
            MemberFilter(segment=segment), definition, member_id, now=now, turn=turn
        )
        if segment != "possible_duplicates":
            return entry
        return replace(entry, others=self._others(member_id))

    def of_filter(
        self,
        asked: MemberFilter,
        definition: Definition,
        member_id: UUID,
        *,
        now: datetime,
        turn: Turn,
    ) -> Entry:
        """An entry of any filter over the member list. Raises NotFound for an unknown member."""
        view, given = Members(self.site), _given(asked)
        read = self._read(view, {**asked.parameters(now), "member_id": member_id}, given)
        facts = self.books.of_subject(member_id, read.reach, topics=SETTING)
        story = _story(view, member_id, facts, read.reach)
        stored = next(iter(read.rows), None)
        if stored is None and story is None:
            raise NotFound(what="member", id=member_id)
        lines: Sequence[Line] = story.lines if story else ()
        holds = read.beside[0] if stored else (False,) * len(given)
        conditions = [
            Condition(name, value, held, _compared(name, value, stored, story, lines))
            for (name, value), held in zip(given.items(), holds, strict=True)
        ]
        columns = {one.column for condition in conditions for one in condition.compared}
        return Entry(
            definition=definition,
            position=read.reach.position,
            now=now,
            is_in=stored is not None and all(holds),
            is_stored=stored is not None,
            is_made=story is not None and story.row is not None,
            conditions=conditions,
            others=(),
            facts=turned(_setting(lines, columns), turn),
            unread=sum(line.fault is not None for line in lines),
        )

    def _read(
        self, view: Members, parameters: Mapping[str, object], given: Mapping[str, Any]
    ) -> Read[MemberRow]:
        """Somebody's row, and whether each condition holds of it."""
        rows = StoredRows(self.scope, view)
        conditions = [_holds(name, value) for name, value in given.items()]
        try:
            return rows.read(sql.SQL(ONE), parameters, beside=conditions)
        except (DataError, NotSupportedError):
            pass  # of a value that a hand has left, no condition can be told
        alone = rows.read(sql.SQL(ONE), parameters)
        held = tuple(_alone(rows, parameters, one) for one in conditions)
        return alone._replace(beside=[held])

    def _others(self, member_id: UUID) -> list[Other]:
        with self.scope.source.connection() as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            found = cursor.execute(OTHERS, {"member_id": member_id}).fetchall()
        return [
            Other(one, bool(name), bool(method), agrees=self._is_as_told(one))
            for one, name, method in found
        ]

    def _is_as_told(self, member_id: UUID) -> bool:
        """Whether what makes somebody look like another is what their facts make of them."""
        view = Members(self.site)
        read = StoredRows(self.scope, view).read(sql.SQL(ONE), {"member_id": member_id})
        facts = self.books.of_subject(member_id, read.reach, topics=SETTING)
        story = _story(view, member_id, facts, read.reach)
        stored, made = next(iter(read.rows), None), story.row if story else None
        return all(
            getattr(stored, column, None) == getattr(made, column, None)
            for column in OF_SEGMENT["possible_duplicates"]
        )


def _alone(
    rows: StoredRows[MemberRow], parameters: Mapping[str, object], condition: sql.Composable
) -> bool:
    """Whether a condition holds; not where the database can't tell."""
    try:
        [[held]] = rows.read(sql.SQL(ONE), parameters, beside=[condition]).beside
    except (DataError, NotSupportedError):
        return False
    return bool(held)


def _story(view: Members, member_id: UUID, facts: Sequence[Told], reach: Reach) -> Story | None:
    stories = stories_of(view, (member_id,), facts, lenient=reach.as_of is not None)
    return stories.get((member_id,))


def _given(asked: MemberFilter) -> dict[str, Any]:
    """What a filter asks for, by name; what it leaves open is left out."""
    unasked = MemberFilter()
    return {
        one.name: getattr(asked, one.name)
        for one in fields(asked)
        if getattr(asked, one.name) != getattr(unasked, one.name)
    }


def _holds(name: str, value: Any) -> sql.Composable:
    conditions = MemberFilter(**{name: value}).meant()
    joined = sql.SQL(" AND ").join(sql.SQL(one) for one in conditions)
    return sql.SQL(HOLDS).format(condition=joined if conditions else sql.SQL("true"))


def columns_of_condition(name: str, value: Any) -> tuple[str, ...]:
    """The columns of the member list that a condition looks at."""
    return OF_SEGMENT[value] if name == "segment" else OF_CONDITION[name]


def _compared(
    name: str, value: Any, stored: MemberRow | None, story: Any, lines: Sequence[Line]
) -> list[Compared]:
    made, own = story.row if story else None, columns_of_condition(name, value)
    compared = [
        Compared(
            column,
            getattr(stored, column, None),
            getattr(made, column, None),
            _set_by(lines, column),
        )
        for column in dict.fromkeys((*own, *AIDS))
    ]
    return [one for one in compared if one.column in own or not one.agrees]


def _set_by(lines: Sequence[Line], column: str) -> str | None:
    return next((line.fact_id for line in reversed(lines) if column in line.changed), None)


def _setting(lines: Sequence[Line], columns: set[str]) -> list[Line]:
    """The facts that set one of these columns, each with the ones it set."""
    return [
        replace(line, changed=tuple(name for name in line.changed if name in columns))
        for line in lines
        if line.fault or columns & set(line.changed)
    ]
