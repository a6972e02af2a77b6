"""Books for tests of the views: a recorder and mapper on a fresh database, and followers of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg_pool import ConnectionPool

from ledger.audit.export import opened_lines
from ledger.clock import VirtualClock
from ledger.facts import Aggregate, Fact
from ledger.store.key_rows import KeyTable
from ledger.store.mapper import FactMapper
from ledger.store.pool import open_pool
from ledger.store.recorder import FactRecorder
from ledger.store.vault import Vault
from projections.catalogue import all_views
from projections.engine import Follower
from projections.site import Site
from projections.tables import SCHEMA
from projections.view import Recorded
from tests.projections.stories import START, told

EUROS = Site(currency="EUR", mode="live", zone="Europe/Paris")
MASTER_KEY = bytes(range(32))


@dataclass
class Books:
    """Facts in a database, and how to add to them."""

    dsn: str
    pool: ConnectionPool[Any]
    recorder: FactRecorder
    mapper: FactMapper
    clock: VirtualClock

    def save(self, *aggregates: Aggregate) -> int:
        """Save what is pending; the last position."""
        return self.save_facts([fact for one in aggregates for fact in one.collect_events()])

    def save_facts(self, facts: Iterable[Any]) -> int:
        """Save facts in one transaction; the last position."""
        prepared = self.mapper.prepare(facts)
        positions = self.recorder.insert_events(prepared.facts, keys=prepared.keys)
        return positions[-1] if positions else 0

    def tell(self, seed: int, commands: int) -> int:
        """Live through a random story, save by save; the last position."""
        position = 0
        for changed in told(seed, commands):
            position = self.save(*changed) or position
        return position

    def follower(self, site: Site = EUROS, views: Any = None) -> Follower:
        """A follower that is not started."""
        return Follower(
            self.dsn,
            recorder=self.recorder,
            mapper=self.mapper,
            views=all_views(site) if views is None else views,
            clock=self.clock,
        )

    def facts(self) -> list[Recorded]:
        """Every fact, with its position."""
        records = self.recorder.read(0, 1_000_000)
        facts = self.mapper.open_records(records)
        return [Recorded(r.position, fact) for r, fact in zip(records, facts, strict=True)]

    def exported(self) -> list[dict[str, Any]]:
        """Every line of the export, with what is personal in clear."""
        return [json.loads(line) for line in opened_lines(self.recorder, self.mapper)]


def line(position: int, fact: Fact) -> dict[str, Any]:
    """The opened line of a fact that nobody saved."""
    said = fact.model_dump(mode="json")
    address = {"stream_id": said.pop("originator_id"), "version": said.pop("originator_version")}
    return {**address, "position": position, "schema": 1, "topic": fact.TOPIC, "state": said}


@contextmanager
def opened(dsn: str, now: datetime = START) -> Iterator[Books]:
    """Books on a pool of their own."""
    with open_pool(dsn, max_size=4, search_path=SCHEMA) as pool:
        vault = Vault(MASTER_KEY, KeyTable(pool))
        yield Books(dsn, pool, FactRecorder(pool), FactMapper(vault), VirtualClock(now))
