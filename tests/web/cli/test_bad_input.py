"""What nobody should type: a sentence and exit code 1, never a traceback."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.projections.books import MASTER_KEY
from web.cli.main import main

UNKNOWN = "00000000-0000-0000-0000-000000000000"
NOT_TEXT = "\udcff\udcfe@example.org"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["history", ""], "There is no member"),
        (["history", UNKNOWN], "There is no member"),
        (["history", NOT_TEXT], "not valid text"),
        (["team", "add", "nomail", "--name", "X", "--role", "auditor"], "not an e-mail address"),
        (["team", "add", "a@b.org", "--name", "", "--role", "auditor"], "always has a name"),
        (["team", "remove", "nobody@example.org"], "Nobody on the staff"),
        (["team", "reset"], "no owner yet"),
        (["db", "backup", "."], "exists already"),
        (["db", "backup", "/proc/nowhere"], "No such file or directory"),
        (["db", "restore", "."], "manifest"),
    ],
)
def test_a_mistake_is_answered_with_a_sentence(
    words: list[str],
    sentence: str,
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEDGER_DATABASE_URL", database)
    monkeypatch.setenv("LEDGER_MASTER_KEY", base64.b64encode(MASTER_KEY).decode())
    answer = CliRunner().invoke(main, words)
    assert answer.exit_code == 1
    assert isinstance(answer.exception, SystemExit)
    assert sentence in answer.stderr
