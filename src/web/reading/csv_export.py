"""Lists as CSV (EX1): columns from the type of a list's items, cells that no program mistakes.

Money is two columns, minor units and currency; instants are ISO 8601 in UTC; what has parts of its
own many times is JSON. A text that a spreadsheet would take for a formula begins with an
apostrophe.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from functools import cache
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel
from pydantic_core import to_json

from ledger.money import Money

MEDIA_TYPE = "text/csv"
BYTE_ORDER_MARK = "\ufeff"
"""By which a spreadsheet knows UTF-8."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
Separator = Literal["comma", "semicolon"]
SEPARATORS: dict[Separator, str] = {"comma": ",", "semicolon": ";"}
ROWS_AT_ONCE = 500


class Column(NamedTuple):
    """A column's name, and its cell of an item."""

    name: str
    cell: Callable[[Any], str]


@cache
def columns_of(model: type[BaseModel]) -> tuple[Column, ...]:
    """The columns of items of a type."""
    return tuple(_columns(model, "", lambda item: item))


def pieces(
    model: type[BaseModel],
    items: Iterable[Any],
    *,
    separator: Separator = "comma",
    byte_order_mark: bool = False,
) -> Iterator[bytes]:
    """A header and a line an item, some at a time; nothing is read before it is wanted."""
    columns = columns_of(model)
    written = io.StringIO()
    writer = csv.writer(written, delimiter=SEPARATORS[separator])
    written.write(BYTE_ORDER_MARK if byte_order_mark else "")
    writer.writerow([column.name for column in columns])
    cells = [column.cell for column in columns]
    for place, item in enumerate(items, 1):
        writer.writerow([cell(item) for cell in cells])
        if place % ROWS_AT_ONCE == 0:
            yield _taken(written)
    yield _taken(written)


def _taken(written: io.StringIO) -> bytes:
    text = written.getvalue()
    written.seek(0)
    written.truncate()
    return text.encode()


def _columns(
    model: type[BaseModel], prefix: str, item_of: Callable[[Any], Any]
) -> Iterator[Column]:
    for name, field in model.model_fields.items():
        yield from _of_field(f"{prefix}{name}", field.annotation, _within(item_of, name))


def _of_field(name: str, hint: Any, value_of: Callable[[Any], Any]) -> Iterable[Column]:
    options = _options(hint)
    if options == [Money]:
        return [
            Column(f"{name}_{part}", _written(_within(value_of, part), str))
            for part in ("minor", "currency")
        ]
    if len(options) == 1 and isinstance(options[0], type) and issubclass(options[0], BaseModel):
        return _columns(options[0], f"{name}_", value_of)
    return [Column(name, _written(value_of, _cell))]


def _options(hint: Any) -> list[Any]:
    """What a value may be, beside None."""
    parts: Sequence[Any] = get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)
    return [part for part in parts if part is not NoneType]


def _within(item_of: Callable[[Any], Any], name: str) -> Callable[[Any], Any]:
    read = attrgetter(name)

    def value(item: Any) -> Any:
        whole = item_of(item)
        return None if whole is None else read(whole)

    return value


def _written(value_of: Callable[[Any], Any], write: Callable[[Any], str]) -> Callable[[Any], str]:
    def cell(item: Any) -> str:
        value = value_of(item)
        return "" if value is None else write(value)

    return cell


def _cell(value: Any) -> str:
    return _CELLS.get(type(value), _other)(value)


def _text(value: str) -> str:
    return f"'{value}" if value.startswith(FORMULA) else value


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def _other(value: Any) -> str:
    # What has parts is JSON, and so is anything that nobody thought of.
    return _text(value) if isinstance(value, str) else to_json(value).decode()


_CELLS: dict[type, Callable[[Any], str]] = {
    str: _text,
    int: str,
    bool: json.dumps,
    UUID: str,
    datetime: _instant,
    date: date.isoformat,
}
