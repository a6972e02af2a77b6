"""Ways of saving one small fact durably."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from ledger import ids
from ledger.clock import SystemClock
from ledger.store.pool import connect, open_pool
from ledger.store.recorder import FactRecorder
from ledger.store.records import StoredFact

STATE = b'{"actor":{"kind":"member"},"text":"' + b"x" * 300 + b'"}'
TOPIC = "member.noted"

# The same row into the same indexes, and nothing else.
BARE_TABLE = """
create schema bare;
create sequence bare.position;
create table bare.facts (like ledger.facts including all);
"""
BARE_INSERT = """
insert into bare.facts values
    (nextval('bare.position'), %(stream)s, 1, %(topic)s, %(subject)s, %(at)s, %(state)s, 0)
returning position
"""

Contender = Callable[[str], AbstractContextManager[Callable[[], object]]]
"""Opens a connection to a DSN and gives a function that saves one fact."""


def prepare(dsn: str) -> None:
    """Make the peers' tables."""
    with connect(dsn) as connection:
        connection.execute(BARE_TABLE)
        connection.execute("create schema stock")
    with _datastore(dsn) as datastore:
        PostgresApplicationRecorder(datastore).create_table()


@contextmanager
def ledger(dsn: str) -> Iterator[Callable[[], object]]:
    """Ours."""
    clock = SystemClock()
    with open_pool(dsn, max_size=1) as pool:
        recorder = FactRecorder(pool)

        def save() -> object:
            fact = StoredFact(ids.new(), 1, TOPIC, STATE, ids.new(), clock.now())
            return recorder.insert_events([fact])

        yield save


@contextmanager
def stock(dsn: str) -> Iterator[Callable[[], object]]:
    """The library's, as it comes."""
    with _datastore(dsn) as datastore:
        recorder = PostgresApplicationRecorder(datastore)
        yield lambda: recorder.insert_events([StoredEvent(ids.new(), 1, TOPIC, STATE)])


@contextmanager
def bare(dsn: str) -> Iterator[Callable[[], object]]:
    """A prepared insert that commits itself, on a connection from the same pool as ours."""
    clock = SystemClock()
    with open_pool(dsn, max_size=1) as pool:

        def save() -> object:
            row: dict[str, object] = {
                "stream": ids.new(),
                "topic": TOPIC,
                "subject": ids.new(),
                "state": STATE,
            }
            row["at"] = clock.now()
            with pool.connection() as connection:
                return connection.execute(BARE_INSERT, row, prepare=True).fetchone()

        yield save


CONTENDERS: dict[str, Contender] = {"ledger": ledger, "stock recorder": stock, "bare insert": bare}


def _datastore(dsn: str) -> PostgresDatastore:
    parts = {name: str(value or "") for name, value in conninfo_to_dict(dsn).items()}
    return PostgresDatastore(
        parts["dbname"],
        parts["host"],
        parts.get("port", "5432"),
        parts["user"],
        parts.get("password", ""),
        schema="stock",
    )
