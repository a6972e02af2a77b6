"""Every list also as CSV: beside each route that answers a page stands one that ends in `.csv`.

It takes the same filters and answers the whole list, page by page as it is sent (EX1).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, islice
from typing import Any, cast, get_args

from pydantic import BaseModel, Field, create_model

from web.api.framework import Answer, Call, Content, Route
from web.api.models import Page, PageQuery, Query
from web.reading.csv_export import MEDIA_TYPE, Separator, pieces

ENDING = ".csv"
AT_ONCE = 2_000
"""Rows of a list that are read at a time."""


class ExportQuery(Query):
    """How the file is written, beside the list's own filters."""

    separator: Separator = Field(default="comma", description="`semicolon` for a French Excel")
    bom: bool = Field(default=False, description="begin with a byte order mark, for Excel")


OWN = frozenset(ExportQuery.model_fields)


def with_exports(routes: Iterable[Route]) -> Iterator[Route]:
    """Every route, each list with its export."""
    for route in routes:
        yield route
        if is_list(route):
            yield export_of(route)


def is_list(route: Route) -> bool:
    """Whether it answers a page of a list."""
    return route.is_read and route.answers is not None and issubclass(route.answers, Page)


def export_of(route: Route) -> Route:
    """The route that answers a list as CSV, to whoever may read the list."""

    def export(call: Call[None, ExportQuery], **path_values: Any) -> Answer:
        return _answer(replace(call, route=route), path_values, call.query)

    export.__name__ = f"{route.handler.__name__}_csv"
    export.__doc__ = f"{route.description}\n\nThe whole list, as CSV."
    return replace(
        route,
        path=route.path + ENDING,
        handler=export,
        summary=f"{route.summary} as CSV",
        query=_query_of(route.query),
        answers=None,
        media_type=MEDIA_TYPE,
    )


def item_of(route: Route) -> type[BaseModel]:
    """What a list's items are."""
    (item,) = get_args(cast("type[Page[Any]]", route.answers).model_fields["items"].annotation)
    return cast("type[BaseModel]", item)


def _query_of(model: type[Query] | None) -> type[ExportQuery]:
    """The list's filters, and how the file is written."""
    if model is None:
        return ExportQuery
    fields: dict[str, Any] = {
        name: (field.annotation, field)
        for name, field in model.model_fields.items()
        if name not in PageQuery.model_fields
    }
    made = create_model(
        f"{model.__name__}Csv", __base__=ExportQuery, __doc__=model.__doc__, **fields
    )
    return cast("type[ExportQuery]", made)


def whole_list(
    call: Call[None, Any], path_values: Mapping[str, Any], filters: Mapping[str, Any]
) -> Iterator[Any]:
    """Every item of the list that a call's route answers, read page by page."""
    model, cursor = call.route.query, None
    while True:
        if model is not None and issubclass(model, PageQuery):
            query: Query | None = model.model_construct(**filters, limit=AT_ONCE, cursor=cursor)
        else:
            query = model.model_construct(**filters) if model else None
        given = call.route.handler(replace(call, query=query), **path_values)
        page = cast("Page[Any]", given.reply if isinstance(given, Answer) else given)
        yield from page.items
        cursor = page.next
        if cursor is None:
            return


def _answer(call: Call[None, Any], path_values: dict[str, Any], asked: ExportQuery) -> Answer:
    filters = {name: getattr(asked, name) for name in asked.model_fields_set - OWN}
    items = whole_list(call, path_values, filters)
    first = list(islice(items, 1))  # what is refused is refused before anything is sent
    sent: Iterable[bytes] = pieces(
        item_of(call.route),
        chain(first, items),
        separator=asked.separator,
        byte_order_mark=asked.bom,
    )
    if call.past is not None and not call.past.is_whole:
        sent = list(sent)  # one person's rows are there for as long as this call
    name = call.route.path.rpartition("/")[2] + ENDING
    return Answer(
        content=Content(f"{MEDIA_TYPE}; charset=utf-8", sent),
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
