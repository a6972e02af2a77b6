"""The books: facts appended without a table lock, and read up to where nothing can still appear."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from eventsourcing.persistence import ApplicationRecorder, Notification, StoredEvent
from psycopg_pool import ConnectionPool

from ledger.store.asking import Asking
from ledger.store.records import Claim, Expectation, FactRecord, StoredFact, SubjectKey
from ledger.store.saving import Save, save
from ledger.store.subscription import FactSubscription

LAST = 2**63 - 1
LAST_VERSION = 2**31 - 1

STREAM = """
select stream_id, version, topic, state from ledger.facts
 where stream_id = %(stream_id)s and version > %(gt)s and version <= %(lte)s
 order by version limit %(limit)s
"""
STREAM_BACKWARDS = """
select stream_id, version, topic, state from ledger.facts
 where stream_id = %(stream_id)s and version > %(gt)s and version <= %(lte)s
 order by version desc limit %(limit)s
"""
NOTIFICATIONS = """
select stream_id, version, topic, state, position from ledger.facts
 where position >= %(start)s and position <= %(stop)s
   and (%(topics)s::text[] is null or topic = any (%(topics)s))
 order by position limit %(limit)s
"""
HORIZON = "select ledger.horizon()"
AFTER = """
select position, stream_id, version, topic, subject_id, recorded_at, state from ledger.facts
 where position > %(after)s
   and position <= least(%(horizon)s::bigint, (
           select position + following from ledger.facts
            where position > %(after)s order by position limit 1 offset %(limit)s::bigint - 1))
 order by position
"""
OF_SUBJECT = """
select position, stream_id, version, topic, subject_id, recorded_at, state from ledger.facts
 where subject_id = %(subject_id)s order by position
"""
OF_STREAM = """
select position, stream_id, version, topic, subject_id, recorded_at, state from ledger.facts
 where stream_id = %(stream_id)s and version > %(after)s order by version
"""
LATEST_OF_STREAM = """
select position, stream_id, version, topic, subject_id, recorded_at, state from ledger.facts
 where stream_id = %(stream_id)s order by version desc limit %(most)s
"""
NAMED = """
select position, stream_id, version, topic, subject_id, recorded_at, state
  from ledger.facts join unnest(%(streams)s::uuid[], %(versions)s::int[]) as named (stream, number)
    on stream_id = stream and version = number
"""
OF_TOPICS = """
select position, stream_id, version, topic, subject_id, recorded_at, state from ledger.facts
 where topic = any (%(topics)s) and position <= %(upto)s order by position
"""
# What came since the last look: nobody else asks by time, so nobody else keeps the index up.
SUM_UP = "select brin_summarize_new_values('ledger.facts_recorded')"
RECORDED_SINCE = """
select position, stream_id, version, topic, subject_id, recorded_at, state from ledger.facts
 where topic = any (%(topics)s) and recorded_at >= %(since)s order by position
