"""A site with sample routes and pages, on a real database and a clock that moves when told."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient

from ledger.application import Ledger
from ledger.billing.collection import Collection
from ledger.clock import VirtualClock
from ledger.payments.sandbox import Sandbox
from ledger.store.key_rows import KeyTable
from ledger.store.mapper import FactMapper
from ledger.store.pool import open_pool
from ledger.store.recorder import FactRecorder
from ledger.store.sandbox_books import PostgresBooks
from ledger.store.vault import Vault
from projections.history import History
from projections.tables import SCHEMA
from tests.web import sample
from web.app import create_app
from web.identity import passwords
from web.parts import Freshness, Parts
from web.reading.queries import Queries
from web.sessions.desk import Desk
from web.sessions.pool import Pool
from web.settings import Settings
from web.wiring import inbox_of, past_views, rules, site_of, wire

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MASTER_KEY = bytes(range(32))


@dataclass
class StillViews:
    """Views that stand where a test puts them."""

    position: int = 7
    waited_for: list[int] = field(default_factory=list)

    def freshness(self) -> Freshness:
        return Freshness(position=self.position, lag=0, age_seconds=0)

    def wait_for(self, position: int, *, wait_seconds: float) -> Freshness:
        self.waited_for.append(position)
        return self.freshness()

    def is_stale(self, subject_id: UUID) -> bool:
        return False


@dataclass
class SmallTeam:
    """Contributors by id."""

    roles: dict[UUID, set[str]] = field(default_factory=dict)

    def roles_of(self, contributor_id: UUID) -> set[str]:
        return self.roles.get(contributor_id, set())


@pytest.fixture
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes of the same kind, for a thousandth of the work: what they cost is tested by itself."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "PasswordHasher", lambda **_: cheap)


def usual(data: Path) -> Settings:
    """Settings of a site about which nothing is special."""
    return Settings(data=data, master_key=base64.b64encode(MASTER_KEY).decode())


def start_once(data: Path, dsn: str) -> None:
    """Start an empty site on a database, which then has all the tables that it needs."""
    with wire(usual(data), dsn, clock=VirtualClock(NOON)):
        pass


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOON)


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with open_pool(database, max_size=8, search_path=SCHEMA) as opened:
        yield opened


@pytest.fixture
def desk(pool: Pool, clock: VirtualClock) -> Desk:
    return Desk.over(pool, clock, MASTER_KEY, shows_mails=True)


@pytest.fixture
def views() -> StillViews:
    return StillViews()


@pytest.fixture
def team() -> SmallTeam:
    return SmallTeam()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return usual(tmp_path)


@pytest.fixture
def parts(
    database: str,
    settings: Settings,
    pool: Pool,
    clock: VirtualClock,
    desk: Desk,
    views: StillViews,
    team: SmallTeam,
) -> Parts:
    recorder = FactRecorder(pool)
    ledger = Ledger(recorder, Vault(MASTER_KEY, KeyTable(pool)), clock=clock, rules=rules(settings))
    sandbox = Sandbox(books=PostgresBooks(pool), clock=clock)
    mapper, collection = FactMapper(ledger.vault), Collection(ledger, sandbox)
    return Parts(
        settings=settings,
        clock=clock,
        ledger=ledger,
        collection=collection,
        inbox=inbox_of(collection, pool, clock),
        sandbox=sandbox,
        recorder=recorder,
        pool=pool,
        queries=Queries.over(pool, History(recorder, mapper)),
        past=past_views(settings, database, pool, mapper, clock),
        site=site_of(settings),
        desk=desk,
        views=views,
        team=team,
    )


@pytest.fixture
def app(parts: Parts) -> Flask:
    sample.CARRIED_OUT.clear()
    return create_app(parts, routes=sample.routes, pages=(sample.pages(),))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
