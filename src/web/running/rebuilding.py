"""Rebuilds of views as the site runs them: who folds, and the receipt in the books."""

from __future__ import annotations

import atexit
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from typing import Any
from uuid import UUID

import ledger
from ledger import ids
from ledger.errors import Refused
from ledger.facts import Actor, Cause
from ledger.site import RebuildReceipt, RebuiltView
from ledger.store.key_rows import KeyTable
from ledger.store.mapper import FactMapper
from ledger.store.pool import open_pool
from ledger.store.vault import Vault
from projections.catalogue import all_views
from projections.crew import Cluster, Crew, Here, Processes, carry_out
from projections.digest import Digest
from projections.rebuild import Rebuilder, Tell, tell_nobody
from projections.rebuild_rows import Rebuild
from projections.view import View
from web.parts import Parts
from web.running.database import database
from web.running.serving import die_with_parent
from web.settings import load
from web.wiring import site_of

AT_THE_MACHINE, BY_ITSELF = Actor(kind="machine"), Actor(kind="scheduler")
HASH_BITS = 1 << 64


def fold_part(rebuild_id: UUID, number: int) -> None:
    """Fold one part of a rebuild, in a worker that has the site's settings in its environment."""
    dsn, mapper, views = _tools()
    carry_out(dsn, mapper, views, rebuild_id, number)


@cache
def _tools() -> tuple[str, FactMapper, tuple[View[Any], ...]]:
    """What a worker folds with, kept for its next part."""
    open_things = ExitStack()
    atexit.register(open_things.close)
    settings = load()
    dsn = open_things.enter_context(database(settings))
    pool = open_things.enter_context(open_pool(dsn, max_size=2, name="rebuild"))
    mapper = FactMapper(Vault(settings.key(), KeyTable(pool)))
    return dsn, mapper, all_views(site_of(settings))


class ClusterMissing(Refused):
    """To fold on a cluster, install the extra: pip install 'membership-ledger[cluster]'."""

    code = "cluster_missing"


@dataclass(frozen=True, kw_only=True)
class Hands:
    """Who folds: `workers` processes of this machine, or the cluster whose scheduler is named.

    With no workers at all, the process that coordinates folds by itself.
    """

    workers: int = 1
    dask: str | None = None

    def crew(self, parts: Parts, dsn: str) -> Crew:
        """The crew; processes on this machine run at the lowest priority. Raises ClusterMissing."""
        if self.dask:
            if find_spec("distributed") is None:
                raise ClusterMissing
            return Cluster(fold_part, self.dask)
        if self.workers:
            return Processes(fold_part, self.workers, begin=die_with_parent)
        mapper = FactMapper(parts.ledger.vault)
        return Here(partial(carry_out, dsn, mapper, all_views(parts.site)))


def rebuilder(
    parts: Parts,
    *,
    hands: Hands | None = None,
    by: Actor = AT_THE_MACHINE,
    tell: Tell = tell_nobody,
) -> Rebuilder:
    """What rebuilds the site's views; whoever folds finds the settings in the environment."""
    dsn = str(parts.pool.conninfo)
    return Rebuilder(
        dsn,
        recorder=parts.recorder,
        mapper=FactMapper(parts.ledger.vault),
        views=all_views(parts.site),
        clock=parts.clock,
        crew=(hands or Hands()).crew(parts, dsn),
        receipt=partial(_record, parts, by),
        tell=tell,
    )


def _record(parts: Parts, by: Actor, rebuild: Rebuild, digests: dict[str, Digest]) -> int:
    """The receipt of a rebuild as a fact; sent again, it is the same one."""
    cause = Cause(kind="job", id=ids.derived(rebuild.id, "receipt"))
    return parts.ledger.record_rebuild(receipt_of(rebuild, digests), by=by, cause=cause)


def receipt_of(rebuild: Rebuild, digests: dict[str, Digest]) -> RebuildReceipt:
    """What a rebuild read, made and took; digests are those of what its parts wrote."""
    versions = dict(zip(rebuild.names, rebuild.versions, strict=True))
    milliseconds = max(1, rebuild.folding_ms)
    return RebuildReceipt(
        rebuild_id=rebuild.id,
        views=tuple(
            RebuiltView(
                name=name,
                version=versions[name],
                rows=digest.rows,
                digest=f"{digest.hash % HASH_BITS:016x}",
            )
            for name, digest in sorted(digests.items())
        ),
        from_position=rebuild.target,
        to_position=rebuild.position,
        facts=rebuild.facts,
        milliseconds=milliseconds,
        facts_per_second=rebuild.facts * 1000 // milliseconds,
        blocked_milliseconds=rebuild.blocked_ms,
        workers=rebuild.workers,
        code_version=ledger.__version__,
    )
