"""Loading and appending: what every use case stands on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import local
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from eventsourcing.application import Application
from eventsourcing.persistence import EventStore
from eventsourcing.utils import Environment, EnvType

from ledger.application.at_hand import AtHand
from ledger.application.batch import HARDLY_ASKED, Batch, Known, Save
from ledger.clock import Clock
from ledger.dunning import STANDARD, DunningPolicy
from ledger.errors import Forbidden, LedgerError, NotFound, OnlyThePerson
from ledger.facts import Actor, Aggregate, Cause, Fact, Stamp
from ledger.money import Mode
from ledger.store.mapper import FactMapper
from ledger.store.recorder import FactRecorder
from ledger.store.records import Claim, Expectation
from ledger.store.vault import Vault

Position = int
"""Where the last fact of a save stands in the books; 0 where nothing had to be recorded."""

PLAN_SLOT, TAG_SLOT, TAG, ACCOUNT_USED = "plan_slot", "tag_slot", "tag", "account_used"
LOOKED_FOR = frozenset({PLAN_SLOT, TAG_SLOT, TAG, ACCOUNT_USED})
"""Claims that are made because they were free a moment ago: one that is taken after all is no
refusal but a reason to look again."""

STAFF = frozenset({"contributor", "program", "machine"})
"""Actors who may do what is not a person's own business."""

A = TypeVar("A", bound=Aggregate)


@dataclass(frozen=True, kw_only=True)
class SiteRules:
    """What the site has decided: its money, its time zone, its patience, its limits."""

    currency: str
    zone: ZoneInfo
    mode: Mode
    policy: DunningPolicy = STANDARD
    most_plans: int = 500
    most_tags: int = 250


