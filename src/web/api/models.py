"""What requests and answers are made of."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from ledger.errors import LedgerError
from ledger.money import Money

LARGEST_PAGE = 200
Item = TypeVar("Item")
RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


class Body(BaseModel):
    """A request body: strict types, and no field that isn't declared."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class Query(Body):
    """The query of a request. A field that is a list may be repeated; no other may."""


class Reply(BaseModel):
    """An answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PageQuery(Query):
    """The query of a list: add the filters as fields."""

    cursor: str | None = Field(default=None, max_length=8000, description="`next` of a page")
    limit: int = Field(default=50, ge=1, le=LARGEST_PAGE)


class Page(Reply, Generic[Item]):
    """Some items of a list, and where the others begin."""

    items: list[Item]
    next: str | None = Field(
        default=None, description="send it as `cursor` for what follows; null at the end"
    )


def _sayable_money(value: Any, handler: ValidatorFunctionWrapHandler) -> Money:
    # A refusal of the books would end the validation; as one of its faults it keeps its pointer.
    try:
        money: Money = handler(value)
    except LedgerError as refused:
        raise PydanticCustomError("unknown_currency", "This currency is not known") from refused
    return money


def _instant(value: Any) -> Any:
    """RFC 3339, with its offset, in UTC. pydantic would also take a Unix time, or no offset."""
    if not isinstance(value, str):
        return value
    try:
        if RFC_3339.fullmatch(value):
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # written right, and no day of the calendar
    raise PydanticCustomError("datetime_parsing", "Input should be an instant")


MoneyField = Annotated[Money, WrapValidator(_sayable_money)]
"""`{"minor": 1200, "currency": "EUR"}`."""

InstantField = Annotated[AwareDatetime, BeforeValidator(_instant)]
"""An instant with its offset, as in RFC 3339; read as UTC."""


class PastQuery(Query):
    """The moment to read as of; the present, unless told. The future is refused."""

    as_of: InstantField | None = Field(
        default=None, description="what was true then; what `known_at` names, unless told"
    )
    known_at: InstantField | None = Field(
        default=None, description="from what the ledger knew then; from all it knows, unless told"
    )
