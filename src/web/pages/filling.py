"""What the pages' forms have in common: queries that bear strangers, faults beside their field."""

from __future__ import annotations

from typing import TypedDict, TypeVar

from pydantic import ConfigDict

from ledger.errors import LedgerError
from ledger.facts import Actor, Cause
from web.api.models import Query
from web.pages.forms import Filled, actor, cause
from web.pages.frame import reason
from web.problems import FieldFault, Problem


class Signed(TypedDict):
    """Who and why, of a command that a page sends to the books."""

    by: Actor
    cause: Cause


def signed() -> Signed:
    """Whoever is signed in here, and the form at hand."""
    return {"by": actor(), "cause": cause()}


Model = TypeVar("Model", bound=Query)
CENTURY = 100
LONGEST_TYPED = 1000
"""Characters of a password or token that are read at all."""


class Args(Query):
    """The query of a page: a parameter that isn't ours, such as a campaign's, does no harm."""

    model_config = ConfigDict(extra="ignore")


class CardForm(Query):
    """A payment card as typed; kept nowhere, and given to the gateway alone."""

    card_number: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    cvc: str | None = None

    @property
    def full_year(self) -> int:
        """The year of expiry with its century."""
        year = self.exp_year or 0
        return year + 2000 if 0 < year < CENTURY else year


def blame(form: Filled[Model], error: LedgerError | Problem) -> tuple[Filled[Model], str]:
    """The form with a refusal beside the field at fault; or the refusal as a sentence of its own
    where no field of the form is.
    """
    for pointer, code in _pointers(error):
        name = pointer.strip("/")
        if form.value is not None and name in type(form.value).model_fields:
            fault = FieldFault(pointer=pointer, code=code, detail=reason(error))
            return Filled(form.given, faults={name: fault}), ""
    return form, reason(error)


def _pointers(error: LedgerError | Problem) -> list[tuple[str, str]]:
    if isinstance(error, LedgerError):
        return [(error.pointer, error.code)] if error.pointer else []
    return [(fault.pointer, fault.code) for fault in error.errors if fault.pointer]
