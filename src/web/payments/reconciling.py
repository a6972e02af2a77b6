"""Reconciliation at the edge: run one, and what the latest found."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger import ids
from ledger.billing.reconciliation_run import Reconciler, Report
from ledger.errors import NotFound
from ledger.facts import Actor, Cause
from ledger.payments.gateway import Observation
from ledger.site import Site
from ledger.site_money import DriftState, Pin, Reconciliation
from projections.queries.due import DueQueries
from web.parts import Parts

MOST_UNDECIDED = 10_000
"""Orders whose tries are looked at for having waited too long; those that wait longest first."""
MOST_LOGGED = 20

log = logging.getLogger(__name__)


def reconcile(
    parts: Parts,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    by: Actor,
    cause: Cause,
) -> Report:
    """Hold the books against the payment company, the last three days unless told.

    Raises RangeMalformed, GatewayChanged, GatewayModeDiffers and OutcomeUnknown.
    """

    def take_in(seen: Observation, why: Cause) -> None:
        parts.inbox.observing.take_in(seen, cause=why)

    undecided = DueQueries(parts.pool).undecided(MOST_UNDECIDED)
    run = Reconciler(parts.ledger, parts.collection.gateway, take_in)
    return run.run(since=since, until=until, undecided=undecided, by=by, cause=cause)


def by_schedule(parts: Parts) -> Report:
    """The nightly one, which also tells the log what waits for somebody."""
    cause = Cause(kind="job", id=ids.new())
    report = reconcile(parts, by=Actor(kind="scheduler"), cause=cause)
    for state in report.open[:MOST_LOGGED]:
        drift = state.drift
        log.error("reconciliation: %s, %s %s", drift.drift, drift.kind, drift.source)
    return report


@dataclass(frozen=True)
class Standing:
    """How books and payment company stand to each other, for endpoints and pages.

    `drifts` are the oldest first, the resolved among them; `open` those that wait for a person.
    """

    gateway: Pin | None
    latest: Reconciliation | None
    drifts: Sequence[DriftState]
    open: Sequence[DriftState]

    @classmethod
    def of(cls, parts: Parts) -> Standing:
        """As the books have it now."""
        try:
            site = parts.ledger.site()
        except NotFound:
            return cls(None, None, (), ())
        return cls(site.gateway, site.reconciliation, _by_age(site), site.open_drifts)


def _by_age(site: Site) -> list[DriftState]:
    return sorted(site.drifts.values(), key=lambda one: (one.detected_at, one.drift.drift_id))
