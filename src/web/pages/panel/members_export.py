"""The member list as a file: who is listed, in the order and with the columns shown (EX1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import Any
from uuid import UUID

from flask import current_app
from pydantic import create_model
from werkzeug.wrappers import Response

from ledger.money import Money
from projections.queries.members import MemberSummary
from projections.queries.paging import Turn
from web.identity.auth import parts
from web.pages.panel.members_asked import Asked
from web.pages.panel.members_columns import ColumnName
from web.pages.past_pages import now, past, reading
from web.reading.csv_export import MEDIA_TYPE, Separator, pieces
from web.wording.languages import locale

AT_ONCE = 2_000
"""Rows that are read at a time."""

Read = Callable[[MemberSummary], Any]


def answer(asked: Asked, chosen: Sequence[ColumnName], *, ticked: Sequence[str]) -> Response:
    """The file, as a spreadsheet in the reader's language opens it; of the ticked, if any."""
    rows = _ticked(ticked) if ticked else _all(asked)
    first = list(islice(rows, 1))  # what is refused is refused before anything is sent
    fields = _fields(chosen)
    made: dict[str, Any] = {name: (kind, ...) for name, (kind, _) in fields.items()}
    model = create_model("MemberLine", **made)

    def line(row: MemberSummary) -> Any:
        return model.model_construct(**{name: read(row) for name, (_, read) in fields.items()})

    separator: Separator = "semicolon" if locale() == "fr" else "comma"
    sent = pieces(model, map(line, chain(first, rows)), separator=separator, byte_order_mark=True)
    if past() is not None:
        sent = iter(list(sent))  # the rows of a moment are there for as long as this call
    headers = {"Content-Disposition": 'attachment; filename="members.csv"'}
    return current_app.response_class(sent, 200, headers, mimetype=MEDIA_TYPE)


def _all(asked: Asked) -> Iterator[MemberSummary]:
    queries, instant, cursor = reading().queries.members, now(), None
    while True:
        turn = Turn(asked.args.sort, asked.descending, AT_ONCE, cursor)
        page = queries.page(asked.filter, turn, instant)
        yield from page.rows
        cursor = page.next_cursor
        if cursor is None:
            return


def _ticked(texts: Sequence[str]) -> Iterator[MemberSummary]:
    queries, instant = reading().queries.members, now()
    for text in texts:
        try:
            row = queries.one(UUID(text), instant)
        except ValueError:
            continue
        if row is not None:
            yield row


def _fields(chosen: Sequence[ColumnName]) -> dict[str, tuple[Any, Read]]:
    """The type and the value of each column; a name always, and the address beneath it."""
    currency = parts().site.currency
    instant = datetime | None
    fields: dict[ColumnName, tuple[str, Any, Read]] = {
        "status": ("status", str, lambda row: row.status),
        "plans": ("plans", str, lambda row: ", ".join(stay.plan_name for stay in row.plans)),
        "joined": ("joined_at", instant, lambda row: row.joined_at),
        "last_order": ("last_order_at", instant, lambda row: row.last_order_at),
        "orders": ("orders", int, lambda row: row.order_count),
        "spent": ("spent", Money, lambda row: Money(row.net, currency)),
        "refunded": ("refunded", Money, lambda row: Money(row.refunded, currency)),
        "tags": ("tags", str, lambda row: ", ".join(row.tags)),
        "country": ("country", str | None, lambda row: row.method_country),
        "language": ("language", str, lambda row: row.locale),
    }
    always: dict[str, tuple[Any, Read]] = {
        "name": (str, lambda row: row.name),
        "email": (str, lambda row: row.email),
    }
    named = [fields[name] for name in chosen if name != "email"]
    return {**always, **{name: (kind, read) for name, kind, read in named}}
