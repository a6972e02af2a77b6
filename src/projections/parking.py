"""Facts that could not be folded, set aside with all later ones of the same person."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import tuple_row

from ledger.errors import LedgerError
from ledger.store.records import FactRecord

BEHIND = "waits behind an earlier fact"

PARK = """
INSERT INTO views.parked (position, subject_id, topic, why, parked_at)
VALUES (%(position)s, %(subject_id)s, %(topic)s, %(why)s, %(now)s)
ON CONFLICT (position) DO NOTHING
"""
ALL = "SELECT position, subject_id, topic, why, parked_at FROM views.parked ORDER BY position"
SUBJECTS = "SELECT DISTINCT subject_id FROM views.parked"
RELEASE = "DELETE FROM views.parked WHERE subject_id = %(subject_id)s"
ASK = """
INSERT INTO views.asked_again (subject_id) SELECT DISTINCT subject_id FROM views.parked
ON CONFLICT DO NOTHING
"""
ASKED = "SELECT subject_id FROM views.asked_again"
ANSWER = "DELETE FROM views.asked_again WHERE subject_id = ANY (%(subject_ids)s)"


class Parked(NamedTuple):
    """A fact that no view has; `subject_id` is its person, or its stream if it concerns nobody."""

    position: int
    subject_id: UUID
    topic: str
    why: str
    parked_at: datetime


def subject_of(record: FactRecord) -> UUID:
    """Whose later facts wait when this one can't be folded."""
    return record.subject_id or record.stream_id


def parked(connection: Connection[Any]) -> list[Parked]:
    """All that is set aside, by position."""
    return [Parked(*row) for row in connection.cursor(row_factory=tuple_row).execute(ALL)]


def parked_subjects(connection: Connection[Any]) -> set[UUID]:
    """Whose rows are stale."""
    cursor = connection.cursor(row_factory=tuple_row)
    return {subject_id for (subject_id,) in cursor.execute(SUBJECTS)}


def park(
    connection: Connection[Any], records: Iterable[FactRecord], why: str, now: datetime
) -> None:
    """Set facts aside."""
    connection.cursor().executemany(
        PARK,
        [
            {
                "position": record.position,
                "subject_id": subject_of(record),
                "topic": record.topic,
                "why": why,
                "now": now,
            }
            for record in records
        ],
    )


def release(connection: Connection[Any], subject_id: UUID) -> None:
    """Take a person's facts back in."""
    connection.execute(RELEASE, {"subject_id": subject_id})


def ask_again(connection: Connection[Any]) -> None:
    """Ask whoever follows to fold all that is set aside once more."""
    connection.execute(ASK)


def asked_again(connection: Connection[Any]) -> list[UUID]:
    """Whose facts somebody wants to be tried, and had no answer yet."""
    cursor = connection.cursor(row_factory=tuple_row)
    return [subject_id for (subject_id,) in cursor.execute(ASKED)]


def answer(connection: Connection[Any], subject_ids: list[UUID]) -> None:
    """They were tried, however that went."""
    connection.execute(ANSWER, {"subject_ids": subject_ids})


def why(error: Exception) -> str:
    """What went wrong, without what was being folded: that may be personal."""
    if isinstance(error, psycopg.Error):
        return f"{type(error).__name__} ({error.sqlstate})"
    return error.code if isinstance(error, LedgerError) else type(error).__name__
