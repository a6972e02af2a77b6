"""What the sandbox's books hold: sheets, each with all the state of one thing under one key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from ledger.errors import LedgerError


class BooksUnreachable(LedgerError):
    """The sandbox's books could not be reached; what was asked may have been done."""

    code = "sandbox_unreachable"


class KeyClaimed(LedgerError):
    """The key {key} belongs to another sheet of the sandbox."""

    code = "sandbox_key_claimed"


class NoSheet(LedgerError):
    """The sandbox has no sheet {key}."""

    code = "sandbox_no_sheet"


class SheetMoved(LedgerError):
    """Another process wrote the sandbox's sheets that this batch was about to write."""

    code = "sandbox_sheet_moved"


@dataclass(frozen=True, slots=True)
class Sheet:
    """All the state of one customer, setup or payment, under its idempotency key.

    `span` holds the first and the last instant at which anything happens on it, if it does; the
    last may lie in the future. `version` counts its changes from 1.
    """

    key: UUID
    state: Mapping[str, Any]
    span: tuple[datetime, datetime] | None = None
    version: int = 1

    def changed(self, state: Mapping[str, Any], span: tuple[datetime, datetime] | None) -> Sheet:
        """The next version of the sheet."""
        return replace(self, state=state, span=span, version=self.version + 1)


Change = Callable[[Sheet], Sheet]
"""Makes the next version of a sheet, or gives back the same one to leave it alone."""
