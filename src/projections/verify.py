"""Proof that new tables are right, before they serve.

Four checks that share as little as can be with what they judge: what the parts said they wrote is
still there; a sample of people, and everybody who changed since, folded again from their facts read
another way; the rows that serve now, but for columns the new version means to change; and sums
straight over the facts.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from ledger.store.mapper import FactMapper
from ledger.store.recorder import FactRecorder
from ledger.store.records import FactRecord
from projections.compare import common, differences, listed, outside, stage, within
from projections.digest import Buckets, combined, digest
from projections.laws import Breach, breaches
from projections.part import topics
from projections.positions import Standing, standings
from projections.quiet import uncollected
from projections.rebuild_rows import Mismatch, Rebuild
from projections.tables import SCHEMA, Table
from projections.view import Recorded, View, fold

SAMPLE = 500
"""How many people, picked anew each time, are folded again."""

PICK = """
SELECT DISTINCT picked.subject_id
  FROM unnest(%(pivots)s::uuid[]) AS pivot (id),
       LATERAL (SELECT subject_id FROM ledger.facts
                 WHERE subject_id >= pivot.id AND position <= %(position)s
                 ORDER BY subject_id LIMIT 1) AS picked
"""
TOUCHED = """
SELECT DISTINCT subject_id FROM ledger.facts
 WHERE position > %(after)s AND position <= %(upto)s AND subject_id IS NOT NULL
 UNION
SELECT DISTINCT stream_id FROM ledger.facts
 WHERE position > %(after)s AND position <= %(upto)s
"""
ONE_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
COLUMNS_OF = """
SELECT attname FROM pg_attribute
 WHERE attrelid = to_regclass(%(name)s) AND attnum > 0 AND NOT attisdropped
