"""What staff do with many members at once: whom it concerns, and how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from psycopg.rows import class_row

from ledger.clock import Clock
from ledger.errors import NotFound
from web.sessions.pool import Pool

KEPT = timedelta(days=1)
Kind = Literal["tag", "untag", "list"]

BEGIN = """
    INSERT INTO web.bulk_acts (act_id, by_id, kind, what, members, undoes, back, began_at)
    VALUES (%(act_id)s, %(by_id)s, %(kind)s, %(what)s, %(members)s, %(undoes)s, %(back)s, %(now)s)
    ON CONFLICT (act_id) DO NOTHING
"""
SELECT = """
    SELECT act_id, by_id, kind, what, cardinality(members) AS size, done,
           cardinality(changed) AS changes, refused, undoes, undone, back, began_at, ended_at,
           told_at
      FROM web.bulk_acts
"""
ONE = SELECT + " WHERE act_id = %(act_id)s"
UNFINISHED = "SELECT act_id FROM web.bulk_acts WHERE ended_at IS NULL ORDER BY began_at, act_id"
SHOWN = (
    SELECT
    + """
     WHERE by_id = %(by_id)s AND NOT undone
       AND (ended_at IS NULL OR told_at IS NULL OR told_at > %(lately)s)
     ORDER BY began_at DESC
"""
)
TOLD = """
    UPDATE web.bulk_acts SET told_at = %(now)s WHERE act_id = ANY(%(act_ids)s) AND told_at IS NULL
"""
PART = "SELECT members[done + 1:done + %(most)s] FROM web.bulk_acts WHERE act_id = %(act_id)s"
CHANGED = "SELECT changed FROM web.bulk_acts WHERE act_id = %(act_id)s"
# Of two tabs that carried out the same part, one notes it.
NOTE = """
    UPDATE web.bulk_acts
       SET done = done + %(size)s, changed = changed || %(changed)s::uuid[],
           refused = refused + %(refused)s,
           ended_at = CASE WHEN done + %(size)s >= cardinality(members) THEN %(now)s END
     WHERE act_id = %(act_id)s AND done = %(done)s AND ended_at IS NULL
"""
STOP = """
    UPDATE web.bulk_acts SET ended_at = %(now)s
     WHERE act_id = %(act_id)s AND done = %(done)s AND ended_at IS NULL
"""
UNDONE = "UPDATE web.bulk_acts SET undone = true WHERE act_id = %(act_id)s"
PURGE = "DELETE FROM web.bulk_acts WHERE ended_at <= %(kept)s"


@dataclass(frozen=True, slots=True)
class BulkAct:
    """One act: `done` of `size` members were seen to, it changed something for `changes` of them,
    and `refused` were left as they are. `what` is a tag, or a list's id. `told_at` is when whoever
    began it first saw that it was over.
    """

    act_id: UUID
    by_id: UUID
    kind: Kind
    what: str
    size: int
    done: int
    changes: int
    refused: int
    undoes: UUID | None
    undone: bool
    back: str
    began_at: datetime
    ended_at: datetime | None
    told_at: datetime | None

    @property
    def is_stopped(self) -> bool:
        """Whether it is over, and did not come to its end."""
        return self.ended_at is not None and self.done < self.size

    @property
    def can_be_undone(self) -> bool:
        """Whether there is something to take back: a list's entries are taken off there."""
        return self.kind != "list" and self.undoes is None and not self.undone and self.changes > 0


class BulkActs:
    """Keeps acts until they are over, and a day."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    def begin(
        self,
        act_id: UUID,
        kind: Kind,
        what: str,
        members: Sequence[UUID],
        *,
        by_id: UUID,
        back: str,
        undoes: UUID | None = None,
    ) -> None:
        """Settle whom an act concerns; one that was begun before stays as it is."""
        values = {
            "act_id": act_id,
            "by_id": by_id,
            "kind": kind,
            "what": what,
            "members": list(members),
            "undoes": undoes,
            "back": back,
            "now": self._clock.now(),
        }
        with self._pool.connection() as connection, connection.transaction():
            connection.execute(BEGIN, values)
            if undoes is not None:
                connection.execute(UNDONE, {"act_id": undoes})

    def one(self, act_id: UUID) -> BulkAct:
        """An act. Raises NotFound."""
        with self._pool.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(BulkAct))
            found = cursor.execute(ONE, {"act_id": act_id}).fetchone()
        if found is None:
            raise NotFound(what="bulk act", id=act_id)
        return found

    def unfinished(self) -> list[UUID]:
        """All that are not over, the oldest first."""
        with self._pool.connection() as connection:
            return [act_id for (act_id,) in connection.execute(UNFINISHED)]

    def shown(self, by_id: UUID, *, for_seconds: int) -> list[BulkAct]:
        """Those of somebody that are not over, or were first seen to be lately; the latest first.

        Those that are over count as seen from now on.
        """
        now = self._clock.now()
        values = {"by_id": by_id, "lately": now - timedelta(seconds=for_seconds)}
        with self._pool.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(BulkAct))
            acts = cursor.execute(SHOWN, values).fetchall()
            over = [act.act_id for act in acts if act.ended_at and act.told_at is None]
            if over:
                connection.execute(TOLD, {"act_ids": over, "now": now})
        return acts

    def part(self, act_id: UUID, *, most: int) -> list[UUID]:
        """The next members that are to be seen to."""
        values = {"act_id": act_id, "most": most}
        with self._pool.connection() as connection:
            row = connection.execute(PART, values).fetchone()
        return list(row[0]) if row else []

    def changed(self, act_id: UUID) -> list[UUID]:
        """Those for whom an act changed something."""
        with self._pool.connection() as connection:
            row = connection.execute(CHANGED, {"act_id": act_id}).fetchone()
        return list(row[0]) if row else []

    def note(self, act: BulkAct, *, size: int, changed: Sequence[UUID], refused: int) -> None:
        """So many more were seen to, from where the act was."""
        values = {
            "act_id": act.act_id,
            "done": act.done,
            "size": size,
            "changed": list(changed),
            "refused": refused,
            "now": self._clock.now(),
        }
        with self._pool.connection() as connection:
            connection.execute(NOTE, values)

    def stop(self, act: BulkAct) -> None:
        """It is over where it is."""
        values = {"act_id": act.act_id, "done": act.done, "now": self._clock.now()}
        with self._pool.connection() as connection:
            connection.execute(STOP, values)

    def purge(self) -> int:
        """Remove what has been over for a day; answers how many."""
        with self._pool.connection() as connection:
            values = {"kept": self._clock.now() - KEPT}
            return connection.execute(PURGE, values).rowcount
