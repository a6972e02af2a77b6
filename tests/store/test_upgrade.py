"""Tables are made once, in order, by whoever comes first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from ledger.store import pool
from ledger.store.pool import open_pool
from ledger.store.refusals import DatabaseUnreachable, SchemaAltered, SchemaTooNew, ServerTooOld
from ledger.store.upgrade import SchemaFile, schema_files, upgrade

FIRST = SchemaFile(1, "001_first.sql", b"create table ledger.one (a int); select 100 % 7;")
SECOND = SchemaFile(2, "002_second.sql", b"insert into ledger.one values (2)")
WRONG = SchemaFile(3, "003_wrong.sql", b"insert into ledger.one values (3); insert into nowhere")
LATER = SchemaFile(100, "100_later.sql", b"insert into ledger.one values (100)")


def numbers(dsn: str) -> list[int]:
    """What the files did, in order."""
    with psycopg.connect(dsn) as connection:
        return [row[0] for row in connection.execute("select a from ledger.one order by ctid")]


def test_files_are_applied_in_order_and_once(empty_database: str) -> None:
    assert upgrade(empty_database, [FIRST, SECOND]) == ["001_first.sql", "002_second.sql"]
    assert upgrade(empty_database, [FIRST, SECOND]) == []
    assert numbers(empty_database) == [2]


def test_only_what_is_missing_is_applied(empty_database: str) -> None:
    upgrade(empty_database, [FIRST, LATER])
    assert upgrade(empty_database, [FIRST, SECOND, LATER]) == ["002_second.sql"]
    assert numbers(empty_database) == [100, 2]


def test_the_products_own_files_make_a_ledger(empty_database: str) -> None:
    names = [file.name for file in schema_files()]
    assert names == sorted(names)
    assert upgrade(empty_database) == names
    assert upgrade(empty_database) == []


def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    for name in ("010_b.sql", "002_a.sql", "100_c.sql", "README"):
        (tmp_path / name).write_text("select 1")
    assert [file.number for file in schema_files(tmp_path)] == [2, 10, 100]


def test_processes_that_boot_together_make_it_once(empty_database: str) -> None:
    with ThreadPoolExecutor(4) as executor:
        applied = list(executor.map(upgrade, [empty_database] * 4))
    assert sorted(applied, key=len) == [[], [], [], [file.name for file in schema_files()]]


def test_a_file_that_fails_takes_the_others_back(empty_database: str) -> None:
    upgrade(empty_database, [FIRST])
    with pytest.raises(psycopg.errors.SyntaxError):
        upgrade(empty_database, [FIRST, SECOND, WRONG])
    assert numbers(empty_database) == []
    assert upgrade(empty_database, [FIRST, SECOND]) == ["002_second.sql"]


def test_a_file_that_was_changed_afterwards_is_refused(empty_database: str) -> None:
    upgrade(empty_database, [FIRST])
    changed = SchemaFile(1, "001_first.sql", FIRST.statements + b" ")
    with pytest.raises(SchemaAltered, match=r"001_first\.sql is not the one"):
        upgrade(empty_database, [changed, SECOND])
    assert numbers(empty_database) == []


def test_a_database_of_a_newer_program_is_refused(empty_database: str) -> None:
    upgrade(empty_database, [FIRST, SECOND])
    with pytest.raises(SchemaTooNew, match=r"002_second\.sql; this one knows 001_first\.sql"):
        upgrade(empty_database, [FIRST])


def test_an_old_server_is_refused(empty_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "OLDEST_SERVER", 99)
    with pytest.raises(ServerTooOld, match="the ledger needs 99 or newer"):
        upgrade(empty_database, [FIRST])
    with pytest.raises(ServerTooOld):
        open_pool(empty_database)


def test_an_unreachable_database_is_named_without_its_password(tmp_path: Path) -> None:
    dsn = f"host={tmp_path} port=5433 dbname=books user=me password=secret"
    for ask in (upgrade, open_pool):
        with pytest.raises(DatabaseUnreachable) as refusal:
            ask(dsn)
        assert f"{tmp_path}:5433/books" in str(refusal.value)
        assert "secret" not in str(refusal.value)
