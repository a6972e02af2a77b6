"""The physical limit of a process: facts copied out, or out, decoded and in again; no fold."""

from __future__ import annotations

import time
from typing import NamedTuple

from pydantic_core import from_json

from ledger.store.pool import connect

TYPES = ("int8", "uuid", "int4", "text", "uuid", "timestamptz", "bytea")
STATE = 6

OUT = """
COPY (SELECT position, stream_id, version, topic, subject_id, recorded_at, state
        FROM ledger.facts) TO STDOUT (FORMAT BINARY)
"""
IN = """
COPY limits.facts (position, stream_id, version, topic, subject_id, recorded_at, state)
FROM STDIN (FORMAT BINARY)
"""
MAKE = """
DROP SCHEMA IF EXISTS limits CASCADE;
CREATE SCHEMA limits;
CREATE TABLE limits.facts (LIKE ledger.facts);
ALTER TABLE limits.facts ALTER following SET DEFAULT 0;
"""
DROP = "DROP SCHEMA limits CASCADE"


class Copied(NamedTuple):
    """How many facts in how many seconds."""

    facts: int
    seconds: float

    @property
    def rate(self) -> float:
        """Facts a second."""
        return self.facts / self.seconds


def copied_out(dsn: str) -> Copied:
    """Every fact, as bytes that nobody looks at."""
    with connect(dsn) as connection:
        began, cursor = time.perf_counter(), connection.cursor()
        with cursor.copy(OUT) as copy:
            for _ in copy:
                pass
        return Copied(cursor.rowcount, time.perf_counter() - began)


def copied_out_and_in(dsn: str) -> Copied:
    """Every fact: its row read, its state decoded, and as many bytes written again."""
    with connect(dsn) as reading, connect(dsn) as writing:
        writing.execute(MAKE)
        began, facts = time.perf_counter(), 0
        with (
            writing.transaction(),
            reading.cursor().copy(OUT) as out,
            writing.cursor().copy(IN) as into,
        ):
            out.set_types(TYPES)
            into.set_types(TYPES)
            for row in out.rows():
                from_json(row[STATE])
                into.write_row(row)
                facts += 1
        seconds = time.perf_counter() - began
        writing.execute(DROP)
        return Copied(facts, seconds)
