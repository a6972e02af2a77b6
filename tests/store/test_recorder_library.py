"""The library's own cases for recorders, on ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent

from ledger.store.pool import open_pool
from ledger.store.recorder import FactRecorder
from ledger.store.records import StoredFact
from tests.store.books import NOON
from tests.store.library_cases import (
    AggregateRecorderTestCase,
    ApplicationRecorderTestCase,
    NonInterleavingNotificationIDsBaseCase,
)


class StampingRecorder(FactRecorder):
    """Gives the library's bare events the two columns that every fact brings along."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **given: Any) -> Sequence[int]:
        """Save them as facts."""
        stamped = [
            StoredFact(**asdict(event), subject_id=None, recorded_at=NOON)
            for event in stored_events
        ]
        return super().insert_events(stamped, **given)


class SilentRecorder(StampingRecorder):
    """Answers nothing, as recorders of single aggregates do; the case asks for it."""

    def insert_events(  # type: ignore[override]
        self, stored_events: Sequence[StoredEvent], **given: Any
    ) -> None:
        """Save them as facts."""
        super().insert_events(stored_events, **given)


class OnTheFixtureDatabase:
    """Opens a pool on the test's own database."""

    @pytest.fixture(autouse=True)
    def _on_database(self, database: str) -> Iterator[None]:
        with open_pool(database) as self.pool:
            yield


class TestApplicationRecorder(OnTheFixtureDatabase, ApplicationRecorderTestCase[FactRecorder]):
    """Inserting, selecting, subscribing; ten writers at once."""

    def create_recorder(self) -> FactRecorder:
        """A recorder of facts."""
        return StampingRecorder(self.pool)

    def test_insert_subscribe(self) -> None:
        """Subscriptions begin where asked, wait, and end."""
        self.optional_test_insert_subscribe()


class TestAggregateRecorder(OnTheFixtureDatabase, AggregateRecorderTestCase):
    """Atomic and unique, forwards and backwards."""

    def create_recorder(self) -> FactRecorder:
        """A recorder of facts that answers nothing."""
        return SilentRecorder(self.pool)


class TestNonInterleaving(OnTheFixtureDatabase, NonInterleavingNotificationIDsBaseCase):
    """Two saves of a thousand facts each, side by side."""

    def create_recorder(self) -> FactRecorder:
        """A recorder of facts."""
        return StampingRecorder(self.pool)
