"""`ledger export`, as typed at a terminal."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ledger.audit.export import LineUnwritable, opened_lines, sealed_lines
from ledger.store.recorder import FactRecorder
from tests.projections.books import MASTER_KEY, Books, opened
from web.cli.main import main


@pytest.fixture
def books(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Books]:
    monkeypatch.setenv("LEDGER_DATABASE_URL", database)
    monkeypatch.setenv("LEDGER_MASTER_KEY", base64.b64encode(MASTER_KEY).decode())
    with opened(database) as books:
        books.tell(1, 40)
        yield books


def typed(*words: str) -> Result:
    return CliRunner().invoke(main, ["export", *words], catch_exceptions=False)


def test_the_books_are_written_line_by_line(books: Books) -> None:
    written = typed().stdout_bytes
    assert written.splitlines() == list(sealed_lines(books.recorder))
    assert typed("--from", "9").stdout_bytes.splitlines() == written.splitlines()[8:]
    assert b"Example.org" not in written


def test_the_owner_of_the_machine_reads_them_opened(books: Books) -> None:
    written = typed("--opened").stdout_bytes
    assert written.splitlines() == list(opened_lines(books.recorder, books.mapper))
    assert b"Example.org" in written


def test_a_file_is_new_and_nobody_elses(books: Books, tmp_path: Path) -> None:
    target = tmp_path / "books.ndjson"
    said = typed("--to", str(target))
    lines = target.read_bytes().splitlines()
    assert said.stdout == f"{target}: {len(lines)} facts.\n"
    assert json.loads(lines[-1])["position"] == len(lines)
    assert target.stat().st_mode & 0o777 == 0o600
    again = typed("--to", str(target))
    assert (again.exit_code, again.output) == (1, f"Error: {target} is there already.\n")
    assert target.read_bytes().splitlines() == lines
    assert [path.name for path in tmp_path.iterdir()] == ["books.ndjson"]


def test_a_file_that_did_not_become_whole_is_not_there(
    books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: FactRecorder) -> Iterator[bytes]:
        yield from list(sealed_lines(books.recorder))[:3]
        raise LineUnwritable(position=4)

    nowhere = typed("--to", str(tmp_path / "no" / "books.ndjson"))
    monkeypatch.setattr("ledger.audit.export.sealed_lines", lambda recorder, **_: broken(recorder))
    halfway = typed("--to", str(tmp_path / "books.ndjson"))
    assert (nowhere.exit_code, halfway.exit_code) == (1, 1)
    assert "No such file" in nowhere.output
    assert "position 4" in halfway.output
    assert list(tmp_path.iterdir()) == []
