"""Reading the past: which moment is asked for, and the queries that answer as of it (AU3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from ledger.errors import NotFound
from ledger.store.mapper import FactMapper
from projections.moment_worker import MomentWorker
from projections.moments import Moment, MomentFailed, Moments, MomentSource
from projections.one_member import Facts, Known, OnTheSpot, PastHistory
from web.reading.queries import Queries
from web.sessions.pool import Pool

AS_OF, KNOWN_AT = "as_of", "known_at"


class Scope(StrEnum):
    """What a read needs of the views, and so how it is answered as of a moment."""

    LISTS = "lists"
    """Many members: all views of a moment, built in the background when first asked for."""
    MEMBER = "member"
    """The member of the address, folded on the spot."""
    ORDER = "order"
    """The order of the address: its person, folded on the spot."""
    OWN = "own"
    """The person who asks, folded on the spot."""
    BOOKS = "books"
    """No view: whoever answers asks the books, through `Past.facts`."""


class Asked(NamedTuple):
    """A moment as it is asked for: what was true then, and what was known then; else by now."""

    as_of: datetime | None = None
    known_at: datetime | None = None

    def __bool__(self) -> bool:
        """Whether the past is asked for at all."""
        return self.as_of is not None or self.known_at is not None


@dataclass(frozen=True)
class Past:
    """A moment of the past; `as_of` is the instant at which every question is asked."""

    as_of: datetime
    known_at: datetime | None
    position: int
    """The last fact that counts."""
    facts: Facts
    """The books as they were."""
    is_whole: bool
    """Whether all members can be asked about, or one alone."""

    @property
    def named(self) -> dict[str, str]:
        """The moment as an address names it."""
        named = {AS_OF: self.as_of, KNOWN_AT: self.known_at}
        return {name: instant.isoformat() for name, instant in named.items() if instant}


@dataclass(frozen=True)
class Reading:
    """Where a request reads; `past` is None for the present."""

    queries: Queries
    past: Past | None = None


class StillBuilding(Exception):
    """This moment is being made; ask again."""

    def __init__(self, moment: Moment) -> None:
        super().__init__(f"{moment.per_cent} per cent")
        self.moment = moment


class PastViews:
    """Opens the views as of moments."""

    def __init__(
        self,
        pool: Pool,
        mapper: FactMapper,
        moments: Moments,
        worker: MomentWorker,
    ) -> None:
        self._pool = pool
        self._recorder = moments.recorder
        self._mapper = mapper
        self._on_the_spot = OnTheSpot(pool, moments.views)
        self.moments = moments
        self.worker = worker
        """Builds moments; in a process that serves pages, where nobody else does."""

    @contextmanager
    def opened(
        self, asked: Asked, scope: Scope, named: Mapping[str, object], own_id: UUID | None = None
    ) -> Iterator[Reading]:
        """The views as of what is asked, for one request; `named` is what the address names.

        Raises StillBuilding, MomentInFuture, MomentsBusy, MomentFailed or NotFound.
        """
        past = self._past(asked, is_whole=scope is Scope.LISTS)
        if scope is Scope.LISTS:
            yield self._whole(past)
            return
        subject_id = self._subject(past, scope, named, own_id)
        with self._on_the_spot.one_member(past.facts, subject_id) as source:
            yield Reading(self._queries(source, past), past)

    @contextmanager
    def books(self, asked: Asked) -> Iterator[Reading]:
        """The books as of what is asked; of the views, none."""
        past = self._past(asked, is_whole=False)
        yield Reading(self._queries(_NoViews(), past), past)

    def _past(self, asked: Asked, *, is_whole: bool) -> Past:
        self.moments.require_past(as_of=asked.as_of, known_at=asked.known_at)
        as_of = asked.as_of or asked.known_at
        if as_of is None:
            message = "no moment was asked for"
            raise ValueError(message)
        position = self.moments.known_position(asked.known_at)
        with self._pool.connection() as connection:
            known = Known(as_of, position, frozenset(self.moments.left_out(connection)))
        facts = Facts(self._recorder, self._mapper, known)
        return Past(as_of, asked.known_at, position, facts, is_whole)

    def _whole(self, past: Past) -> Reading:
        moment = self.moments.at(past.as_of, past.position)
        if moment.state == "failed":
            raise MomentFailed(why=moment.why)
        if moment.state != "ready":
            self.worker.stand_in()
            raise StillBuilding(moment)
        source = MomentSource(self._pool, moment)
        return Reading(self._queries(source, past), past)

    def _queries(self, source: Any, past: Past) -> Queries:
        history = PastHistory(self._recorder, self._mapper, past.facts.known)
        return Queries.over(source, history)

    def _subject(
        self, past: Past, scope: Scope, named: Mapping[str, object], own_id: UUID | None
    ) -> UUID:
        if scope is Scope.OWN and own_id is not None:
            return own_id
        if scope is Scope.MEMBER:
            return UUID(str(named["member_id"]))
        order_id = UUID(str(named["order_id"]))
        person_id = past.facts.person_of(order_id)
        if person_id is None:
            raise NotFound(what="order", id=order_id)
        return person_id


class _NoViews:
    """Stands where no view is to be asked."""

    def connection(self) -> Any:
        message = "this read of the past is answered by the books alone"
        raise RuntimeError(message)
