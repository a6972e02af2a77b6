"""Backups: the books in one folder, the vault in another, and what is derived in none.

Rows are copied out through the driver, by table, in one snapshot. That needs no client programs and
none of a fitting version, works with any server that can be reached, and lets us choose by table:

- facts, claims and commands stand as they are: whatever is personal in them is sealed or hashed;
- operational tables (sessions, mails, inboxes, the sandbox's books) are encrypted with a key
  derived from the master key; if none is given, they are left out, by name;
- views are left out: they are rebuilt;
- the vault is a backup of its own, for another place. Take it after the books, so that it holds the
  keys of all of their persons. A key that was destroyed since comes back with an older vault and is
  destroyed again by the restore, if its books name the erasure.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Literal, LiteralString

import psycopg
from psycopg import sql

from ledger.errors import LedgerError
from ledger.store.backup_files import Manifest, Seal, TableFile, write_rows
from ledger.store.pool import connect

PLAIN = frozenset({"ledger.facts", "ledger.claims", "ledger.commands"})
PLAIN_SCHEMAS = frozenset({"audit"})
"""Hashes and signatures of facts: nothing personal."""
VAULT_SCHEMA = "vault"
DERIVED_SCHEMA = "views"
REGISTER = "ledger.schema_files"

SNAPSHOT = "set transaction isolation level repeatable read, read only"
TABLES = """
select namespace.nspname, class.relname,
       array(select attname::text from pg_attribute
              where attrelid = class.oid and attnum > 0 and not attisdropped
                and attgenerated = '' order by attnum)
  from pg_class class join pg_namespace namespace on namespace.oid = class.relnamespace
 where class.relkind = 'r' and class.relpersistence = 'p'
   and namespace.nspname !~ '^pg_' and namespace.nspname <> 'information_schema'
 order by 1, 2
"""
REFERENCES = """
select conrelid::regclass::text, confrelid::regclass::text from pg_constraint
 where contype = 'f' and conrelid <> confrelid
"""
SEQUENCES = """
select format('%%I.%%I', schemaname, sequencename), last_value from pg_sequences
 where last_value is not null and schemaname = any (%(schemas)s) order by 1
"""
SCHEMA = "select name, checksum from ledger.schema_files order by number"
COPY_OUT = "copy {table} ({columns}) to stdout"


class FolderTaken(LedgerError):
    """The folder {folder} exists already; a backup is never written over another."""

    code = "folder_taken"


def backup(
    dsn: str, folder: Path, *, vault: bool = False, master_key: bytes | None = None
) -> Manifest:
    """Write the books (or, with `vault`, the keys and nothing else) to a new folder.

    The folder appears whole or not at all. With `master_key`, operational tables are in it, sealed.
    Raises FolderTaken or DatabaseUnreachable.
    """
    if folder.exists():
        raise FolderTaken(folder=folder)
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700, parents=True)
    seal = Seal(master_key) if master_key else None
    with closing(connect(dsn)) as connection, connection.transaction():
        connection.execute(SNAPSHOT)
        manifest = _copy_out(connection, unfinished, "vault" if vault else "books", seal)
    manifest.write(unfinished)
    unfinished.rename(folder)
    return manifest


def kind_of(table: str) -> Literal["plain", "vault", "derived", "register", "operational"]:
    """How a backup treats a table, by its qualified name."""
    schema = table.partition(".")[0]
    if table == REGISTER:
        return "register"
    if table in PLAIN or schema in PLAIN_SCHEMAS:
        return "plain"
    if schema == VAULT_SCHEMA:
        return "vault"
    return "derived" if schema == DERIVED_SCHEMA else "operational"


def _copy_out(
    connection: psycopg.Connection[Any], folder: Path, part: str, seal: Seal | None
) -> Manifest:
    manifest = Manifest(part, dict(connection.execute(SCHEMA).fetchall()))
    wanted = ("vault",) if part == "vault" else ("plain", "operational")
    tables = {
        table: columns
        for table, columns in _in_order(connection).items()
        if kind_of(table) in wanted
    }
    for table, columns in tables.items():
        is_sealed = kind_of(table) == "operational"
        if is_sealed and seal is None:
            manifest.left_out.append(table)
        else:
            file = _table_file(connection, folder, table, columns, seal if is_sealed else None)
            manifest.tables.append(file)
    schemas = {file.table.partition(".")[0] for file in manifest.tables}
    manifest.sequences.update(
        connection.execute(SEQUENCES, {"schemas": sorted(schemas)}).fetchall()
    )
    return manifest


def _in_order(connection: psycopg.Connection[Any]) -> dict[str, list[str]]:
    """Every table with its columns, those that others refer to first."""
    columns = {f"{schema}.{name}": names for schema, name, names in connection.execute(TABLES)}
    order = TopologicalSorter({table: set() for table in columns})
    for table, referred in connection.execute(REFERENCES):
        order.add(table, referred)
    return {table: columns[table] for table in order.static_order() if table in columns}


def _table_file(
    connection: psycopg.Connection[Any],
    folder: Path,
    table: str,
    columns: list[str],
    seal: Seal | None,
) -> TableFile:
    statement = copy_statement(COPY_OUT, table, columns)
    cursor = connection.cursor()
    digest = write_rows(folder, table, _copied(cursor, statement), seal)
    return TableFile(table, columns, cursor.rowcount, digest, seal is not None)


def _copied(cursor: psycopg.Cursor[Any], statement: sql.Composed) -> Iterator[bytes]:
    with cursor.copy(statement) as copy:
        yield from map(bytes, copy)


def copy_statement(statement: LiteralString, table: str, columns: list[str]) -> sql.Composed:
    """COPY of a table by its qualified name."""
    return sql.SQL(statement).format(
        table=sql.Identifier(*table.split(".")),
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
    )
