"""Big logs in databases of an embedded server: made once, kept if a folder is named, sliced."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from psycopg import sql

from ledger.store.pool import connect
from ledger.store.upgrade import upgrade
from scripts.benches.big_log import make_log
from scripts.benches.kept import Databases, databases

MASTER_KEY = bytes(range(32))
SEED = 1
IDENTIFIERS = 1 << 128

FORGET_VIEWS = """
DO $$ DECLARE made record; BEGIN
    FOR made IN SELECT nspname FROM pg_namespace
                 WHERE nspname ~ '^(views|views_old|views_gone|rebuild_.*|moment.*|limits)$' LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', made.nspname);
    END LOOP;
END $$
"""
SLICE = """
COPY (SELECT row_number() OVER (ORDER BY position), stream_id, version, topic, subject_id,
             recorded_at, state, following
        FROM ledger.facts WHERE subject_id IS NULL OR subject_id < {upper})
TO STDOUT (FORMAT BINARY)
"""
SLICE_OF_KEYS = """
COPY (SELECT subject_id, wrapped FROM vault.keys WHERE subject_id < {upper})
TO STDOUT (FORMAT BINARY)
"""
MASTER = "COPY vault.master TO STDOUT (FORMAT BINARY)"
PUT_FACTS = """
COPY ledger.facts (position, stream_id, version, topic, subject_id, recorded_at, state, following)
FROM STDIN (FORMAT BINARY)
"""
PUT_KEYS = "COPY vault.keys (subject_id, wrapped) FROM STDIN (FORMAT BINARY)"
PUT_MASTER = "COPY vault.master FROM STDIN (FORMAT BINARY)"
MOVE_ON = "SELECT setval('ledger.position', (SELECT max(position) FROM ledger.facts))"
LOOK = ("VACUUM ANALYZE ledger.facts", "VACUUM ANALYZE vault.keys")


def say(text: str) -> None:
    """Tell whoever waits, beside the rows."""
    print(text, file=sys.stderr, flush=True)


class BigBooks:
    """A server with big logs, each in a database of its own."""

    def __init__(self, own: Databases) -> None:
        self._own = own

    @contextmanager
    def log(self, facts: int) -> Iterator[str]:
        """How to connect to a log of so many facts, without any view."""
        name = f"log_{facts}_{SEED}_{_makers()}"
        dsn = self._own.made(name, partial(_make, facts=facts))
        upgrade(dsn)
        try:
            with connect(dsn) as connection:
                connection.execute(FORGET_VIEWS)
            yield dsn
        finally:
            if not self._own.kept:
                self._own.drop(name)

    @contextmanager
    def slice(self, dsn: str, facts: int, prepare: Callable[[str], None]) -> Iterator[str]:
        """Some people's whole lives out of a log, about so many facts, in books of their own.

        `prepare` is called with the DSN of those books while they are empty.
        """
        name = f"slice_{os.getpid()}"
        own = self._own.make_empty(name)
        try:
            upgrade(own)
            prepare(own)
            self._copy(dsn, own, facts)
            yield own
        finally:
            self._own.drop(name)

    def _copy(self, dsn: str, slice_dsn: str, facts: int) -> None:
        with connect(dsn) as source, connect(slice_dsn) as target:
            [(count,)] = source.execute("SELECT count(*) FROM ledger.facts").fetchall()
            upper = sql.Literal(UUID(int=min(IDENTIFIERS - 1, IDENTIFIERS * facts // count)))
            for out, into in (
                (sql.SQL(MASTER), PUT_MASTER),
                (sql.SQL(SLICE_OF_KEYS).format(upper=upper), PUT_KEYS),
                (sql.SQL(SLICE).format(upper=upper), PUT_FACTS),
            ):
                with source.cursor().copy(out) as read, target.cursor().copy(into) as written:
                    for part in read:
                        written.write(part)
            target.execute(MOVE_ON)
            for statement in LOOK:
                target.execute(statement.encode())


@contextmanager
def big_books(keep: Path | None) -> Iterator[BigBooks]:
    """A server in a folder that is kept, or in one that is gone afterwards."""
    with databases(keep) as own:
        yield BigBooks(own)


def _make(dsn: str, facts: int) -> None:
    say(f"making a log of {facts:,} facts")
    report = make_log(dsn, MASTER_KEY, facts, SEED, progress=_every_tenth())
    seconds = report.planning_seconds + report.writing_seconds
    say(
        f"made {report.facts:,} facts of {report.members:,} members in {seconds:.0f} s"
        f" ({report.facts / seconds:,.0f} facts/s, {report.bytes >> 20:,} MiB)"
    )


def _makers() -> str:
    """Names the programs that make a log: one that others made is not taken for theirs."""
    sources = sorted(Path(__file__).parent.glob("big_*.py"))
    return sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:8]


def _every_tenth() -> Callable[[int, int], None]:
    told = [0]

    def tell(written: int, wanted: int) -> None:
        tenth = written * 10 // wanted
        if tenth > told[0]:
            told[0] = tenth
            say(f"  {written:,} of {wanted:,}")

    return tell