"""


@dataclass(frozen=True)
class Verifier:
    """Judges tables against the books. `aside` are the positions that views leave out."""

    recorder: FactRecorder
    mapper: FactMapper
    aside: frozenset[int] = frozenset()

    # --- a rebuild --------------------------------------------------------------------

    def rebuilt(
        self,
        connection: Connection[Any],
        rebuild: Rebuild,
        tables: Sequence[Table],
        written: Mapping[str, Buckets],
        *,
        sample: int,
    ) -> list[Mismatch]:
        """All that is wrong with the tables of a rebuild; `written` is what its parts said."""
        position, found = rebuild.position, list[Mismatch]()
        with connection.transaction():
            connection.execute(ONE_SNAPSHOT)
            serving = {one.name: one for one in standings(connection)}
            chosen = self.sample(connection, sample, position=position)
            chosen |= _touched(connection, rebuild.target, position)
            found += self.again(connection, tables, chosen, position=position)
            for table in tables:
                name = table.view.name
                found += self.parts(
                    connection, table, written[name], target=rebuild.target, position=position
                )
                found += self.laws(connection, table, position=position)
                if name in serving and not rebuild.replaces_damaged:
                    found += self.live(connection, table, serving[name], position=position)
        return found

    def parts(
        self,
        connection: Connection[Any],
        table: Table,
        written: Buckets,
        *,
        target: int,
        position: int,
    ) -> list[Mismatch]:
        """Whether what the parts wrote up to `target` still stands where nothing came since."""
        if table.view.partition == "stream" and position > target:
            return []  # few rows, and all of them are folded again
        touched = _touched(connection, target, position)
        listed(connection, "touched", touched)
        by_person = [table.view] if table.view.partition == "subject" else []
        rows = self._rows(by_person, touched, position=target).get(table.view.name, [])
        before = digest(connection, table.view, stage(connection, table.view, rows))
        untouched = sql.SQL("(SELECT * FROM {} WHERE {}) AS untouched").format(
            _name(table), outside(table.view, "touched")
        )
        found = digest(connection, table.view, untouched)
        expected = combined([written, _negative(before)])
        return [
            Mismatch("digest", table.view.name, f"{bucket:02x}…", (), *told)
            for bucket in sorted(expected.keys() | found.keys())
            if (told := _told(expected.get(bucket), found.get(bucket)))[0] != told[1]
        ]

    def again(
        self,
        connection: Connection[Any],
        tables: Sequence[Table],
        subjects: Collection[UUID],
        *,
        position: int,
    ) -> list[Mismatch]:
        """Whether these people's rows, and all rows that are nobody's, are as a fold makes them."""
        folded = self._rows([table.view for table in tables], subjects, position=position)
        listed(connection, "chosen", subjects)
        found: list[Mismatch] = []
        for table in tables:
            expected = stage(connection, table.view, folded[table.view.name])
            whole = table.view.partition == "stream"
            condition = None if whole else within(table.view, "chosen")
            found += [
                Mismatch("refold", table.view.name, *one)
                for one in differences(
                    connection, table.view, expected, _name(table), condition=condition
                )
            ]
        return found

    def live(
        self, connection: Connection[Any], table: Table, serving: Standing, *, position: int
    ) -> list[Mismatch]:
        """Whether rows that serve, and that nothing came to since, are the same.

        Columns that the version changes are left aside, and those that only one of them has.
        """
        view = table.view
        low, high = sorted((serving.position, position))
        listed(connection, "moved", _touched(connection, low, high))
        columns = [
            name
            for name in common(view, _columns(connection, view))
            if name not in view.changes and (name != "position" or serving.shape == table.shape)
        ]
        moved = outside(view, "moved")
        ours, theirs = _name(table), sql.Identifier(SCHEMA, view.name)
        still = sql.SQL("(SELECT * FROM {} WHERE {}) AS still")
        if digest(connection, view, still.format(ours, moved), columns) == digest(
            connection, view, still.format(theirs, moved), columns
        ):
            return []
        return [
            Mismatch("live", view.name, *one)
            for one in differences(connection, view, ours, theirs, columns=columns, condition=moved)
        ]

    def laws(self, connection: Connection[Any], table: Table, *, position: int) -> list[Mismatch]:
        """Whether the sums over the facts and over the rows are the same."""
        found = breaches(
            connection,
            table.view.laws,
            _name(table),
            position=position,
            aside=self.aside,
            parameters=table.view.parameters,
        )
        return [_breach(table.view, one) for one in found]

    # --- what serves ------------------------------------------------------------------

    def serving(
        self, connection: Connection[Any], tables: Sequence[Table], *, sample: int | None
    ) -> list[Mismatch]:
        """All that is wrong with tables that serve, in the caller's snapshot.

        `sample` people are folded again, or all of them for None.
        """
        position = max((one.position for one in standings(connection)), default=0)
        people = self.sample(connection, sample, position=position)
        return self.people(connection, tables, people) + self.sums(connection, tables)

    def people(
        self, connection: Connection[Any], tables: Sequence[Table], people: Collection[UUID]
    ) -> list[Mismatch]:
        """Whether these people's rows are as a fold makes them, each table where it stands."""
        at: dict[int, list[Table]] = {}
        positions = {one.name: one.position for one in standings(connection)}
        for table in tables:
            at.setdefault(positions[table.view.name], []).append(table)
        return [
            one
            for position, group in at.items()
            for one in self.again(connection, group, people, position=position)
        ]

    def sums(self, connection: Connection[Any], tables: Sequence[Table]) -> list[Mismatch]:
        """Whether the sums are right, each table where it stands."""
        positions = {one.name: one.position for one in standings(connection)}
        return [
            one
            for table in tables
            for one in self.laws(connection, table, position=positions[table.view.name])
        ]

    def sample(self, connection: Connection[Any], size: int | None, *, position: int) -> set[UUID]:
        """Some people with facts up to a position; everybody for None."""
        if size is None:
            return _touched(connection, 0, position)
        pivots = [UUID(int=random.getrandbits(128)) for _ in range(size)]
        pivots.append(UUID(int=0))
        cursor = connection.cursor(row_factory=tuple_row)
        asked = cursor.execute(PICK, {"pivots": pivots, "position": position})
        return {subject_id for (subject_id,) in asked}

    # --- folding again ----------------------------------------------------------------

    def _rows(
        self, views: Sequence[View[Any]], subjects: Iterable[UUID], *, position: int
    ) -> dict[str, list[Any]]:
        """Rows of some people, and all rows that are kept by stream, from nothing."""
        by_person = [view for view in views if view.partition == "subject"]
        by_stream = [view for view in views if view.partition == "stream"]
        rows: dict[str, list[Any]] = {view.name: [] for view in views}
        with uncollected():
            for subject_id in subjects if by_person else ():
                facts = self._opened(self.recorder.of_subject(subject_id), position)
                _add(rows, by_person, facts)
        if by_stream:
            _add(rows, by_stream, self._opened(self._of_topics(by_stream, position), position))
        return rows

    def _opened(self, records: Iterable[FactRecord], position: int) -> list[Recorded]:
        return [
            Recorded(record.position, self.mapper.open_record(record))
            for record in records
            if record.position <= position and record.position not in self.aside
        ]

    def _of_topics(self, views: Sequence[View[Any]], position: int) -> list[FactRecord]:
        return self.recorder.of_topics(topics(views), upto=position)


def _add(rows: dict[str, list[Any]], views: Sequence[View[Any]], facts: Sequence[Recorded]) -> None:
    for view in views:
        made = fold(view, {}, facts)
        rows[view.name] += [row for row in made.values() if row is not None]


def _touched(connection: Connection[Any], after: int, upto: int) -> set[UUID]:
    """Whom facts after a position concern, and their streams."""
    if upto <= after:
        return set()
    cursor = connection.cursor(row_factory=tuple_row)
    asked = cursor.execute(TOUCHED, {"after": after, "upto": upto})
    return {one for (one,) in asked}


def _columns(connection: Connection[Any], view: View[Any]) -> set[str]:
    cursor = connection.cursor(row_factory=tuple_row)
    asked = cursor.execute(COLUMNS_OF, {"name": f"{SCHEMA}.{view.name}"})
    return {name for (name,) in asked}


def _name(table: Table) -> sql.Identifier:
    return sql.Identifier(table.schema, table.view.name)


def _negative(buckets: Buckets) -> Buckets:
    return {bucket: one._replace(rows=-one.rows, hash=-one.hash) for bucket, one in buckets.items()}


def _told(expected: Any, found: Any) -> tuple[str, str]:
    shown = [
        "0 rows" if one is None or one.rows == one.hash == 0 else f"{one.rows} rows {one.hash:x}"
        for one in (expected, found)
    ]
    return shown[0], shown[1]


def _breach(view: View[Any], one: Breach) -> Mismatch:
    label = f"{one.law}: {one.label}"
    return Mismatch("law", view.name, label, (), str(one.books), str(one.rows))
