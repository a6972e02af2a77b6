"""Cursors: where the next page of a list begins, unreadable and bound to that list."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from web.identity.seals import SealBroken, Seals
from web.problems import Problem, parameter_fault

Place = list[str | int | None]
"""The sort keys of the last row, then its id."""


class Cursors:
    """Writes and reads cursors.

    They are sealed: a sort key may be a name, and addresses end up in logs.
    """

    def __init__(self, seals: Seals) -> None:
        self._seals = seals

    def write(self, scope: str, place: Place) -> str:
        """The cursor after this place, for this list with these filters only."""
        sealed = self._seals.seal(place, purpose=f"cursor {scope}")
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def read(self, scope: str, cursor: str) -> Place:
        """The place; a 422 naming `cursor` when it was altered or belongs to another list."""
        try:
            sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
            place: Any = self._seals.open(sealed, purpose=f"cursor {scope}")
        except (binascii.Error, ValueError, SealBroken) as broken:
            raise _unusable() from broken
        return list(place)


def _unusable() -> Problem:
    return parameter_fault(
        "cursor", "cursor_invalid", "This cursor is not one of this list with these filters."
    )
