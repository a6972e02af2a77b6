"""A stage for the payment companies: one customer, a clock, and somebody who plays their bank."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool

from ledger.clock import VirtualClock
from ledger.money import Money
from ledger.payments.gateway import Gateway, Method, Payment
from ledger.payments.sandbox import Sandbox
from ledger.payments.sandbox_books import MemoryBooks
from ledger.store.pool import PooledConnection, open_pool
from ledger.store.sandbox_books import PostgresBooks

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def eur(minor: int) -> Money:
    """So many cents."""
    return Money(minor, "EUR")


@dataclass
class Stage:
    """One payment company, ready to be asked. `confirm` answers for the person's bank."""

    gateway: Gateway
    clock: VirtualClock
    confirm: Callable[[str | None, bool], None]
    customer_id: str

    def pay(self, card: str = "pm_card_visa", amount: Money | None = None) -> Payment:
        """Pay once on session, 12.00 EUR unless told."""
        return self.gateway.start_onsession(
            attempt=uuid4(),
            customer_id=self.customer_id,
            method=card,
            amount=amount or eur(1200),
            save=False,
        )

    def saved(self, card: str = "pm_card_visa") -> Method:
        """A saved card; the person confirms it where asked."""
        setup = self.gateway.start_setup(attempt=uuid4(), customer_id=self.customer_id, method=card)
        if setup.action:
            self.confirm(setup.action, True)
            setup = self.gateway.get_setup(setup_id=setup.id)
        assert setup.method is not None
        return setup.method

    def charge(self, method: Method, amount: Money | None = None) -> Payment:
        """Charge a saved card off session, 12.00 EUR unless told."""
        return self.gateway.charge_offsession(
            attempt=uuid4(),
            customer_id=self.customer_id,
            method_id=method.id,
            amount=amount or eur(1200),
        )


def stage_of(sandbox: Sandbox, clock: VirtualClock) -> Stage:
    """A stage for a sandbox."""

    def confirm(action: str | None, approved: bool) -> None:
        assert action is not None
        sandbox.authenticate(action=action, approved=approved)

    customer = sandbox.ensure_customer(member_id=uuid4())
    return Stage(sandbox, clock, confirm, customer.id)


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


@pytest.fixture(params=["memory", "postgres", "batch"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Every implementation of Gateway, over each of its books."""
    clock = VirtualClock(NOON)
    if request.param == "memory":
        yield stage_of(Sandbox(books=MemoryBooks(), clock=clock), clock)
        return
    sandbox = Sandbox(books=request.getfixturevalue("postgres_books"), clock=clock)
    if request.param == "postgres":
        yield stage_of(sandbox, clock)
        return
    with sandbox.batch():
        yield stage_of(sandbox, clock)
