"""Books with a past, what the judge says of them, and the explainers over their live views."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row

from ledger.member import AccessAnswer, Member
from projections.catalogue import all_views
from projections.check import Checker
from projections.explain.access import ExplainAccess
from projections.explain.answers import Line, Turn
from projections.explain.books import Books as ExplainedBooks
from projections.explain.books import Scope
from projections.explain.days import ExplainDays
from projections.explain.figures import ExplainFigures
from projections.explain.money import ExplainMoney
from projections.explain.people import ExplainPeople
from projections.explain.recurring import ExplainRecurring
from projections.explain.recurring_sums import ExplainRecurringSums
from projections.explain.rows import ExplainRows, RowsExplained
from projections.explain.segments import ExplainSegments
from projections.one_member import grown
from projections.rebuild_rows import Mismatch
from tests.conftest import FreshDatabases
from tests.projections.books import EUROS, Books, line, opened
from tests.projections.full_stories import told_fully
from tests.projections.oracle import Oracle

WHOLE = Turn(limit=100_000)


@dataclass
class Past:
    """A site with a past."""

    books: Books
    oracle: Oracle
    scope: Scope

    @property
    def _read(self) -> ExplainedBooks:
        return ExplainedBooks(self.books.recorder, self.books.mapper)

    @property
    def money(self) -> ExplainMoney:
        return ExplainMoney(self.scope, self._read, EUROS)

    @property
    def figures(self) -> ExplainFigures:
        return ExplainFigures(self.scope, self._read)

    @property
    def days(self) -> ExplainDays:
        return ExplainDays(self.figures, EUROS)

    @property
    def recurring_sums(self) -> ExplainRecurringSums:
        return ExplainRecurringSums(self.recurring)

    @property
    def segments(self) -> ExplainSegments:
        return ExplainSegments(self.scope, self._read, EUROS)

    @property
    def recurring(self) -> ExplainRecurring:
        return ExplainRecurring(self.scope, self._read, EUROS)

    @property
    def people(self) -> ExplainPeople:
        return ExplainPeople(self.scope, self._read, EUROS)

    @property
    def access(self) -> ExplainAccess:
        return ExplainAccess(self.scope, self._read)

    def rows(self, view: str, *key: object, turn: Turn = WHOLE) -> RowsExplained:
        """Rows of a view by the beginning of their key."""
        views = {one.name: one for one in all_views(EUROS)}
        explainer = ExplainRows(self.scope, self._read, views)
        return explainer.explain(view, [str(part) for part in key], turn)

    @property
    def members(self) -> list[UUID]:
        return [UUID(member) for member in self.oracle.accounts]

    @property
    def instants(self) -> list[datetime]:
        """Some in the past, the last thing that happened, and long after."""
        return instants_of(self.oracle)

    def spoil(self, statement: str, **named: object) -> int:
        """Change the views by hand; how many rows that were."""
        with self.books.pool.connection() as connection:
            changed: int = connection.execute(statement.encode(), named).rowcount
        return changed

    def one(self, query: str) -> tuple[Any, ...]:
        """A row of any table."""
        with self.books.pool.connection() as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            found: tuple[Any, ...] | None = cursor.execute(query.encode()).fetchone()
        assert found is not None
        return found


@dataclass
class Pasts:
    """Sites with a past by seed and length: each told once, and copied for everybody who asks."""

    template: str
    databases: FreshDatabases
    kept: ExitStack
    told: dict[tuple[int, int], tuple[str, list[dict[str, Any]]]] = field(default_factory=dict)

    @contextmanager
    def of(self, seed: int, commands: int) -> Iterator[Past]:
        """Books in which a story was told, with views that have read it all; to do with as one
        likes.
        """
        name, lines = self._told(seed, commands)
        with self.databases.copy_of(name) as dsn, opened(dsn) as books:
            yield Past(books, Oracle(lines), Scope(books.pool))

    def _told(self, seed: int, commands: int) -> tuple[str, list[dict[str, Any]]]:
        """The name of a database to copy, and what its books export."""
        if (seed, commands) not in self.told:
            dsn = self.kept.enter_context(self.databases.copy_of(self.template))
            with opened(dsn) as books:
                for save in told_fully(seed, commands):
                    books.save(*save)
                books.follower().catch_up()
                lines = books.exported()
            self.told[seed, commands] = str(conninfo_to_dict(dsn)["dbname"]), lines
        return self.told[seed, commands]


def instants_of(oracle: Oracle) -> list[datetime]:
    """Some in its past, the last thing that happened, and long after."""
    happened = sorted(datetime.fromisoformat(fact["timestamp"]) for fact in oracle.facts)
    some = [happened[len(happened) * part // 5] for part in range(1, 5)]
    return [*some, happened[-1], happened[-1] + timedelta(days=40)]


def judged(seed: int, commands: int) -> Oracle:
    """What the judge says of such a story, without a database."""
    saves = told_fully(seed, commands)
    facts: list[Any] = [fact for save in saves for one in save for fact in one.collect_events()]
    return Oracle([line(place, fact) for place, fact in enumerate(facts, 1)])


def summed(lines: Iterator[Line] | list[Line], figure: str, currency: str, mode: str) -> int:
    """What lines add to a figure."""
    return sum(
        line.adds.get(figure, 0) for line in lines if line.unit and line.unit == (currency, mode)
    )


def checked(site: Past) -> list[Mismatch]:
    """What `ledger views verify --everybody` finds."""
    books = site.books
    checker = Checker(books.dsn, books.recorder, books.mapper, all_views(EUROS), books.clock)
    return checker.check(everybody=True)


def answered(site: Past, member_id: UUID, plan_id: UUID, at: datetime) -> AccessAnswer:
    """What the books say."""
    records = site.books.recorder.of_stream(member_id)
    member = grown(site.books.mapper.open_records(records))
    assert isinstance(member, Member)
    return member.access(plan_id, at)
