"""The payment companies that keep the contract, each on a stage of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool

from ledger.clock import VirtualClock
from ledger.payments.sandbox_books import MemoryBooks
from ledger.store.pool import PooledConnection, open_pool
from ledger.store.sandbox_books import PostgresBooks
from tests.payments.sandbox_stage import SandboxStage, sandbox_stage
from tests.payments.stage import Stage
from tests.payments.stripe.stripe_stage import StripeStage

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def shared_database(cluster: str, template: str) -> Iterator[str]:
    """A database for one module: emptied, not copied, for each of its many quick tests."""
    name = sql.Identifier(f"payments_{uuid4().hex}")
    with psycopg.connect(cluster, autocommit=True) as connection:
        copy = sql.SQL("create database {} template {} strategy file_copy")
        connection.execute(copy.format(name, sql.Identifier(template)))
        yield make_conninfo(cluster, dbname=name.as_string().strip('"'))
        connection.execute(sql.SQL("drop database {} with (force)").format(name))


@pytest.fixture(scope="module")
def shared_pool(shared_database: str) -> Iterator[ConnectionPool[PooledConnection]]:
    """Connections to the module's database."""
    with open_pool(shared_database, max_size=4) as pool:
        yield pool


@pytest.fixture
def postgres_books(shared_pool: ConnectionPool[PooledConnection]) -> PostgresBooks:
    """Empty books in PostgreSQL."""
    with shared_pool.connection() as connection:
        connection.execute("truncate sandbox.sheets, sandbox.claims")
    return PostgresBooks(shared_pool)


@contextmanager
def _in_batch(request: pytest.FixtureRequest) -> Iterator[SandboxStage]:
    stage = sandbox_stage(request.getfixturevalue("postgres_books"), NOON)
    with stage.sandbox.batch():
        yield stage


STAGES: dict[str, Callable[[pytest.FixtureRequest], AbstractContextManager[Stage]]] = {
    "memory": lambda _: nullcontext(sandbox_stage(MemoryBooks(), NOON)),
    "postgres": lambda request: nullcontext(
        sandbox_stage(request.getfixturevalue("postgres_books"), NOON)
    ),
    "batch": _in_batch,
    "stripe": lambda _: nullcontext(StripeStage(VirtualClock(NOON))),
}
"""Every implementation of Gateway: another one is another line, its clock standing at NOON."""


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Every implementation of Gateway; the sandbox over each of its books."""
    with STAGES[request.param](request) as stage:
        yield stage
