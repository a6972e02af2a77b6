"""Bringing backups back, into an empty database only."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from ledger.errors import LedgerError
from ledger.store.backup import copy_statement
from ledger.store.backup_files import BackupDamaged, Manifest, Seal, read_rows, require_intact
from ledger.store.pool import connect
from ledger.store.refusals import SchemaAltered, SchemaTooNew
from ledger.store.upgrade import SchemaFile, schema_files, upgrade, upgrade_within

TABLES_THERE = """
select count(*) from pg_class join pg_namespace on pg_namespace.oid = relnamespace
 where relkind in ('r', 'p', 'v', 'm', 'S')
   and nspname !~ '^pg_' and nspname <> 'information_schema'
"""
IS_FILLED = "select exists (select from {table})"
CLEAR = "delete from {table}"
COPY_IN = "copy {table} ({columns}) from stdin"
SET_SEQUENCE = "select setval(%(name)s::regclass, %(value)s)"
DESTROY_AGAIN = """
insert into vault.keys (subject_id, wrapped)
select distinct subject_id, ''::bytea from ledger.facts
 where topic = 'member.erased' and subject_id is not null
on conflict (subject_id) do update set wrapped = '' where vault.keys.wrapped <> ''
"""
UNREADABLE = """
select count(distinct subject_id) from ledger.facts
 where subject_id is not null
   and not exists (select from vault.keys where keys.subject_id = facts.subject_id)
"""


class DatabaseNotEmpty(LedgerError):
    """A backup is restored into an empty database only; this one has {found} tables."""

    code = "database_not_empty"


class WrongPart(LedgerError):
    """The folder {folder} holds a backup of the {found}; one of the {needed} was expected."""

    code = "wrong_part"


@dataclass(frozen=True)
class Restored:
    """What came back."""

    rows: dict[str, int]
    keys_destroyed_again: int
    subjects_without_key: int
    """Persons whose fields stay unreadable: the vault was not restored, or is older."""
    left_out: list[str]
    """Operational tables that begin empty: not in the backup, or no master key was given."""


def restore(
    dsn: str, books: Path, *, vault: Path | None = None, master_key: bytes | None = None
) -> Restored:
    """Restore the books, and the vault if given, whole or not at all; then upgrade the schema.

    Every file is checked against the manifest first. A key whose person's erasure the books tell is
    destroyed again before anything is served.
    Raises DatabaseNotEmpty, WrongPart, BackupDamaged, SchemaTooNew, SchemaAltered.
    """
    parts = [(books, _manifest(books, "books"))]
    if vault is not None:
        parts.append((vault, _manifest(vault, "vault")))
    seal = Seal(master_key) if master_key else None
    with closing(connect(dsn)) as connection, connection.transaction():
        [found] = connection.execute(TABLES_THERE).fetchone() or (0,)
        if found:
            raise DatabaseNotEmpty(found=found)
        upgrade_within(connection, _files_of(parts))
        restored = _load(connection, parts, seal)
    upgrade(dsn)
    return restored


def _manifest(folder: Path, part: str) -> Manifest:
    manifest = Manifest.read(folder)
    if manifest.part != part:
        raise WrongPart(folder=folder, found=manifest.part, needed=part)
    for table in manifest.tables:
        require_intact(folder, table)
    return manifest


def _files_of(parts: list[tuple[Path, Manifest]]) -> list[SchemaFile]:
    """The schema the backup was taken of: later files are applied to its rows, not before them."""
    known = {file.name: file for file in schema_files()}
    wanted = {name: checksum for _, manifest in parts for name, checksum in manifest.schema.items()}
    for name, checksum in wanted.items():
        if name not in known:
            raise SchemaTooNew(found=name, known=max(known))
        if known[name].checksum != checksum:
            raise SchemaAltered(name=name)
    return [file for name, file in known.items() if name in wanted]


def _make_way(connection: psycopg.Connection[Any], table: str) -> None:
    """Take out what the schema's own files have put in: the backup has it as it was."""
    parts = {"table": sql.Identifier(*table.split("."))}
    [is_filled] = connection.execute(sql.SQL(IS_FILLED).format(**parts)).fetchone() or (False,)
    if is_filled:
        connection.execute(sql.SQL(CLEAR).format(**parts))


def _load(
    connection: psycopg.Connection[Any], parts: list[tuple[Path, Manifest]], seal: Seal | None
) -> Restored:
    rows: dict[str, int] = {}
    left_out: list[str] = []
    for folder, manifest in parts:
        left_out += manifest.left_out
        for table in manifest.tables:
            if table.is_sealed and seal is None:
                left_out.append(table.table)
                continue
            cursor = connection.cursor()
            _make_way(connection, table.table)
            with cursor.copy(copy_statement(COPY_IN, table.table, table.columns)) as copy:
                for piece in read_rows(folder, table, seal):
                    copy.write(piece)
            if cursor.rowcount != table.rows:
                raise BackupDamaged(name=table.table, why=f"{cursor.rowcount} rows were read")
            rows[table.table] = cursor.rowcount
        for name, value in manifest.sequences.items():
            connection.execute(SET_SEQUENCE, {"name": name, "value": value})
    destroyed = connection.execute(DESTROY_AGAIN).rowcount
    [unreadable] = connection.execute(UNREADABLE).fetchone() or (0,)
    return Restored(rows, destroyed, unreadable, left_out)