class _Open(local):
    batch: Batch | None = None


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
            for record in self._recorder.of_stream(originator_id, after=gt or 0)
            if lte is None or record.version <= lte
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
        self._open, self._at_hand = _Open(), AtHand()
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
        batch = self._open.batch
        found: Any = None if batch is None else batch.known.aggregates.get(stream_id)
        if found is None:
            found = self._loaded(stream_id)
        if not isinstance(found, kind):
            raise NotFound(what=kind.TOPIC, id=stream_id)
        if batch is not None:
            batch.known.aggregates[stream_id] = batch.touched[stream_id] = found
        return found

    def _loaded(self, stream_id: UUID) -> Any:
        # The library's repository asks of every fact whether it keeps a protocol, which takes
        # longer than all the rest.
        found: Any = self._at_hand.copy_of(stream_id)
        version = 0 if found is None else found.version
        newer = self._fact_recorder.of_stream(stream_id, after=version)
        for fact in self._fact_mapper.open_records(newer):
            found = fact.mutate(found)
        if newer:
            self._at_hand.keep(found)
        return found

    def find(self, kind: type[A], stream_id: UUID, *, about: UUID) -> A | None:
        """An aggregate that may have been begun; `about` is the stream whose it would be."""
        batch = self._open.batch
        if batch is not None and not batch.may_exist(stream_id, about):
            return None
        try:
            return self.load(kind, stream_id)
        except NotFound:
            return None

    def owner_of(self, kind: str, key: bytes, *, about: UUID | None = None) -> UUID | None:
        """Whose a unique key is; `about` is the stream without which nobody can have claimed it."""
        batch = self._open.batch
        if batch is None:
            return self._fact_recorder.claim_owner(kind, key)
        if kind in HARDLY_ASKED:
            lately = batch.known.lately.get((kind, key))
            return lately or self._fact_recorder.claim_owner(kind, key)
        owners = batch.known.owners
        if (kind, key) not in owners:
            unheard = about in batch.known.begun
            owners[kind, key] = None if unheard else self._fact_recorder.claim_owner(kind, key)
        return owners[kind, key]

    def held(self, kind: str) -> list[Claim]:
        """Every claim of a kind that can only have few, as the open batch leaves them."""
        stored = self._fact_recorder.claims_of_kind(kind)
        batch = self._open.batch
        if batch is None:
            return stored
        made = [Claim(k, key, owner) for (k, key), owner in batch.claims.items() if k == kind]
        return [*(claim for claim in stored if claim not in batch.releases), *made]

    def taken_slots(self, kind: str) -> set[int]:
        """Which of a kind's numbered places are taken."""
        return {int.from_bytes(claim.key) for claim in self.held(kind)}

    def command_position(self, command: UUID) -> Position | None:
        """Where the save of a command ended, if it was carried out."""
        first = self._fact_recorder.command_position(command)
        return None if first is None else self._fact_recorder.last_of_save(first)

    def position_of(self, stream_id: UUID) -> Position:
        """Where the last save of a stream ended; 0 if it was never begun."""
        records = self._fact_recorder.of_stream(stream_id)
        return self._fact_recorder.last_of_save(records[-1].position) if records else 0

    def facts_of(self, stream_id: UUID) -> list[Fact]:
        """A stream, as facts, oldest first."""
        return list(self._fact_mapper.open_records(self._fact_recorder.of_stream(stream_id)))

    # --- writing ----------------------------------------------------------------------

    def stamp(self, by: Actor, cause: Cause, occurred_at: datetime | None = None) -> Stamp:
        """Who, why and now."""
        now = self.clock.now()
        return Stamp(actor=by, cause=cause, occurred_at=occurred_at or now, recorded_at=now)

    def own_stamp(self, member_id: UUID, by: Actor, cause: Cause) -> Stamp:
        """The stamp of what a person alone may do; OnlyThePerson for anybody else (AC1)."""
        if by != Actor(kind="member", id=member_id):
            raise OnlyThePerson
        return self.stamp(by, cause)

    def staff_stamp(self, by: Actor, cause: Cause) -> Stamp:
        """The stamp of what staff do, themselves or by a program; Forbidden for anybody else.

        Which of the staff may do what is asked at the edge, where roles are known.
        """
        if by.kind not in STAFF:
            raise Forbidden(role=by.kind)
        return self.stamp(by, cause)

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
        version is there), ClaimTaken, CommandRepeated. Where nothing is pending nothing is saved.
        """
        if not any(aggregate.pending_events for aggregate in aggregates):
            return 0
        batch = self._open.batch
        if batch is not None:
            batch.add(aggregates, claims, releases, relies_on)
            return 0
        pending = [event for aggregate in aggregates for event in aggregate.collect_events()]
        events = [event for event in pending if isinstance(event, Fact)]
        expects = [Expectation(aggregate.id, aggregate.version) for aggregate in relies_on]
        return self._flush(Save(events, claims, releases, expects), command=command)

    @contextmanager
    def batch(self, known: Known | None = None) -> Iterator[None]:
        """Save everything that this thread appends within, in one transaction, at the end.

        For work on streams that nobody else writes to: there is no retry, and a command is not
        kept to be answered again. Positions are 0. `known` carries what is known from one batch
        to the next, and is emptied by one that fails.
        """
        if self.is_batching:
            message = "a batch is open already"
            raise RuntimeError(message)
        batch = self._open.batch = Batch(Known() if known is None else known)
        try:
            yield
            self._flush(batch.whole())
        except BaseException:
            batch.known.forget()
            raise
        finally:
            self._open.batch = None

    @property
    def is_batching(self) -> bool:
        """Whether this thread is within a batch."""
        return self._open.batch is not None

    @contextmanager
    def undone_if_refused(self) -> Iterator[None]:
        """Within a batch: what a refused use case had decided by then is not decided."""
        batch = self._open.batch
        if batch is None:
            message = "no batch is open"
            raise RuntimeError(message)
        batch.touched.clear()
        try:
            yield
        except LedgerError:
            for aggregate in batch.touched.values():
                if aggregate.pending_events:
                    self._restore(aggregate.id, batch)
            raise

    def _restore(self, stream_id: UUID, batch: Batch) -> None:
        restored: Any = None
        for fact in [*self.facts_of(stream_id), *batch.facts_of(stream_id)]:
            restored = fact.mutate(restored)
        batch.known.aggregates[stream_id] = restored

    def _flush(self, save: Save, *, command: UUID | None = None) -> Position:
        if not save.events:
            return 0
        subjects = {event.subject_id for event in save.events if event.subject_id}
        try:
            if len(subjects) > 1:
                self.vault.make_ready(subjects)
            stored = [self._fact_mapper.to_stored_event(event) for event in save.events]
            with self.vault.saving(subjects) as keys:
                positions = self._fact_recorder.insert_events(
                    stored,
                    claims=save.claims,
                    releases=save.releases,
                    expects=save.expects,
                    keys=keys,
                    command=command,
                )
        finally:
            self.vault.discard_pending()
        return positions[-1]
