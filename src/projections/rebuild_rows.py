"""Rebuilds as the database keeps them: every step can be taken up by whoever comes next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Literal, LiteralString, NamedTuple, cast, get_args
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row, dict_row, tuple_row
from pydantic import TypeAdapter
from pydantic_core import to_json

from projections.digest import Digest
from projections.parking import parked
from projections.part import Part, Streams, Subjects
from projections.positions import Standing
from projections.tables import Table
from projections.written import MANNER

State = Literal[
    "planned",
    "building",
    "catching_up",
    "verifying",
    "live",
    "failed",
    "cancelled",
    "rolled_back",
]
UNDER_WAY: tuple[State, ...] = get_args(State)[:4]

FACTS_A_PART, FEW_FACTS, LEAST_PARTS = 25_000, 20_000, 8
"""Small enough to lose little when one is lost, and to be done in a moment: while its transaction
is open the server keeps every row that the live views replace, and their follower walks past all
of them. Large enough that beginning one costs little."""
LARGEST = 1 << 128

COLUMNS: LiteralString = """id, number, state, names, shapes, versions, workers, replaces_damaged,
    target, position, facts, aside, cancelled, why, mismatches, replaced, folding_ms, blocked_ms,
    receipt, planned_at, changed_at, manner"""
PLAN: LiteralString = """
INSERT INTO views.rebuilds (id, state, names, shapes, versions, workers, replaces_damaged,
                            target, position, facts, aside, planned_at, changed_at, manner)
SELECT %(id)s, 'planned', %(names)s, %(shapes)s, %(versions)s, %(workers)s, %(replaces_damaged)s,
       %(target)s, %(target)s, count(*), '{}', %(now)s, %(now)s,
       %(manner)s
  FROM ledger.facts WHERE position <= %(target)s
"""
ADD_PART = """
INSERT INTO views.rebuild_parts (rebuild_id, number, kind, lower, upper)
VALUES (%(id)s, %(number)s, %(kind)s, %(lower)s, %(upper)s)
"""
ACTIVE: LiteralString = """
SELECT {columns} FROM views.rebuilds WHERE state = ANY (%(under_way)s)
"""
ONE: LiteralString = "SELECT {columns} FROM views.rebuilds WHERE id = %(id)s"
ONE_STILL: LiteralString = ONE + " FOR UPDATE"
LATEST: LiteralString = """
SELECT {columns} FROM views.rebuilds ORDER BY number DESC LIMIT %(limit)s
"""
OF_VIEW: LiteralString = """
SELECT {columns} FROM views.rebuilds WHERE %(name)s = ANY (names) ORDER BY number DESC LIMIT 1
"""
UNRECEIPTED: LiteralString = """
SELECT {columns} FROM views.rebuilds WHERE state = 'live' AND receipt IS NULL ORDER BY number
"""
SET: LiteralString = """
UPDATE views.rebuilds SET state = %(state)s, why = %(why)s, changed_at = %(now)s WHERE id = %(id)s
"""
PLAIN = ("position", "aside", "folding_ms", "blocked_ms", "receipt")
FIELDS = (*PLAIN, "mismatches", "replaced")
SET_FIELDS = """
UPDATE views.rebuilds
   SET position = coalesce(%(position)s, position),
       aside = coalesce(%(aside)s::bigint[], aside),
       folding_ms = coalesce(%(folding_ms)s, folding_ms),
       blocked_ms = coalesce(%(blocked_ms)s, blocked_ms),
       receipt = coalesce(%(receipt)s, receipt),
       mismatches = coalesce(%(mismatches)s::jsonb, mismatches),
       replaced = coalesce(%(replaced)s::jsonb, replaced)
 WHERE id = %(id)s
"""
STAND_STILL = "LOCK TABLE views.positions IN EXCLUSIVE MODE"
CANCEL = """
UPDATE views.rebuilds SET cancelled = true WHERE id = %(id)s AND state = ANY (%(under_way)s)
"""
WAITING = """
SELECT number FROM views.rebuild_parts WHERE rebuild_id = %(id)s AND NOT done ORDER BY number
"""
PART = """
SELECT kind, lower, upper, done FROM views.rebuild_parts
 WHERE rebuild_id = %(id)s AND number = %(number)s FOR UPDATE
"""
DONE = """
UPDATE views.rebuild_parts SET done = true, facts = %(facts)s, milliseconds = %(milliseconds)s
 WHERE rebuild_id = %(id)s AND number = %(number)s
"""
PROGRESS = """
SELECT count(*) FILTER (WHERE done), count(*), coalesce(sum(facts), 0)::bigint
  FROM views.rebuild_parts WHERE rebuild_id = %(id)s
"""
ADD_DIGEST = """
INSERT INTO views.rebuild_digests (rebuild_id, part, name, bucket, rows, hash)
VALUES (%(id)s, %(part)s, %(name)s, %(bucket)s, %(rows)s, %(hash)s)
"""
DIGEST = """
SELECT coalesce(sum(rows), 0)::bigint, coalesce(sum(hash), 0) FROM views.rebuild_digests
 WHERE rebuild_id = %(id)s AND name = %(name)s
