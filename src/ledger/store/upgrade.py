"""The schema: numbered SQL files, applied in order, once, forward only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import psycopg

from ledger.store.pool import connect
from ledger.store.refusals import SchemaAltered, SchemaTooNew

SCHEMA_LOCK = 20 << 48
"""Advisory lock of who upgrades; its class is listed in 002_append.sql."""

CREATE_REGISTER = """
create schema if not exists ledger;
create table if not exists ledger.schema_files (
    number     int         not null primary key,
    name       text        collate "C" not null,
    checksum   text        collate "C" not null,
    applied_at timestamptz not null default now()
);
"""
LOCK = "select pg_advisory_xact_lock(%(key)s)"
REGISTERED = "select number, name, checksum from ledger.schema_files order by number"
REGISTER = """
insert into ledger.schema_files (number, name, checksum)
values (%(number)s, %(name)s, %(checksum)s)
"""


@dataclass(frozen=True)
class SchemaFile:
    """One step of the schema, as `NNN_name.sql`."""

    number: int
    name: str
    statements: bytes

    @property
    def checksum(self) -> str:
        """SHA-256 of the file, in hexadecimal."""
        return hashlib.sha256(self.statements).hexdigest()


def schema_files(folder: Traversable | None = None) -> list[SchemaFile]:
    """The files of a folder (by default the product's own), in order."""
    folder = folder or files("ledger.store").joinpath("schema")
    found = [
        SchemaFile(int(entry.name.split("_")[0]), entry.name, entry.read_bytes())
        for entry in folder.iterdir()
        if entry.name.endswith(".sql")
    ]
    return sorted(found, key=lambda file: file.number)


def upgrade(dsn: str, known: list[SchemaFile] | None = None) -> list[str]:
    """Apply what is missing, in one transaction, and name it; any number may ask at once.

    Raises DatabaseUnreachable, ServerTooOld, SchemaTooNew or SchemaAltered; then nothing changed.
    """
    with connect(dsn) as connection, connection.transaction():
        return upgrade_within(connection, schema_files() if known is None else known)


def upgrade_within(connection: psycopg.Connection[Any], known: list[SchemaFile]) -> list[str]:
    """The same, within the caller's transaction."""
    connection.execute(LOCK, {"key": SCHEMA_LOCK})
    connection.execute(CREATE_REGISTER)
    missing = _missing(connection, known)
    for file in missing:
        connection.execute(file.statements)
        connection.execute(
            REGISTER, {"number": file.number, "name": file.name, "checksum": file.checksum}
        )
    return [file.name for file in missing]


def _missing(connection: psycopg.Connection[Any], known: list[SchemaFile]) -> list[SchemaFile]:
    by_number = {file.number: file for file in known}
    applied = set()
    for number, name, checksum in connection.execute(REGISTERED):
        if number not in by_number:
            raise SchemaTooNew(found=name, known=known[-1].name if known else "none")
        if by_number[number].checksum != checksum:
            raise SchemaAltered(name=name)
        applied.add(number)
    return [file for file in known if file.number not in applied]
