"""Proof that new tables are right, before they serve.

Four checks that share as little as can be with what they judge: what the parts said they wrote is
still there; a sample of people, and a thousand at most of those who changed since, folded again
from their facts read another way; the rows that serve now, but for columns the new version means to
change; and sums straight over the facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from ledger.errors import LedgerError
from ledger.store.mapper import FactMapper
from ledger.store.recorder import FactRecorder
from ledger.store.records import FactRecord
from projections.batch import FATAL
from projections.chosen import Chosen, in_chunks, some_of, touched
from projections.compare import common, differences, listed, made_up, outside, stage, within
from projections.digest import digest
from projections.laws import Breach, breaches
from projections.parking import why
from projections.part import topics
from projections.positions import INCOMPLETE, Standing, standings
from projections.quiet import uncollected
from projections.rebuild_rows import Mismatch, Rebuild
from projections.tables import SCHEMA, Table
from projections.view import Recorded, View, fold
from projections.written import Written

SAMPLE = 500
"""How many people, picked anew each time, are folded again."""
PROVED_AGAIN = 1_000
"""Of how many at most, to whom something came meanwhile, it is proved that it was folded right."""
MOST_FOUND = 200

ONE_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
COLUMNS_OF = """
SELECT attname FROM pg_attribute
 WHERE attrelid = to_regclass(%(name)s) AND attnum > 0 AND NOT attisdropped
