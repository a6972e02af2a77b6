"""A row of any view explained: who made it, fact by fact, and the row folded anew beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from psycopg import sql

from ledger.errors import NotFound, Refused
from projections.columns import Column, columns_of
from projections.explain.answers import Definition, Line, Lines, Turn, turned
from projections.explain.books import Books, Reach, Scope, Told
from projections.explain.stored import StoredRows
from projections.parking import why
from projections.view import Key, Recorded, View, fold_work, work_of

R = TypeVar("R", bound="tuple[Any, ...]")
LARGEST = 2**63 - 1


class KeyMalformed(Refused):
    """A key of the view {view} is {columns}, in this order; a part of it may be left out."""

    code = "key_malformed"
    pointer = "/key"


@dataclass(frozen=True, slots=True)
class Cell:
    """A column of a row: as it is stored, and as the facts make it; None where there is no row."""

    name: str
    stored: Any
    refolded: Any
    is_id: bool

    @property
    def agrees(self) -> bool:
        """Whether both are the same."""
        return bool(self.stored == self.refolded)


@dataclass(frozen=True, slots=True)
class RowSeen:
    """A stored row beside the one that the facts make; either may be missing."""

    key: Key
    is_stored: bool
    is_made: bool
    cells: Sequence[Cell]
    fact_count: int

    @property
    def agrees(self) -> bool:
        """Whether both are there and the same."""
        return self.is_stored == self.is_made and all(cell.agrees for cell in self.cells)


@dataclass(frozen=True, slots=True)
class RowsExplained:
    """The rows that a key, or the beginning of one, names, with all facts that touched them."""

    definition: Definition
    key_columns: tuple[str, ...]
    position: int
    rows: Sequence[RowSeen]
    facts: Lines
    unread: int

    @property
    def agrees(self) -> bool:
        """Whether every row is what its facts make of it, and all of them could be read."""
        return not self.unread and all(row.agrees for row in self.rows)


@dataclass(frozen=True)
class ExplainRows:
    """Explains rows of the views it is given."""

    scope: Scope
    books: Books
    views: Mapping[str, View[Any]]

    def explain(self, view_name: str, key: Sequence[str], turn: Turn) -> RowsExplained:
        """Rows of a view by their key, or by its first columns.

        Raises NotFound where there is neither such a view nor row, and KeyMalformed.
        """
        view = self.views.get(view_name)
        if view is None:
            raise NotFound(what="view", id=view_name)
        asked = parsed(view, key)
        reach, rows, _ = StoredRows(self.scope, view).read(*_condition(view, asked))
        told = self._told(view, asked[0], reach)
        stories = stories_of(view, asked, told, lenient=reach.as_of is not None)
        stored = {row[: len(view.key)]: row for row in rows}
        keys = sorted({*stored, *stories}, key=str)
        if not keys:
            raise NotFound(what=view_name, id=", ".join(key))
        unread = [one.line for one in told if one.fault and one.record.topic in _topics(view)]
        lines = [line for one in keys if one in stories for line in stories[one].lines]
        return RowsExplained(
            definition=Definition(view.name, view.version),
            key_columns=view.key,
            position=reach.position,
            rows=[_seen(view, one, stored.get(one), stories.get(one)) for one in keys],
            facts=turned(sorted([*lines, *unread], key=lambda line: line.position), turn),
            unread=len(unread),
        )

    def _told(self, view: View[Any], first: Any, reach: Reach) -> list[Told]:
        if view.partition == "stream":
            return self.books.of_stream(first, reach)
        return self.books.of_subject(first, reach)


# --- the row's story ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Story:
    """What the facts made of a row, one by one. After one that can't be folded, it stands still."""

    row: Any
    lines: Sequence[Line]


def stories_of(
    view: View[Any], key: Key, facts: Sequence[Told], *, lenient: bool = False
) -> dict[Key, Story]:
    """The story of every row whose key begins with `key`.

    `lenient` where some facts are not true yet: what came of one that is missing is left out.
    """
    told = {one.record.position: one for one in facts}
    work = work_of(view, [Recorded(p, one.fact) for p, one in told.items() if one.fact])
    return {
        row_key: _story(view, row_key, [told[place] for place, _ in mine], lenient)
        for row_key, mine in work.items()
        if row_key[: len(key)] == key
    }


