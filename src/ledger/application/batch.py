"""Many use cases saved in one transaction, by the only writer of the streams they touch."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from ledger.facts import Aggregate, Fact, FirstFact
from ledger.store.records import Claim, Expectation
from ledger.store.refusals import ClaimTaken

ATTEMPT, PAYMENT, REFUND, DISPUTE, FEE = "attempt", "payment", "refund", "dispute", "fee"
"""What the payment company tells of, by its own ids and ours: each tells of one order, once. The
account is the one that is pinned, so it needs no place in the keys."""
HARDLY_ASKED = frozenset({ATTEMPT, PAYMENT, REFUND, DISPUTE, FEE})
"""Claims that are hardly ever asked about, and far too many to remember all of them."""
MOST_LATELY = 50_000

Key = tuple[str, bytes]


@dataclass(frozen=True)
class Save:
    """What is appended in one transaction."""

    events: Sequence[Fact] = ()
    claims: Sequence[Claim] = ()
    releases: Sequence[Claim] = ()
    expects: Sequence[Expectation] = ()


class Known:
    """What the only writer of some streams knows of them from one batch to the next.

    It begins empty, and a batch that fails empties it. A stream that was begun with it is changed
    through it alone, so what it doesn't know of that stream's person doesn't exist.
    """

    def __init__(self) -> None:
        self.aggregates: dict[UUID, Aggregate] = {}
        self.begun: set[UUID] = set()
        self.owners: dict[Key, UUID | None] = {}
        self.lately: OrderedDict[Key, UUID] = OrderedDict()

    def forget(self) -> None:
        """Know nothing."""
        self.aggregates.clear()
        self.begun.clear()
        self.owners.clear()
        self.lately.clear()

    def note(self, claim: Claim) -> None:
        """Remember a claim: of the kinds that are many, for a while."""
        key = (claim.kind, claim.key)
        if claim.kind not in HARDLY_ASKED:
            self.owners[key] = claim.owner
            return
        self.lately[key] = claim.owner
        if len(self.lately) > MOST_LATELY:
            self.lately.popitem(last=False)

    def put_away(self, *kinds: type[Aggregate]) -> None:
        """Keep no aggregate of some kinds at hand; one that is asked for again is loaded again."""
        for stream_id in [i for i, known in self.aggregates.items() if isinstance(known, kinds)]:
            del self.aggregates[stream_id]


@dataclass
class Batch:
    """What one thread has appended and not yet saved."""

    known: Known
    events: list[Fact] = field(default_factory=list)
    claims: dict[Key, UUID] = field(default_factory=dict)
    releases: list[Claim] = field(default_factory=list)
    touched: dict[UUID, Aggregate] = field(default_factory=dict)
    _relied: set[UUID] = field(default_factory=set)

    def may_exist(self, stream_id: UUID, about: UUID | None) -> bool:
        """Whether a stream may have been begun; `about` is whose it would be."""
        return stream_id in self.known.begun or about not in self.known.begun

    def add(
        self,
        aggregates: Iterable[Aggregate],
        claims: Iterable[Claim],
        releases: Iterable[Claim],
        relies_on: Iterable[Aggregate],
    ) -> None:
        """Keep what is pending until the batch is saved. Raises ClaimTaken, and adds nothing."""
        released = {(claim.kind, claim.key) for claim in releases}
        for claim in claims:
            holder = self.known.owners.get((claim.kind, claim.key))
            if holder is not None and (claim.kind, claim.key) not in released:
                raise ClaimTaken(kind=claim.kind, owner=holder)
        for claim in releases:
            self._let_go(claim)
        for claim in claims:
            self._take(claim)
        for aggregate in aggregates:
            self.known.aggregates[aggregate.id] = aggregate
            self._collect(aggregate)
        self._relied.update(aggregate.id for aggregate in relies_on)

    def facts_of(self, stream_id: UUID) -> list[Fact]:
        """A stream's facts that are not saved yet."""
        return [fact for fact in self.events if fact.originator_id == stream_id]

    def whole(self) -> Save:
        """All of it. What was relied on and not written must still be as it was known."""
        written = {event.originator_id for event in self.events}
        relied = (self.known.aggregates.get(i) for i in self._relied - written)
        return Save(
            self.events,
            [Claim(kind, key, owner) for (kind, key), owner in self.claims.items()],
            self.releases,
            [Expectation(one.id, one.version) for one in relied if one is not None],
        )

    def _collect(self, aggregate: Aggregate) -> None:
        for event in aggregate.collect_events():
            if isinstance(event, FirstFact):
                self.known.begun.add(event.originator_id)
            if isinstance(event, Fact):
                self.events.append(event)

    def _take(self, claim: Claim) -> None:
        self.claims[claim.kind, claim.key] = claim.owner
        self.known.note(claim)

    def _let_go(self, claim: Claim) -> None:
        key = (claim.kind, claim.key)
        if self.known.owners.get(key, claim.owner) != claim.owner:
            return
        if self.claims.pop(key, None) is None:
            self.releases.append(claim)
        self.known.owners[key] = None
