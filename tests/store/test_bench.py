"""The bench measures saves, and says whether a promise was kept."""

from __future__ import annotations

import json

import psycopg
import pytest

from scripts.benches.contenders import CONTENDERS, prepare
from scripts.benches.rows import Row, as_json, as_text
from scripts.benches.writers import Writers

TABLES = {
    "ledger": "select count(*) from ledger.facts",
    "stock recorder": "select count(*) from stock.stored_events",
    "bare insert": "select count(*) from bare.facts",
}


@pytest.mark.parametrize("name", list(CONTENDERS))
def test_every_contender_saves_one_row_a_time(database: str, name: str) -> None:
    prepare(database)
    with CONTENDERS[name](database) as save:
        save()
        save()
    with psycopg.connect(database) as connection:
        assert connection.execute(TABLES[name].encode()).fetchone() == (2,)


def test_writers_save_at_a_rate(database: str) -> None:
    prepare(database)
    with Writers(2, database) as writers:
        assert writers.rate("bare insert", 2, 0.05) > 0


def test_a_row_says_whether_its_promise_was_kept() -> None:
    kept, missed = Row("append", "saves/s", 30, 10, 3.0), Row("append", "saves/s", 29, 10, 3.0)
    assert (kept.is_kept, missed.is_kept) == (True, False)
    assert "MISSED" not in as_text(kept)
    assert "2.90x" in as_text(missed)
    assert as_text(missed).endswith("at least 3.00  MISSED")
    assert Row("append", "saves/s", 1, 10).is_kept
    assert set(json.loads(as_json(kept))) == {
        "case",
        "unit",
        "ours",
        "peer",
        "limit",
        "most",
        "load",
    }
    held, exceeded = Row("memory", "MiB", 9, 10, most=1.0), Row("memory", "MiB", 11, 10, most=1.0)
    assert (held.is_kept, exceeded.is_kept) == (True, False)
    assert as_text(exceeded).endswith("at most 1.00  MISSED")
