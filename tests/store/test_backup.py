"""What was saved comes back, whole or not at all, and what was erased does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from uuid import UUID, uuid4

import psycopg
import pytest

from ledger.store.backup import FolderTaken, backup, kind_of
from ledger.store.backup_files import BackupDamaged, Manifest
from ledger.store.recorder import FactRecorder
from ledger.store.records import Claim, SubjectKey
from ledger.store.refusals import SchemaAltered, SchemaTooNew
from ledger.store.restore import DatabaseNotEmpty, WrongPart, restore
from ledger.store.upgrade import schema_files, upgrade
from tests.store.books import MEMBER, facts, opened

MASTER = b"m" * 32
SECRET = "someone@example.org"
SANDBOX = """
insert into sandbox.sheets values
    ('00000000-0000-0000-0000-000000000001', '{"email":"someone@example.org"}', null, null, 1);
insert into sandbox.claims values
    ('00000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-000000000001');
create schema views;
create table views.members (name text);
insert into views.members values ('someone@example.org');
"""
EVERYTHING = """
select (select jsonb_agg(facts order by position) from ledger.facts),
       (select jsonb_agg(claims) from ledger.claims),
       (select jsonb_agg(commands) from ledger.commands),
       (select jsonb_agg(sheets) from sandbox.sheets),
       (select jsonb_agg(claims) from sandbox.claims)
