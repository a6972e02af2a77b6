"""The bench of collection: its site has what it says, and every run finds the same charges due."""

from __future__ import annotations

import pytest

from ledger.clock import SystemClock
from projections.queries.due import DueQueries
from scripts.benches.collection import _turn
from scripts.benches.collection_site import Sites, paid_since, settings_of
from scripts.benches.kept import Databases
from web.wiring import wire

MEMBERS, DUE = 12, 5


def test_each_run_charges_what_is_due_of_a_copy(cluster: str) -> None:
    server = Sites(Databases(cluster, kept=False))
    for _ in range(2):
        with (
            server.site(MEMBERS, DUE) as dsn,
            wire(settings_of(dsn), dsn, clock=SystemClock()) as parts,
        ):
            before = parts.recorder.max_notification_id() or 0
            assert len(paid_since(dsn, 0)) == MEMBERS
            waiting = DueQueries(parts.pool).charges(parts.clock.now(), MEMBERS)
            assert len(waiting) == DUE
            assert _turn(parts, waiting) > 0
            assert len(paid_since(dsn, before)) == DUE
            with pytest.raises(RuntimeError, match="not all were settled"):
                _turn(parts, waiting)
