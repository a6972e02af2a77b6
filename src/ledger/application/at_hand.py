"""Plans, codes and the site as they were last loaded: few, often asked for, and they grow long."""

from __future__ import annotations

from collections import OrderedDict
from copy import copy
from threading import Lock
from uuid import UUID

from ledger.discount import DiscountCode
from ledger.facts import Aggregate
from ledger.plan import Plan
from ledger.site import Site

KEPT_KINDS = (Plan, DiscountCode, Site)
MOST_KEPT = 1_000


class AtHand:
    """What streams added up to at some version; what came after it is read from the books.

    Nothing goes stale: facts are only added. Safe to share among threads.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[UUID, Aggregate] = OrderedDict()
        self._lock = Lock()

    def copy_of(self, stream_id: UUID) -> Aggregate | None:
        """A copy to go on from; None if nothing is kept."""
        with self._lock:
            kept = self._kept.get(stream_id)
            if kept is not None:
                self._kept.move_to_end(stream_id)
        return None if kept is None else _copied(kept)

    def keep(self, aggregate: Aggregate) -> None:
        """Keep it as it was saved, if it is of a kind to be kept."""
        if not isinstance(aggregate, KEPT_KINDS):
            return
        with self._lock:
            self._kept[aggregate.id] = _copied(aggregate)
            self._kept.move_to_end(aggregate.id)
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)


def _copied(aggregate: Aggregate) -> Aggregate:
    """A copy that shares nothing that changes: what these kinds hold in containers is frozen."""
    twin = copy(aggregate)
    for name, value in vars(aggregate).items():
        if isinstance(value, dict | list | set):
            setattr(twin, name, value.copy())
    return twin
