"""Two tables of one view, side by side: which rows differ, and in which columns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from projections.columns import teach
from projections.digest import FIX_TEXTS
from projections.tables import Table
from projections.view import View

MOST_SHOWN = 20

UNMAKE = "DROP TABLE IF EXISTS {stage}"
MAKE = "CREATE TEMPORARY TABLE {stage} ({columns}) ON COMMIT DROP"
COPY = "COPY {stage} FROM STDIN (FORMAT BINARY)"
DIFFERENT = """
SELECT concat_ws('/', {keys}), array_remove(ARRAY[{changed}], NULL),
       CASE WHEN expected.present THEN to_hex(hashtextextended(ROW({expected})::text, 0)) END,
       CASE WHEN found.present THEN to_hex(hashtextextended(ROW({found})::text, 0)) END
  FROM (SELECT true AS present, * FROM {left} WHERE {condition}) AS expected
  FULL JOIN (SELECT true AS present, * FROM {right} WHERE {condition}) AS found USING ({key})
 WHERE expected.present IS NULL OR found.present IS NULL
    OR ROW({expected}) IS DISTINCT FROM ROW({found})
 ORDER BY 1 LIMIT %(most)s
"""
# No fact of a row's partition is within reach: nothing can have made it.
MADE_UP = """
SELECT concat_ws('/', {keys}), to_hex(hashtextextended(ROW({row})::text, 0))
  FROM {table} AS found
 WHERE NOT EXISTS (SELECT FROM ledger.facts
                    WHERE facts.position <= %(position)s AND {heard} = found.{partition})
 ORDER BY 1 LIMIT %(most)s
"""
OF_PERSON = "facts.subject_id"
OF_STREAM = "facts.topic = ANY (%(topics)s) AND facts.stream_id"
LIST = """
CREATE TEMPORARY TABLE {table} ON COMMIT DROP AS
SELECT DISTINCT id FROM unnest(%(ids)s::uuid[]) AS listed (id)
"""
WITHIN = "EXISTS (SELECT FROM {table} WHERE id = {partition})"
OUTSIDE = "NOT EXISTS (SELECT FROM {table} WHERE id = {partition})"
CHANGED = "CASE WHEN {left} IS DISTINCT FROM {right} THEN {name} END"


class Difference(NamedTuple):
    """A row that is not what it should be; no digest where there is no row."""

    key: str
    columns: tuple[str, ...]
    expected: str
    found: str


def stage(connection: Connection[Any], view: View[Any], rows: Iterable[Any]) -> sql.Identifier:
    """Rows in a temporary table of this transaction, named by the view."""
    table = Table(view, "pg_temp")
    name = sql.Identifier("pg_temp", f"expected_{view.name}")
    definitions = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(c.name), sql.SQL(c.definition))
        for c in table.codec.columns
    )
    connection.execute(sql.SQL(UNMAKE).format(stage=name))
    connection.execute(sql.SQL(MAKE).format(stage=name, columns=definitions))
    cursor = connection.cursor()
    teach(cursor)
    with cursor.copy(sql.SQL(COPY).format(stage=name)) as copy:
        copy.set_types(table.codec.types)
        for row in rows:
            copy.write_row(table.codec.encode(row))
    return name


def differences(
    connection: Connection[Any],
    view: View[Any],
    expected: sql.Composable,
    found: sql.Composable,
    *,
    columns: Sequence[str] | None = None,
    condition: sql.Composable | None = None,
) -> list[Difference]:
    """The rows in which two tables differ, at most MOST_SHOWN; only these columns are compared.

    `condition` says which rows of both.
    """
    names = [c.name for c in Table(view).codec.columns] if columns is None else list(columns)
    beside = [name for name in names if name not in view.key]
    query = sql.SQL(DIFFERENT).format(
        keys=_joined(sql.SQL("{}::text").format(sql.Identifier(name)) for name in view.key),
        key=_joined(sql.Identifier(name) for name in view.key),
        changed=_joined(_change(name) for name in beside) if beside else sql.SQL("NULL::text"),
        expected=_joined(sql.Identifier("expected", name) for name in beside),
        found=_joined(sql.Identifier("found", name) for name in beside),
        left=expected,
        right=found,
        condition=condition or sql.SQL("true"),
    )
    connection.execute(FIX_TEXTS)
    cursor = connection.cursor(row_factory=tuple_row)
    rows = cursor.execute(query, {"most": MOST_SHOWN})
    return [
        Difference(key, tuple(changed) if left and right else (), left or "", right or "")
        for key, changed, left, right in rows
    ]


def made_up(
    connection: Connection[Any],
    view: View[Any],
    table: sql.Composable,
    *,
    position: int,
    topics: Sequence[str],
) -> list[Difference]:
    """Rows of nobody, at most MOST_SHOWN: of whom, or of which stream, no fact tells.

    `topics` are those of all views by stream that are looked at.
    """
    query = sql.SQL(MADE_UP).format(
        keys=_joined(sql.SQL("{}::text").format(sql.Identifier("found", one)) for one in view.key),
        row=_joined(
            sql.Identifier("found", column.name)
            for column in Table(view).codec.columns
            if column.name not in view.key
        ),
        table=table,
        heard=sql.SQL(OF_STREAM if view.partition == "stream" else OF_PERSON),
        partition=sql.Identifier(view.key[0]),
    )
    connection.execute(FIX_TEXTS)
    cursor = connection.cursor(row_factory=tuple_row)
    rows = cursor.execute(query, {"position": position, "topics": topics, "most": MOST_SHOWN})
    return [Difference(key, (), "", found) for key, found in rows]


def listed(connection: Connection[Any], name: LiteralString, ids: Iterable[UUID]) -> None:
    """Partitions in a temporary table of this transaction, for `within` and `outside`."""
    table = sql.Identifier("pg_temp", name)
    connection.execute(sql.SQL(UNMAKE).format(stage=table))
    connection.execute(sql.SQL(LIST).format(table=table), {"ids": list(ids)})


def within(view: View[Any], name: LiteralString) -> sql.Composed:
    """The condition that a row's partition is among the listed."""
    return _listed(WITHIN, view.key[0], name)


def outside(view: View[Any], name: LiteralString) -> sql.Composed:
    """The condition that a row's partition is not among the listed."""
    return without(view.key[0], name)


def without(partition: str, name: LiteralString) -> sql.Composed:
    """The condition that a column's value is not among the listed."""
    return _listed(OUTSIDE, partition, name)


def _listed(template: LiteralString, partition: str, name: LiteralString) -> sql.Composed:
    return sql.SQL(template).format(
        partition=sql.Identifier(partition), table=sql.Identifier("pg_temp", name)
    )


def common(view: View[Any], others: Collection[str]) -> list[str]:
    """The view's columns that another table has too."""
    return [c.name for c in Table(view).codec.columns if c.name in others]


def _change(name: str) -> sql.Composed:
    return sql.SQL(CHANGED).format(
        left=sql.Identifier("expected", name),
        right=sql.Identifier("found", name),
        name=sql.Literal(name),
    )


def _joined(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)