"""
SCHEMA_OF = "rebuild_{}"


class Mismatch(NamedTuple):
    """One thing that verification found to be otherwise than it should be.

    `check` is law, refold, digest or live; `columns` name what differs, never what it holds;
    `expected` and `found` are digests of the row, or the two sums of a law.
    """

    check: str
    view: str
    key: str
    columns: tuple[str, ...]
    expected: str
    found: str


MISMATCHES: TypeAdapter[tuple[Mismatch, ...]] = TypeAdapter(tuple[Mismatch, ...])
REPLACED: TypeAdapter[tuple[Standing, ...]] = TypeAdapter(tuple[Standing, ...])


class Rebuild(NamedTuple):
    """Some views on their way to being folded anew, and how that ended.

    `target` is the position up to which parts are folded, `position` how far the new tables have
    got since, `facts` how many there are up to the target; `aside` the positions left out.
    """

    id: UUID
    number: int
    state: State
    names: list[str]
    shapes: list[str]
    versions: list[int]
    workers: int
    replaces_damaged: bool
    target: int
    position: int
    facts: int
    aside: list[int]
    cancelled: bool
    why: str | None
    mismatches: list[list[Any]]
    replaced: list[list[Any]]
    folding_ms: int
    blocked_ms: int
    receipt: int | None
    planned_at: datetime
    changed_at: datetime
    manner: str

    @property
    def schema(self) -> str:
        """Where the new tables stand until they serve."""
        return SCHEMA_OF.format(self.id.hex[:12])

    @property
    def is_under_way(self) -> bool:
        """Whether it has not ended."""
        return self.state in UNDER_WAY

    @property
    def differences(self) -> tuple[Mismatch, ...]:
        """What verification found."""
        return MISMATCHES.validate_python([tuple(one) for one in self.mismatches])

    @property
    def before(self) -> tuple[Standing, ...]:
        """How the tables stood that were replaced."""
        return REPLACED.validate_json(to_json(self.replaced))

    def is_of(self, tables: Iterable[Table]) -> bool:
        """Whether it makes what this program would make of these views."""
        ours = {table.view.name: table.shape for table in tables}
        pairs = zip(self.names, self.shapes, strict=True)
        return all(ours.get(name) == shape for name, shape in pairs)

    def can_go_on(self, tables: Iterable[Table]) -> bool:
        """Whether this program can take it up: what was made so far is as it would be made here."""
        return self.manner == MANNER and self.is_of(tables)


class Progress(NamedTuple):
    """Parts done and in all, and the facts of those that are done."""

    parts_done: int
    parts: int
    facts_done: int


def parts_for(facts: int, tables: Sequence[Table], workers: int) -> list[Part]:
    """Ranges of random ids, about equal: of streams, where a view is kept by them, and of persons.

    None is long, whatever it is of: each is folded in one transaction.
    """
    partitions = {table.view.partition for table in tables}
    kinds: list[type[Streams] | type[Subjects]] = [
        kind for kind, name in ((Streams, "stream"), (Subjects, "subject")) if name in partitions
    ]
    ranges = 1
    if facts > FEW_FACTS:
        ranges = -(-max(facts // FACTS_A_PART, LEAST_PARTS) // workers) * workers
    bounds = [None, *(UUID(int=LARGEST * place // ranges) for place in range(1, ranges)), None]
    return [kind(*ends) for kind in kinds for ends in pairwise(bounds)]


# --- asking -------------------------------------------------------------------------------


def active(connection: Connection[Any]) -> Rebuild | None:
    """The rebuild under way; there is never more than one."""
    return next(iter(_asked(connection, ACTIVE, {"under_way": list(UNDER_WAY)})), None)


def one(connection: Connection[Any], rebuild_id: UUID) -> Rebuild | None:
    """One rebuild."""
    return next(iter(_asked(connection, ONE, {"id": rebuild_id})), None)


def one_still(connection: Connection[Any], rebuild_id: UUID) -> Rebuild | None:
    """One rebuild, which nobody changes before the transaction ends."""
    return next(iter(_asked(connection, ONE_STILL, {"id": rebuild_id})), None)


def latest(connection: Connection[Any], limit: int) -> list[Rebuild]:
    """The last rebuilds, the latest first."""
    return _asked(connection, LATEST, {"limit": limit})


def last_of(connection: Connection[Any], name: str) -> Rebuild | None:
    """The last rebuild of a view."""
    return next(iter(_asked(connection, OF_VIEW, {"name": name})), None)


def unreceipted(connection: Connection[Any]) -> list[Rebuild]:
    """What serves and is not in the books yet."""
    return _asked(connection, UNRECEIPTED, {})


def waiting(connection: Connection[Any], rebuild: Rebuild) -> list[int]:
    """The parts that are not done."""
    cursor = connection.cursor(row_factory=tuple_row)
    return [number for (number,) in cursor.execute(WAITING, {"id": rebuild.id})]


def progress(connection: Connection[Any], rebuild: Rebuild) -> Progress:
    """How much of the building is done."""
    cursor = connection.cursor(row_factory=tuple_row)
    row = cursor.execute(PROGRESS, {"id": rebuild.id}).fetchone()
    return Progress(*row) if row else Progress(0, 0, 0)


def digest(connection: Connection[Any], rebuild: Rebuild, name: str) -> Digest:
    """What the parts said they wrote of a view, all together."""
    cursor = connection.cursor(row_factory=tuple_row)
    row = cursor.execute(DIGEST, {"id": rebuild.id, "name": name}).fetchone()
    rows, hashed = row or (0, 0)
    return Digest(rows, int(hashed))


def _asked(
    connection: Connection[Any], query: LiteralString, parameters: dict[str, object]
) -> list[Rebuild]:
    text = query.format(columns=COLUMNS)
    return connection.cursor(row_factory=class_row(Rebuild)).execute(text, parameters).fetchall()


# --- writing ------------------------------------------------------------------------------


def plan(
    connection: Connection[Any],
    rebuild_id: UUID,
    tables: Sequence[Table],
    *,
    target: int,
    workers: int,
    replaces_damaged: bool,
    now: datetime,
) -> Rebuild:
    """Write down what is to be done; raises UniqueViolation while another rebuild is under way."""
    connection.execute(
        PLAN,
        {
            "id": rebuild_id,
            "names": [table.view.name for table in tables],
            "shapes": [table.shape for table in tables],
            "versions": [table.view.version for table in tables],
            "workers": workers,
            "replaces_damaged": replaces_damaged,
            "target": target,
            "now": now,
            "manner": MANNER,
        },
    )
    rebuild = cast("Rebuild", one(connection, rebuild_id))
    for number, part in enumerate(parts_for(rebuild.facts, tables, workers)):
        connection.execute(
            ADD_PART,
            {
                "id": rebuild_id,
                "number": number,
                "kind": "subjects" if isinstance(part, Subjects) else "streams",
                "lower": part.lower,
                "upper": part.upper,
            },
        )
    return rebuild


def set_state(
    connection: Connection[Any],
    rebuild: Rebuild,
    state: State,
    *,
    now: datetime,
    why: str | None = None,
) -> Rebuild:
    """The rebuild in another state."""
    asked = {"id": rebuild.id, "state": state, "why": why, "now": now}
    connection.execute(SET, asked)
    return rebuild._replace(state=state, why=why, changed_at=now)


def set_fields(connection: Connection[Any], rebuild: Rebuild, **fields: Any) -> Rebuild:
    """The rebuild with some of FIELDS changed; mismatches and replaced are given as JSON."""
    asked = dict.fromkeys(FIELDS) | fields
    connection.execute(SET_FIELDS, {"id": rebuild.id, **asked})
    return rebuild._replace(**{name: value for name, value in fields.items() if name in PLAIN})


def begin_aside(connection: Connection[Any], rebuild: Rebuild, skipped: Iterable[int]) -> Rebuild:
    """Leave out what is set aside now, the last thing before the plan is made known.

    Whoever sets facts aside or takes them in waits, and finds the rebuild under way.
    """
    connection.execute(STAND_STILL)
    aside = {one.position for one in parked(connection)}.union(skipped)
    return set_fields(connection, rebuild, aside=sorted(aside))


def cancel(connection: Connection[Any], rebuild: Rebuild) -> None:
    """Ask that it be given up; whoever carries it out does so before its next step."""
    connection.execute(CANCEL, {"id": rebuild.id, "under_way": list(UNDER_WAY)})


def take_part(connection: Connection[Any], rebuild_id: UUID, number: int) -> Part | None:
    """A part to fold within this transaction; None where that was done, or is no longer wanted."""
    cursor = connection.cursor(row_factory=dict_row)
    row = cursor.execute(PART, {"id": rebuild_id, "number": number}).fetchone()
    if row is None or row["done"]:
        return None
    kind = Streams if row["kind"] == "streams" else Subjects
    return kind(row["lower"], row["upper"])


def finish_part(
    connection: Connection[Any],
    rebuild_id: UUID,
    number: int,
    *,
    facts: int,
    milliseconds: int,
    digests: dict[str, dict[int, tuple[int, int]]],
) -> None:
    """Write down that a part is done, and what it wrote."""
    asked = {"id": rebuild_id, "number": number, "facts": facts, "milliseconds": milliseconds}
    connection.execute(DONE, asked)
    connection.cursor().executemany(
        ADD_DIGEST,
        [
            {
                "id": rebuild_id,
                "part": number,
                "name": name,
                "bucket": bucket,
                "rows": rows,
                "hash": hashed,
            }
            for name, buckets in digests.items()
            for bucket, (rows, hashed) in buckets.items()
        ],
    )
