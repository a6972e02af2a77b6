"""The views' tables as plain rows, for whoever judges them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, get_args

from psycopg import Connection, sql
from pydantic_core import to_jsonable_python

from projections.catalogue import all_views
from projections.columns import RowCodec, reading
from projections.queries.due import DueQueries
from projections.queries.members import MemberFilter, MemberQueries
from projections.queries.paging import Turn
from projections.queries.reading import Source
from projections.queries.segments import Segment
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


def segments(source: Source, now: datetime) -> list[dict[str, str]]:
    """Who is in which smart segment, as the list says."""
    queries, found = MemberQueries(source), []
    for name in get_args(Segment):
        turn: Turn | None = Turn("name", limit=200)
        while turn is not None:
            page = queries.page(MemberFilter(segment=name), turn, now)
            found += [{"segment": name, "member_id": str(row.member_id)} for row in page.rows]
            more = page.next_cursor
            turn = None if more is None else Turn("name", limit=200, cursor=more)
    return found


def due(source: Source, now: datetime) -> dict[str, list[str]]:
    """What is due, as the queries say."""
    queries, most = DueQueries(source), 100_000
    return {
        "charges": [str(one.membership_id) for one in queries.charges(now, most)],
        "lapses": [str(one.membership_id) for one in queries.lapses(now, most)],
        "undecided": [str(order_id) for order_id in queries.undecided(most)],
    }


def folded(facts: list[Recorded], site: Site) -> Tables:
    """Every view, folded from nothing."""
    return {view.name: plain(fold(view, {}, facts).values()) for view in all_views(site)}


def _read(connection: Connection[Any], view: View[Any]) -> list[Any]:
    codec = RowCodec(view.columns)
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in codec.columns)
    statement = sql.SQL("SELECT {} FROM {}").format(names, sql.Identifier(view.name))
    return [codec.decode(values) for values in reading(connection).execute(statement)]
