"""Loading, appending, and carrying a command out once: what every use case stands on."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from threading import local
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.persistence import EventStore, IntegrityError
from eventsourcing.utils import Environment, EnvType

from ledger.clock import Clock
from ledger.dunning import STANDARD, DunningPolicy
from ledger.errors import Busy, LedgerError, NotFound
from ledger.facts import Actor, Aggregate, Cause, Fact, Stamp
from ledger.order.facts import Mode
from ledger.store.mapper import FactMapper
from ledger.store.recorder import FactRecorder
from ledger.store.records import Claim, Expectation
from ledger.store.refusals import ClaimTaken, CommandRepeated, StreamMoved
from ledger.store.vault import Vault

Position = int
"""Where the last fact of a save stands in the books; 0 where nothing had to be recorded."""

MOST_TRIES = 12
LONGEST_PAUSE_MILLISECONDS = 5

PLAN_SLOT, TAG_SLOT, TAG, ACCOUNT_USED = "plan_slot", "tag_slot", "tag", "account_used"
PAYMENT = "payment"
LOOKED_FOR = frozenset({PLAN_SLOT, TAG_SLOT, TAG, ACCOUNT_USED})
"""Claims that are made because they were free a moment ago: one that is taken after all is no
refusal but a reason to look again."""

A = TypeVar("A", bound=Aggregate)
B = TypeVar("B", bound="Books")
P = ParamSpec("P")


@dataclass(frozen=True, kw_only=True)
class SiteRules:
    """What the site has decided: its money, its time zone, its patience, its limits."""

    currency: str
    zone: ZoneInfo
    mode: Mode
    policy: DunningPolicy = STANDARD
    most_plans: int = 500
    most_tags: int = 250


@dataclass
class Save:
    """What is appended in one transaction."""

    events: list[Fact] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    releases: list[Claim] = field(default_factory=list)
    expects: list[Expectation] = field(default_factory=list)
    aggregates: dict[UUID, Aggregate] = field(default_factory=dict)


class _Batch(local):
    save: Save | None = None


class FactStore(EventStore[UUID]):
    """A stream's facts with whose they are, which the library's rows don't say."""

    def __init__(self, mapper: FactMapper, recorder: FactRecorder) -> None:
        super().__init__(mapper, recorder)
        self._mapper, self._recorder = mapper, recorder

    def get(
        self,
        originator_id: UUID,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Iterator[Fact]:
        """A stream's facts, or those of some versions of it."""
        records = [
            record
            for record in self._recorder.of_stream(originator_id)
            if (gt is None or record.version > gt) and (lte is None or record.version <= lte)
        ]
        return iter(self._mapper.open_records((records[::-1] if desc else records)[:limit]))


class Books(Application[UUID]):
    """The application of the library, on our recorder, mapper and vault."""

    name = "ledger"

    def __init__(
        self, recorder: FactRecorder, vault: Vault, *, clock: Clock, rules: SiteRules
    ) -> None:
        self.vault, self.clock, self.rules = vault, clock, rules
        self._fact_recorder = recorder
        self._fact_mapper = FactMapper(vault)
        self._batch = _Batch()
        super().__init__()

    def construct_env(self, name: str, env: EnvType | None = None) -> Environment:
        """No setting of the library comes from the process environment."""
        return Environment(name, env or {})

    def construct_mapper(self) -> FactMapper:
        """Ours, which seals what is personal."""
        return self._fact_mapper

    def construct_recorder(self) -> FactRecorder:
        """Ours, which appends without a table lock."""
        return self._fact_recorder

    def construct_event_store(self) -> EventStore[UUID]:
        """What the library's repository reads from."""
        return FactStore(self._fact_mapper, self._fact_recorder)

    # --- reading ----------------------------------------------------------------------

    def load(self, kind: type[A], stream_id: UUID) -> A:
        """An aggregate from its facts; NotFound if there is none of that kind."""
        batch = self._batch.save
        if batch is not None and stream_id in batch.aggregates:
            found: Any = batch.aggregates[stream_id]
        else:
            try:
                found = self.repository.get(stream_id)
            except AggregateNotFoundError:
                raise NotFound(what=kind.TOPIC, id=stream_id) from None
            if batch is not None:
                batch.aggregates[stream_id] = found
        if not isinstance(found, kind):
            raise NotFound(what=kind.TOPIC, id=stream_id)
        return found

    def exists(self, stream_id: UUID) -> bool:
        """Whether anything was recorded under an id."""
        batch = self._batch.save
        if batch is not None and stream_id in batch.aggregates:
            return True
        return bool(self._fact_recorder.select_events(stream_id, limit=1))

    def owner_of(self, kind: str, key: bytes) -> UUID | None:
        """Whose a unique key is."""
        batch = self._batch.save
        if batch is not None:
            held = [c for c in batch.claims if (c.kind, c.key) == (kind, key)]
            if held:
                return held[-1].owner
        return self._fact_recorder.claim_owner(kind, key)

    def taken_slots(self, kind: str) -> set[int]:
        """Which of a kind's numbered places are taken, here or in the open batch."""
        batch = self._batch.save
        held = [] if batch is None else [claim for claim in batch.claims if claim.kind == kind]
        held += self._fact_recorder.claims_of_kind(kind)
        return {int.from_bytes(claim.key) for claim in held}

    def command_position(self, command: UUID) -> Position | None:
        """Where a command's first fact stands, if it was carried out."""
        return self._fact_recorder.command_position(command)

    def facts_of(self, stream_id: UUID) -> list[Fact]:
        """A stream, as facts, oldest first."""
        return list(self._fact_mapper.open_records(self._fact_recorder.of_stream(stream_id)))

    # --- writing ----------------------------------------------------------------------

    def stamp(self, by: Actor, cause: Cause, occurred_at: datetime | None = None) -> Stamp:
        """Who, why and now."""
        now = self.clock.now()
        return Stamp(actor=by, cause=cause, occurred_at=occurred_at or now, recorded_at=now)

    def append(
        self,
        *aggregates: Aggregate,
        claims: Sequence[Claim] = (),
        releases: Sequence[Claim] = (),
        relies_on: Sequence[Aggregate] = (),
        command: UUID | None = None,
    ) -> Position:
        """Save what is pending, with what must be unique beside it, all or nothing.

        `relies_on` are aggregates that the decision read and does not change: if one has grown
        since, StreamMoved is raised and nothing is saved. Also raises IntegrityError (another
        version is there), ClaimTaken, CommandRepeated.
        """
        batch = self._batch.save
        save = Save() if batch is None else batch
        unmoved = [Expectation(a.id, a.version) for a in relies_on if a.id not in save.aggregates]
        pending = [event for a in aggregates for event in a.collect_events()]
        save.events.extend(event for event in pending if isinstance(event, Fact))
        save.claims.extend(claims)
        save.releases.extend(releases)
        save.expects.extend(unmoved)
        if batch is not None:
            save.aggregates.update({a.id: a for a in aggregates})
            return 0
        return self._flush(save, command=command)

    @contextmanager
    def batch(self, known: dict[UUID, Aggregate] | None = None) -> Iterator[None]:
        """Save everything that this thread appends within, in one transaction, at the end.

        For work on streams that nobody else writes to: there is no retry. Positions are 0.
        `known` carries aggregates from one batch to the next, and is emptied by one that fails.
        """
        if self._batch.save is not None:
            message = "a batch is open already"
            raise RuntimeError(message)
        save = self._batch.save = Save(aggregates={} if known is None else known)
        try:
            yield
        except BaseException:
            save.aggregates.clear()
            raise
        finally:
            self._batch.save = None
        written = {event.originator_id for event in save.events}
        save.expects = [e for e in save.expects if e.stream_id not in written]
        self._flush(save)

    @property
    def is_batching(self) -> bool:
        """Whether this thread is within a batch."""
        return self._batch.save is not None

    def _flush(self, save: Save, *, command: UUID | None = None) -> Position:
        if not save.events:
            return 0
        try:
            stored = [self._fact_mapper.to_stored_event(event) for event in save.events]
            subjects = {event.subject_id for event in save.events if event.subject_id}
            positions = self._fact_recorder.insert_events(
                stored,
                claims=save.claims,
                releases=save.releases,
                expects=save.expects,
                keys=self.vault.take_pending(subjects),
                command=command,
            )
        finally:
            self.vault.discard_pending()
        return positions[-1] if positions else 0


def use_case(
    method: Callable[Concatenate[B, P], Position],
) -> Callable[Concatenate[B, P], Position]:
    """Carry a command out once, however often it is sent or crossed by others.

    A conflict is tried again from the start with fresh aggregates, a bounded number of times. A
    command that was carried out before answers with its first position, also where the rules
    would refuse it now because of its own effect.
    """

    @wraps(method)
    def run(books: B, /, *args: P.args, **kwargs: P.kwargs) -> Position:
        if books.is_batching:
            return method(books, *args, **kwargs)
        refusal: LedgerError = Busy()
        for attempt in range(MOST_TRIES):
            try:
                return method(books, *args, **kwargs)
            except (IntegrityError, StreamMoved):
                _pause(attempt)
            except LedgerError as error:
                if not _may_be_free_next_time(error):
                    refusal = error
                    break
                _pause(attempt)
        return _first_answer(books, kwargs.get("cause"), refusal)

    return run


def _may_be_free_next_time(error: LedgerError) -> bool:
    return isinstance(error, ClaimTaken) and error.kind in LOOKED_FOR


def _first_answer(books: Books, cause: object, refusal: LedgerError) -> Position:
    """Where the command was recorded before, or else its refusal."""
    if isinstance(refusal, CommandRepeated):
        return refusal.position
    done = books.command_position(cause.id) if isinstance(cause, Cause) else None
    if done is None:
        raise refusal
    return done


def _pause(attempt: int) -> None:
    longest = LONGEST_PAUSE_MILLISECONDS * (attempt + 1)
    time.sleep(random.randint(0, longest) / 1000)  # noqa: S311 -- jitter, no secret