"""


class RefoldStopped(LedgerError):
    """Facts of {whom} can't be folded again by {views}: {why}."""

    code = "refold_stopped"


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
        *,
        sample: int,
    ) -> list[Mismatch]:
        """All that is wrong with the tables of a rebuild.

        They stand still meanwhile, as do facts: only beside what serves is one snapshot needed. One
        for all would keep every row alive that the live views replace meanwhile, and each of their
        batches would walk past all that were there before.
        """
        position, found = rebuild.position, list[Mismatch]()
        since = touched(connection, tables, rebuild.target, position)
        again = since.at_most(PROVED_AGAIN)
        for chosen in (some_of(connection, tables, sample, position=position), again):
            found += self.again(connection, tables, chosen, position=position)
        for table in tables:
            with connection.transaction():
                found += self.parts(connection, table, since)
            found += self.laws(connection, table, position=position)
            if not rebuild.replaces_damaged:
                found += self._beside_live(connection, table, position=position)
        return found

    def _beside_live(
        self, connection: Connection[Any], table: Table, *, position: int
    ) -> list[Mismatch]:
        with connection.transaction():
            connection.execute(ONE_SNAPSHOT)
            serving = {one.name: one for one in standings(connection)}
            own = serving.get(table.view.name)
            if own is None or own.shape == INCOMPLETE:
                return []
            return self.live(connection, table, own, position=position)

    def since(
        self,
        connection: Connection[Any],
        rebuild: Rebuild,
        tables: Sequence[Table],
        after: int,
        most: int,
    ) -> list[Mismatch]:
        """Whether those to whom something came after a position are as a fold makes them.

        Of `most` people and as many streams, picked anew each time, where there are more.
        """
        if rebuild.position == after or not most:
            return []
        chosen = touched(connection, tables, after, rebuild.position).at_most(most)
        return self.again(connection, tables, chosen, position=rebuild.position)

    def parts(self, connection: Connection[Any], table: Table, since: Chosen) -> list[Mismatch]:
        """Whether what the parts wrote still stands where nothing came since."""
        view = table.view
        listed(connection, "touched", since.of(view))
        untouched = sql.SQL("(SELECT * FROM {} WHERE {}) AS untouched").format(
            _name(table), outside(view, "touched")
        )
        found = digest(connection, view, untouched)
        expected = Written(table.schema).untouched(connection, view, "touched")
        return [
            Mismatch("digest", view.name, f"{bucket:02x}…", (), *told)
            for bucket in sorted(expected.keys() | found.keys())
            if (told := _told(expected.get(bucket), found.get(bucket)))[0] != told[1]
        ]

    def again(
        self,
        connection: Connection[Any],
        tables: Sequence[Table],
        chosen: Chosen,
        *,
        position: int,
    ) -> list[Mismatch]:
        """Whether the rows of these people and streams are as a fold makes them; some, if not.

        Raises RefoldStopped.
        """
        found: list[Mismatch] = []
        for kept_so, some in _by_partition(tables, chosen):
            found += self._again(connection, kept_so, some, position)
            if len(found) >= MOST_FOUND:
                break
        return found

    def _again(
        self,
        connection: Connection[Any],
        tables: Sequence[Table],
        some: Sequence[UUID],
        position: int,
    ) -> list[Mismatch]:
        folded = self._rows([table.view for table in tables], some, position=position)
        found: list[Mismatch] = []
        with connection.transaction():
            listed(connection, "chosen", some)
            for table in tables:
                view = table.view
                expected = stage(connection, view, folded[view.name])
                own = within(view, "chosen")
                found += [
                    Mismatch("refold", view.name, *one)
                    for one in differences(connection, view, expected, _name(table), condition=own)
                ]
        return found

    def live(
        self, connection: Connection[Any], table: Table, serving: Standing, *, position: int
    ) -> list[Mismatch]:
        """Whether rows that serve, and that nothing came to since, are the same.

        Columns that the version changes are left aside, and those that only one of them has. Where
        that goes for the key, there is nothing to hold them against.
        """
        view = table.view
        low, high = sorted((serving.position, position))
        listed(connection, "moved", touched(connection, [table], low, high).of(view))
        columns = [
            name
            for name in common(view, _columns(connection, view))
            if name not in view.changes and (name != "position" or serving.shape == table.shape)
        ]
        if not set(view.key).issubset(columns):
            return []
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

    def people(
        self, connection: Connection[Any], tables: Sequence[Table], chosen: Chosen
    ) -> list[Mismatch]:
        """Whether the rows of these are as a fold makes them, each table where it stands."""
        at: dict[int, list[Table]] = {}
        positions = {one.name: one.position for one in standings(connection)}
        for table in tables:
            at.setdefault(positions[table.view.name], []).append(table)
        return [
            one
            for position, group in at.items()
            for one in self.again(connection, group, chosen, position=position)
        ]

    def sums(
        self, connection: Connection[Any], tables: Sequence[Table], *, beside: Sequence[Table]
    ) -> list[Mismatch]:
        """Whether the sums are right, each table where it stands, and no row is of nobody: `beside`
        are all tables whose people and streams are folded again.
        """
        positions = {one.name: one.position for one in standings(connection)}
        found: list[Mismatch] = []
        for table in tables:
            position = positions[table.view.name]
            found += self.laws(connection, table, position=position)
            found += self._made_up(connection, table, beside, position)
        return found

    def _made_up(
        self, connection: Connection[Any], table: Table, beside: Sequence[Table], position: int
    ) -> list[Mismatch]:
        """Rows of nobody, which are not among those of anybody who is folded again."""
        by_stream = topics([one.view for one in beside if one.view.partition == "stream"])
        found = made_up(connection, table.view, _name(table), position=position, topics=by_stream)
        return [Mismatch("refold", table.view.name, *one) for one in found]

    # --- folding again ----------------------------------------------------------------

    def _rows(
        self, views: Sequence[View[Any]], ids: Iterable[UUID], *, position: int
    ) -> dict[str, list[Any]]:
        """Rows of some people, or of some streams, from nothing; views are all kept alike."""
        rows: dict[str, list[Any]] = {view.name: [] for view in views}
        by_person = views[0].partition == "subject"
        read = self.recorder.of_subject if by_person else self.recorder.of_stream
        wanted = set(topics(views))
        with uncollected():
            for one in ids:
                records = [
                    record
                    for record in read(one)
                    if record.position <= position
                    and record.topic in wanted
                    and record.position not in self.aside
                ]
                self._add(rows, views, one, records)
        return rows

    def _add(
        self,
        rows: dict[str, list[Any]],
        views: Sequence[View[Any]],
        whose: UUID,
        records: Sequence[FactRecord],
    ) -> None:
        try:
            facts = [Recorded(one.position, self.mapper.open_record(one)) for one in records]
            for view in views:
                made = fold(view, {}, facts)
                rows[view.name] += [row for row in made.values() if row is not None]
        except FATAL:
            raise
        except Exception as error:  # noqa: BLE001 -- its class is told, not what it quotes
            names = ", ".join(view.name for view in views)
            raise RefoldStopped(whom=whose, views=names, why=why(error)) from None


def _by_partition(
    tables: Sequence[Table], chosen: Chosen
) -> Iterator[tuple[list[Table], list[UUID]]]:
    """Some of the chosen at a time, and the tables that are kept by what they are."""
    for partition, ids in (("subject", chosen.people), ("stream", chosen.streams)):
        kept_so = [table for table in tables if table.view.partition == partition]
        for some in in_chunks(ids) if kept_so else ():
            yield kept_so, some


def _columns(connection: Connection[Any], view: View[Any]) -> set[str]:
    cursor = connection.cursor(row_factory=tuple_row)
    asked = cursor.execute(COLUMNS_OF, {"name": f"{SCHEMA}.{view.name}"})
    return {name for (name,) in asked}


def _name(table: Table) -> sql.Identifier:
    return sql.Identifier(table.schema, table.view.name)


def _told(expected: Any, found: Any) -> tuple[str, str]:
    shown = [
        "0 rows" if one is None else f"{one.rows} rows {one.hash:x}" for one in (expected, found)
    ]
    return shown[0], shown[1]


def _breach(view: View[Any], one: Breach) -> Mismatch:
    label = f"{one.law}: {one.label}"
    return Mismatch("law", view.name, label, (), str(one.books), str(one.rows))