"""
KEYS = "select subject_id, wrapped from vault.keys order by 1"


@pytest.fixture
def recorder(database: str) -> Iterator[FactRecorder]:
    """A recorder on a database in which something has happened."""
    with opened(database, max_size=2) as recorder:
        email = Claim("email", b"hash of an address", MEMBER)
        recorder.insert_events(
            facts(3), claims=[email], keys=[SubjectKey(MEMBER, b"wrapped key")], command=uuid4()
        )
        recorder.insert_events(facts(subject_id=None))
        with psycopg.connect(database) as connection:
            connection.execute(SANDBOX)
        yield recorder


def everything(dsn: str) -> object:
    """Every row of the books and of an operational schema."""
    with psycopg.connect(dsn) as connection:
        return connection.execute(EVERYTHING).fetchone()


def keys(dsn: str) -> dict[UUID, bytes]:
    """The vault."""
    with psycopg.connect(dsn) as connection:
        return dict(connection.execute(KEYS).fetchall())


def written(folder: Path) -> bytes:
    """All bytes of a backup."""
    return b"".join(file.read_bytes() for file in sorted(folder.iterdir()))


def test_books_and_vault_come_back(
    recorder: FactRecorder, database: str, empty_database: str, tmp_path: Path
) -> None:
    backup(database, tmp_path / "books", master_key=MASTER)
    backup(database, tmp_path / "vault", vault=True)
    restored = restore(
        empty_database, tmp_path / "books", vault=tmp_path / "vault", master_key=MASTER
    )
    assert everything(empty_database) == everything(database)
    assert keys(empty_database) == keys(database) == {MEMBER: b"wrapped key"}
    assert restored.rows["ledger.facts"] == 4
    assert (restored.subjects_without_key, restored.left_out) == (0, [])
    with opened(empty_database) as again:
        assert again.horizon() == 4
        assert again.insert_events(facts(2)) == [5, 6]
        assert again.read(0, 100)[:4] == recorder.read(0, 100)


def test_the_vault_is_in_no_backup_but_its_own(
    recorder: FactRecorder, database: str, empty_database: str, tmp_path: Path
) -> None:
    backup(database, tmp_path / "books")
    backup(database, tmp_path / "vault", vault=True)
    assert b"wrapped key".hex().encode() not in written(tmp_path / "books")
    assert b"wrapped key".hex().encode() in written(tmp_path / "vault")
    restored = restore(empty_database, tmp_path / "books")
    assert restored.subjects_without_key == 1
    assert keys(empty_database) == {}


def test_derived_tables_are_left_out(
    recorder: FactRecorder, database: str, empty_database: str, tmp_path: Path
) -> None:
    manifest = backup(database, tmp_path / "books", master_key=MASTER)
    assert not [table for table in manifest.tables if table.table.startswith("views.")]
    restore(empty_database, tmp_path / "books")
    with psycopg.connect(empty_database) as connection:
        assert connection.execute("select to_regclass('views.members')").fetchone() == (None,)


def test_operational_tables_are_sealed(
    recorder: FactRecorder, database: str, tmp_path: Path
) -> None:
    manifest = backup(database, tmp_path / "books", master_key=MASTER)
    sealed = [table.table for table in manifest.tables if table.is_sealed]
    assert {"sandbox.sheets", "web.sessions", "web.mails"} <= set(sealed)
    assert SECRET.encode() not in written(tmp_path / "books")


def test_without_a_master_key_they_are_left_out_by_name(
    recorder: FactRecorder, database: str, empty_database: str, tmp_path: Path
) -> None:
    manifest = backup(database, tmp_path / "books")
    assert {"sandbox.sheets", "sandbox.claims", "web.mails"} <= set(manifest.left_out)
    assert SECRET.encode() not in written(tmp_path / "books")
    assert "sandbox.sheets" in restore(empty_database, tmp_path / "books").left_out


def test_sealed_tables_without_their_key_begin_empty(
    recorder: FactRecorder, database: str, empty_database: str, tmp_path: Path
) -> None:
    backup(database, tmp_path / "books", master_key=MASTER)
    restored = restore(empty_database, tmp_path / "books")
    assert "sandbox.sheets" in restored.left_out
    assert "sandbox.sheets" not in restored.rows


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        ("ledger.facts", "plain"),
        ("audit.leaves", "plain"),
        ("ledger.schema_files", "register"),
        ("ledger.inbox", "operational"),
        ("web.sessions", "operational"),
        ("vault.keys", "vault"),
        ("views.members", "derived"),
    ],
)
def test_what_nobody_declared_harmless_is_sealed(table: str, kind: str) -> None:
    assert kind_of(table) == kind


def test_an_erased_person_stays_erased(  # part of AU5
    recorder: FactRecorder, database: str, empty_database: str, tmp_path: Path
) -> None:
    backup(database, tmp_path / "old vault", vault=True)
    recorder.insert_events(facts(topic="member.erased"))
    recorder.insert_events(facts(topic="member.erased", subject_id=UUID(int=9)))
    backup(database, tmp_path / "books")
    restored = restore(empty_database, tmp_path / "books", vault=tmp_path / "old vault")
    assert restored.keys_destroyed_again == 2
    assert keys(empty_database) == {MEMBER: b"", UUID(int=9): b""}


def test_only_an_empty_database_is_restored_into(
    recorder: FactRecorder, database: str, tmp_path: Path
) -> None:
    backup(database, tmp_path / "books")
    before = everything(database)
    with pytest.raises(DatabaseNotEmpty, match="this one has"):
        restore(database, tmp_path / "books")
    assert everything(database) == before


def test_a_backup_is_never_written_over_another(
    recorder: FactRecorder, database: str, tmp_path: Path
) -> None:
    backup(database, tmp_path / "books")
    before = written(tmp_path / "books")
    with pytest.raises(FolderTaken, match="books exists already"):
        backup(database, tmp_path / "books")
    assert written(tmp_path / "books") == before


def test_only_the_owner_may_read_it(recorder: FactRecorder, database: str, tmp_path: Path) -> None:
    backup(database, tmp_path / "vault", vault=True)
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "vault").iterdir()}
    assert modes == {0o600}
    assert (tmp_path / "vault").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["manifest.json", "ledger.facts.copy", "sandbox.sheets.copy"])
@pytest.mark.parametrize("harm", ["removed", "cut short", "altered"])
def test_a_damaged_backup_is_refused_and_nothing_comes_back(
    recorder: FactRecorder,
    database: str,
    empty_database: str,
    tmp_path: Path,
    name: str,
    harm: str,
) -> None:
    backup(database, tmp_path / "books", master_key=MASTER)
    file = tmp_path / "books" / name
    content = file.read_bytes()
    if harm == "removed":
        file.unlink()
    else:
        file.write_bytes(content[:-1] if harm == "cut short" else b"?" + content[1:])
    with pytest.raises(BackupDamaged):
        restore(empty_database, tmp_path / "books", master_key=MASTER)
    _is_still_empty(empty_database)


def test_rows_that_are_not_those_of_the_manifest_are_refused(
    recorder: FactRecorder, database: str, empty_database: str, tmp_path: Path
) -> None:
    backup(database, tmp_path / "books")
    manifest = tmp_path / "books" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"rows": 4', '"rows": 5'))
    with pytest.raises(BackupDamaged, match="4 rows were read"):
        restore(empty_database, tmp_path / "books")
    _is_still_empty(empty_database)


def test_another_master_key_opens_nothing(
    recorder: FactRecorder, database: str, empty_database: str, tmp_path: Path
) -> None:
    backup(database, tmp_path / "books", master_key=MASTER)
    with pytest.raises(BackupDamaged, match="does not open with this key"):
        restore(empty_database, tmp_path / "books", master_key=b"n" * 32)
    _is_still_empty(empty_database)


def test_books_are_not_taken_for_a_vault(
    recorder: FactRecorder, database: str, empty_database: str, tmp_path: Path
) -> None:
    backup(database, tmp_path / "books")
    backup(database, tmp_path / "vault", vault=True)
    with pytest.raises(WrongPart, match="backup of the vault"):
        restore(empty_database, tmp_path / "vault")
    with pytest.raises(WrongPart, match="backup of the books"):
        restore(empty_database, tmp_path / "books", vault=tmp_path / "books")


def test_an_older_backup_is_upgraded_after_its_rows_are_back(
    empty_database: str, database: str, tmp_path: Path
) -> None:
    known = schema_files()
    _empty(database)
    upgrade(database, known[:-1])
    with opened(database) as recorder:
        recorder.insert_events(facts(2))
    backup(database, tmp_path / "books")
    restore(empty_database, tmp_path / "books")
    assert upgrade(empty_database) == []
    with opened(empty_database) as again:
        assert again.horizon() == 2


@pytest.mark.parametrize(
    ("name", "checksum", "refusal"),
    [("999_later.sql", "00", SchemaTooNew), ("001_books.sql", "00", SchemaAltered)],
)
def test_a_backup_of_another_schema_is_refused(
    recorder: FactRecorder,
    database: str,
    empty_database: str,
    tmp_path: Path,
    name: str,
    checksum: str,
    refusal: type[Exception],
) -> None:
    backup(database, tmp_path / "books")
    manifest = tmp_path / "books" / "manifest.json"
    content = json.loads(manifest.read_text())
    content["schema"][name] = checksum
    manifest.write_text(json.dumps(content))
    with pytest.raises(refusal):
        restore(empty_database, tmp_path / "books")
    _is_still_empty(empty_database)


def test_an_unknown_format_is_refused(
    recorder: FactRecorder, database: str, tmp_path: Path
) -> None:
    backup(database, tmp_path / "books")
    manifest = tmp_path / "books" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(BackupDamaged, match="format 2 is unknown"):
        Manifest.read(tmp_path / "books")


def test_saves_go_on_during_a_backup_which_is_of_one_instant(
    recorder: FactRecorder, database: str, empty_database: str, tmp_path: Path
) -> None:
    is_over = Event()

    def keep_saving() -> None:
        while not is_over.is_set():
            recorder.insert_events(facts(2), command=uuid4())

    saver = Thread(target=keep_saving)
    saver.start()
    backup(database, tmp_path / "books")
    is_over.set()
    saver.join()
    rows = restore(empty_database, tmp_path / "books").rows
    assert rows["ledger.facts"] - 4 == 2 * (rows["ledger.commands"] - 1)


def test_an_unfinished_backup_is_not_taken_for_one(
    recorder: FactRecorder, database: str, tmp_path: Path
) -> None:
    (tmp_path / "books.unfinished").mkdir()
    (tmp_path / "books.unfinished" / "ledger.facts.copy").write_text("half")
    with pytest.raises(BackupDamaged):
        Manifest.read(tmp_path / "books.unfinished")
    backup(database, tmp_path / "books")
    assert not (tmp_path / "books.unfinished").exists()


def _is_still_empty(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        assert connection.execute("select to_regnamespace('ledger')").fetchone() == (None,)


def _empty(dsn: str) -> None:
    with closing(psycopg.connect(dsn, autocommit=True)) as connection:
        connection.execute("drop schema ledger, vault, web, sandbox, inbox cascade")
