"""The views' tables as plain rows, for whoever judges them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from psycopg import Connection, sql
from pydantic_core import to_jsonable_python

from projections.catalogue import all_views
from projections.columns import RowCodec, reading
from projections.queries.reading import Source
from projections.site import Site
from projections.view import Recorded, View, fold

Tables = dict[str, list[dict[str, Any]]]
"""Rows as JSON has them, by view."""


def plain(rows: Iterable[Any]) -> list[dict[str, Any]]:
    """Rows as JSON has them."""
    return [to_jsonable_python(row._asdict()) for row in rows if row is not None]


def stored(source: Source, site: Site, names: Collection[str] = ()) -> Tables:
    """The tables of all views, or of those named, where the source's connections look for them."""
    views = [view for view in all_views(site) if not names or view.name in names]
    with source.connection() as connection:
        return {view.name: plain(_read(connection, view)) for view in views}


def folded(facts: list[Recorded], site: Site) -> Tables:
    """Every view, folded from nothing."""
    return {view.name: plain(fold(view, {}, facts).values()) for view in all_views(site)}


def _read(connection: Connection[Any], view: View[Any]) -> list[Any]:
    codec = RowCodec(view.columns)
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in codec.columns)
    statement = sql.SQL("SELECT {} FROM {}").format(names, sql.Identifier(view.name))
    return [codec.decode(values) for values in reading(connection).execute(statement)]