"""
COMMAND = "select position from ledger.commands where id = %(id)s"
OWNER = "select owner from ledger.claims where kind = %(kind)s and key = %(key)s"
CLAIMED = "select key, owner from ledger.claims where kind = %(kind)s"
LAST_OF_SAVE = "select position + following from ledger.facts where position = %(position)s"
RECORDED_AT = "select recorded_at from ledger.facts where position = %(position)s"


class FactRecorder(ApplicationRecorder):
    """The library's recorder over the ledger's own tables.

    Any number of processes may append and read at once. Readers of `horizon`, `read`,
    `select_notifications` and subscriptions are never overtaken by a save that was slow; they
    belong on the primary, for a standby doesn't know who is writing.
    """

    def __init__(self, pool: ConnectionPool[Any]) -> None:
        self._asking = Asking(pool)
        self.on_append: list[Callable[[], object]] = []
        """Called after each save of this recorder, to wake those who follow; they may not raise."""

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        claims: Sequence[Claim] = (),
        releases: Sequence[Claim] = (),
        expects: Sequence[Expectation] = (),
        keys: Sequence[SubjectKey] = (),
        command: UUID | None = None,
        **_: Any,
    ) -> Sequence[int]:
        """Save StoredFacts and what goes with them, all or nothing; answer their positions.

        `releases` are let go before `claims` are taken, `expects` must still hold when it is saved,
        `keys` are new persons' keys, `command` is carried out at most once. Without facts nothing
        is done, and no command is noted.
        Raises CommandRepeated, StreamMoved, IntegrityError (a version exists) or ClaimTaken: the
        first of these that is found; SaveUncertain; the library's errors for all else.
        """
        if not stored_events:
            if claims or releases or keys:
                message = "claims and keys are saved with the facts that need them"
                raise ValueError(message)
            return []
        facts = cast("Sequence[StoredFact]", stored_events)
        positions = save(self._asking, Save(facts, claims, releases, expects, keys, command))
        for wake in tuple(self.on_append):
            wake()
        return positions

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The facts of a stream, by version."""
        rows = self._asking.read(
            STREAM_BACKWARDS if desc else STREAM,
            {
                "stream_id": originator_id,
                "gt": -1 if gt is None else gt,
                "lte": LAST_VERSION if lte is None else lte,
                "limit": limit,
            },
        )
        return [StoredEvent(*row) for row in rows]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Facts by position, up to the horizon."""
        horizon = self.horizon()
        rows = self._asking.read(
            NOTIFICATIONS,
            {
                "start": (start or 0) + (not inclusive_of_start),
                "stop": min(horizon, LAST if stop is None else stop),
                "topics": list(topics) or None,
                "limit": limit,
            },
        )
        return [Notification(*row) for row in rows]

    def max_notification_id(self) -> int | None:
        """The horizon, or None if nothing is settled yet."""
        return self.horizon() or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> FactSubscription:
        """Facts after a position as they are settled; the iterator waits for more."""
        return FactSubscription(self, gt, topics)

    def horizon(self) -> int:
        """The last position of the last save behind which nothing can still appear; 0 if none.

        It may step back for an instant. Keep the last position that was read, never this.
        """
        [(position,)] = self._asking.read(HORIZON, {})
        return int(position)

    def read(self, after: int, limit: int) -> list[FactRecord]:
        """About `limit` facts after a position: whole saves, up to the horizon."""
        # A statement of its own: what was settled before it began is visible to the next.
        horizon = self.horizon()
        rows = self._asking.read(AFTER, {"after": after, "limit": limit, "horizon": horizon})
        return [FactRecord(*row) for row in rows]

    def of_subject(self, subject_id: UUID) -> list[FactRecord]:
        """Everything that concerns a person, by position."""
        rows = self._asking.read(OF_SUBJECT, {"subject_id": subject_id})
        return [FactRecord(*row) for row in rows]

    def of_stream(self, stream_id: UUID, *, after: int = 0) -> list[FactRecord]:
        """The facts of a stream after a version, by version."""
        rows = self._asking.read(OF_STREAM, {"stream_id": stream_id, "after": after})
        return [FactRecord(*row) for row in rows]

    def latest_of_stream(self, stream_id: UUID, most: int) -> list[FactRecord]:
        """The last facts of a stream, at most so many, by version."""
        rows = self._asking.read(LATEST_OF_STREAM, {"stream_id": stream_id, "most": most})
        return [FactRecord(*row) for row in reversed(rows)]

    def named(self, names: Collection[tuple[UUID, int]]) -> list[FactRecord]:
        """The facts at some streams' versions, those that there are, in no order."""
        streams, versions = [stream for stream, _ in names], [version for _, version in names]
        rows = self._asking.read(NAMED, {"streams": streams, "versions": versions})
        return [FactRecord(*row) for row in rows]

    def of_topics(self, topics: Sequence[str], *, upto: int) -> list[FactRecord]:
        """All facts of some kinds up to a position; it looks through the whole log."""
        rows = self._asking.read(OF_TOPICS, {"topics": list(topics), "upto": upto})
        return [FactRecord(*row) for row in rows]

    def recorded_since(self, since: datetime, topics: Sequence[str]) -> list[FactRecord]:
        """Facts of some kinds that were recorded at an instant or later, settled or not."""
        self._asking.read(SUM_UP, {})
        rows = self._asking.read(RECORDED_SINCE, {"since": since, "topics": list(topics)})
        return [FactRecord(*row) for row in rows]

    def position_time(self, position: int) -> datetime | None:
        """When the fact at a position was recorded; None where there is none."""
        rows = self._asking.read(RECORDED_AT, {"position": position})
        return rows[0][0] if rows else None

    def command_position(self, command_id: UUID) -> int | None:
        """The first position of what a command led to; None if it was not carried out."""
        rows = self._asking.read(COMMAND, {"id": command_id})
        return rows[0][0] if rows else None

    def last_of_save(self, position: int) -> int:
        """Where the save that a position belongs to ends; the position itself if none is there."""
        rows = self._asking.read(LAST_OF_SAVE, {"position": position})
        return int(rows[0][0]) if rows else position

    def claim_owner(self, kind: str, key: bytes) -> UUID | None:
        """Whose a claim is; None if it is free."""
        rows = self._asking.read(OWNER, {"kind": kind, "key": key})
        return rows[0][0] if rows else None

    def claims_of_kind(self, kind: str) -> list[Claim]:
        """Every claim of a kind that can only have few (places among so many)."""
        rows = self._asking.read(CLAIMED, {"kind": kind})
        return [Claim(kind, bytes(key), owner) for key, owner in rows]
