"""How reports ask: plain tuples from a source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import tuple_row

from projections.queries.reading import Source

NAMES: LiteralString = "SELECT plan_id, name FROM plans"


def asked(
    source: Source, query: LiteralString, parameters: Mapping[str, object]
) -> list[tuple[Any, ...]]:
    """Every row of a query."""
    with source.connection() as connection:
        cursor = connection.cursor(binary=True, row_factory=tuple_row)
        rows: list[tuple[Any, ...]] = cursor.execute(query, parameters).fetchall()
    return rows


def plan_names(source: Source) -> dict[UUID, str]:
    """The name of every plan."""
    return dict(asked(source, NAMES, {}))
