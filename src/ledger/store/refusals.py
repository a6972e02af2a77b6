"""What the store refuses, and what it can't do."""

from __future__ import annotations

from typing import cast
from uuid import UUID

import psycopg
from eventsourcing.persistence import InterfaceError, OperationalError

from ledger.errors import Conflict, LedgerError

AWAY = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
"""The database can't be reached; anything else that it says is about what was asked."""


class ClaimTaken(Conflict):
    """This {kind} belongs to someone else already."""

    code = "claim_taken"

    @property
    def kind(self) -> str:
        """What was claimed."""
        return cast("str", self.details["kind"])

    @property
    def owner(self) -> UUID:
        """Whose it is."""
        return cast("UUID", self.details["owner"])


class StreamMoved(Conflict):
    """What this decision relied on has changed since (stream {stream_id}); please try again."""

    code = "stream_moved"

    @property
    def stream_id(self) -> UUID:
        """The stream that has grown."""
        return cast("UUID", self.details["stream_id"])


class CommandRepeated(Conflict):
    """This command was carried out before; its first fact is at position {position}."""

    code = "command_repeated"

    @property
    def position(self) -> int:
        """The first position of the first time."""
        return cast("int", self.details["position"])


class DatabaseUnreachable(LedgerError):
    """The database at {where} can't be reached: {why}."""

    code = "database_unreachable"


class ServerTooOld(LedgerError):
    """The database server is PostgreSQL {found}; the ledger needs {needed} or newer."""

    code = "server_too_old"


class SchemaTooNew(LedgerError):
    """The database was upgraded by a newer ledger (schema {found}; this one knows {known})."""

    code = "schema_too_new"


class SchemaAltered(LedgerError):
    """The schema file {name} is not the one that was applied to this database."""

    code = "schema_altered"
