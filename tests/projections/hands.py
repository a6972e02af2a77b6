"""What a hand may do to the rows of views: another value in each column of theirs, in turn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import sql
from psycopg.errors import UniqueViolation

from projections.catalogue import all_views
from projections.columns import Column, RowCodec
from projections.view import View
from tests.projections.books import EUROS
from tests.projections.explaining import Past

VIEWS = {view.name: view for view in all_views(EUROS)}
EARLY: LiteralString = "'2001-01-01Z'::timestamptz"
LATE: LiteralString = "'4000-01-01Z'::timestamptz"
VALUES: dict[str, tuple[LiteralString, ...]] = {
    "uuid": ("md5(coalesce({column}::text, 'x'))::uuid",),
    "text": ("coalesce({column}, '') || '!'", "(SELECT max({column}) FROM {view})"),
    "bigint": ("coalesce({column}, 0) + 1", "coalesce({column}, 0) - 100000"),
    "boolean": ("NOT coalesce({column}, false)",),
    "timestamptz": (EARLY, LATE),
    "uuid[]": ("ARRAY[md5({column}::text)::uuid] || {column}[2:]",),
    "text[]": (
        "ARRAY[coalesce({column}[1], '') || '!'] || {column}[2:]",
        "ARRAY['vip'] || {column}[2:]",
    ),
    "bigint[]": ("ARRAY[coalesce({column}[1], 0) + 1] || {column}[2:]",),
    "timestamptz[]": (
        "ARRAY['2001-01-01Z'::timestamptz] || {column}[2:]",
        "ARRAY['4000-01-01Z'::timestamptz] || {column}[2:]",
    ),
    "jsonb": ("{column} - 0",),
}
"""What a hand may put in the place of a value: an array stays as long as it is."""

EDIT: LiteralString = """
UPDATE {view} SET {column} = {value}
 WHERE ({key}) = (SELECT {key} FROM {view} ORDER BY %(own)s IN ({ids}) DESC, {key}
                   OFFSET %(place)s LIMIT 1)
   AND {column} IS DISTINCT FROM {value}
"""
PUT_BACK: tuple[LiteralString, ...] = ("DELETE FROM {view}", "INSERT INTO {view} TABLE kept")


def columns_of(view: View[Any]) -> tuple[Column, ...]:
    """A view's columns, those of its key first."""
    return RowCodec(view.columns).columns


def ids_of(view: View[Any]) -> list[str]:
    """Columns of its key that say of whom, or of which thing, a row is."""
    columns = columns_of(view)[: len(view.key)]
    return [column.name for column in columns if column.type == "uuid"]


class Edit(NamedTuple):
    """Another value in a column of one of the first rows: first come those of whom is asked."""

    view: View[Any]
    column: Column
    value: LiteralString
    place: int

    @property
    def name(self) -> str:
        """Of the column."""
        return f"{self.view.name}.{self.column.name}"

    @contextmanager
    def made(self, site: Past, own: UUID) -> Iterator[bool]:
        """For as long as it is looked at; whether there was anything to change."""
        yield self.for_good(site, own)
        for back in PUT_BACK:
            named = {"view": sql.Identifier(self.view.name)}
            site.spoil(sql.SQL(back).format(**named).as_string())

    def for_good(self, site: Past, own: UUID) -> bool:
        """Once and for all."""
        column, view = sql.Identifier(self.column.name), sql.Identifier(self.view.name)
        statement = sql.SQL(EDIT).format(
            view=view,
            column=column,
            value=sql.SQL(self.value).format(view=view, column=column),
            key=sql.SQL(", ").join(map(sql.Identifier, self.view.key)),
            ids=sql.SQL(", ").join(map(sql.Identifier, ids_of(self.view))),
        )
        try:
            return site.spoil(statement.as_string(), own=own, place=self.place) == 1
        except UniqueViolation:
            return False  # another row is there: no hand can do that either


def edits(
    view: str, rows: int = 1, *, values: Mapping[str, tuple[LiteralString, ...]] = VALUES
) -> Iterator[Edit]:
    """Every column of some rows in every way."""
    for column in columns_of(VIEWS[view]):
        none: tuple[LiteralString, ...] = ("NULL",) if column.nullable else ()
        for value in (*values[column.type], *none):
            for place in range(rows):
                yield Edit(VIEWS[view], column, value, place)


def keep(site: Past, view: str) -> None:
    """Keep a view's rows, to be put back."""
    site.spoil("DROP TABLE IF EXISTS kept")
    statement = sql.SQL("CREATE TABLE kept AS TABLE {}").format(sql.Identifier(view))
    site.spoil(statement.as_string())


def view_key(view: str) -> tuple[str, ...]:
    """The columns of a view's key."""
    return VIEWS[view].key