def _story(view: View[R], key: Key, facts: Sequence[Told], lenient: bool) -> Story:
    row: R | None = None
    lines, fault = [], None
    for told in facts:
        before = row
        if fault is None:
            row, fault = _step(view, key, row, told, lenient)
        lines.append(_line(view, told, _changed(view, before, row), fault))
    return Story(row, lines)


def _step(
    view: View[R], key: Key, row: R | None, told: Told, lenient: bool
) -> tuple[R | None, str | None]:
    """The row after one more fact, or why it can't be had."""
    assert told.fact is not None  # noqa: S101 -- only facts that could be read are work
    one = Recorded(told.record.position, told.fact)
    try:
        rows = {} if row is None else {key: row}
        return fold_work(view, rows, {key: [one]}, lenient=lenient)[key], None
    except Exception as error:  # noqa: BLE001 -- whatever it is, it belongs in the explanation
        return row, why(error)


def _line(view: View[Any], told: Told, changed: tuple[str, ...], fault: str | None) -> Line:
    _, handler = view.handlers[type(told.fact)] if told.fact else (False, None)
    effect = (getattr(handler, "__doc__", None) or "").strip().partition("\n")[0]
    return replace(told.line, effect=effect or None, changed=changed, fault=fault)


def _changed(view: View[Any], before: Any, after: Any) -> tuple[str, ...]:
    """Columns that are others than before, but for the position, which always is."""
    names = [column.name for column in _columns(view)][:-1]
    if before is None or after is None:
        return () if before is after else tuple(names)
    return tuple(n for n, b, a in zip(names, before, after, strict=False) if b != a)


def _seen(view: View[Any], key: Key, row: Any, story: Story | None) -> RowSeen:
    made = story.row if story else None
    columns = _columns(view)
    blank = (None,) * len(columns)
    return RowSeen(
        key=key,
        is_stored=row is not None,
        is_made=made is not None,
        cells=[
            Cell(column.name, stored, refolded, is_id=_is_id(view, column))
            for column, stored, refolded in zip(columns, row or blank, made or blank, strict=True)
        ],
        fact_count=len(story.lines) if story else 0,
    )


def _is_id(view: View[Any], column: Column) -> bool:
    """Whether a column says which row or thing it is about, and nothing about a person."""
    return column.type == "uuid" or (column.name in view.key and column.type == "bigint")


# --- keys -----------------------------------------------------------------------------------


def parsed(view: View[Any], key: Sequence[str]) -> Key:
    """A key, or the beginning of one, as the view's columns hold it. Raises KeyMalformed."""
    columns = _columns(view)[: len(view.key)]
    refused = KeyMalformed(view=view.name, columns=", ".join(view.key))
    if not 0 < len(key) <= len(columns):
        raise refused
    try:
        return tuple(_value(column, text) for column, text in zip(columns, key, strict=False))
    except ValueError:
        raise refused from None


def _topics(view: View[Any]) -> frozenset[str]:
    return frozenset(fact_class.TOPIC for fact_class in view.handlers)


def _columns(view: View[R]) -> tuple[Column, ...]:
    return columns_of(view.columns)


def _value(column: Column, text: str) -> Any:
    if column.type == "uuid":
        return UUID(text)
    if column.type == "bigint":
        return _whole(text)
    if column.type == "timestamptz":
        return datetime.fromisoformat(text).astimezone(UTC)
    return text


def _whole(text: str) -> int:
    number = int(text)
    if abs(number) > LARGEST:
        raise ValueError(text)
    return number


def _condition(view: View[Any], key: Key) -> tuple[sql.Composable, dict[str, object]]:
    same = sql.SQL("{column} = {value}")
    names = view.key[: len(key)]
    conditions = [
        same.format(column=sql.Identifier("view", name), value=sql.Placeholder(f"key_{name}"))
        for name in names
    ]
    named = {f"key_{name}": value for name, value in zip(names, key, strict=True)}
    return sql.SQL(" AND ").join(conditions), named
