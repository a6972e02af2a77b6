"""One save: facts and what goes with them, all or nothing, in one round trip."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from time import sleep
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.persistence import OperationalError

from ledger.errors import Conflict
from ledger.store.arrays import (
    BooleanColumn,
    BytesColumn,
    InstantColumn,
    IntegerColumn,
    TextColumn,
    UuidColumn,
)
from ledger.store.asking import Asking, ConnectionLost, library_errors
from ledger.store.records import Claim, Expectation, StoredFact, SubjectKey
from ledger.store.refusals import ClaimTaken, CommandRepeated, StreamMoved

RESEND_AFTER_SECONDS = (0.05, 0.5, 2.0)
"""How long to wait before each time a save is sent again after the connection was lost."""

APPEND = """
select ledger.append(
    %(stream_ids)s, %(versions)s, %(topics)s, %(subject_ids)s, %(recorded_ats)s, %(states)s,
    %(command)s, %(expected_ids)s, %(expected_versions)s,
    %(claim_kinds)s, %(claim_keys)s, %(claim_owners)s, %(claim_takes)s,
    %(key_subjects)s, %(key_wrapped)s)
"""
APPEND_ONE = """
select ledger.append_one(
    %(stream_id)s, %(version)s, %(topic)s::text, %(subject_id)s, %(recorded_at)s, %(state)s,
    %(command)s)
"""
READ_BACK = """
select facts.position
  from unnest(%(stream_ids)s, %(versions)s, %(topics)s, %(states)s)
       as sent (stream_id, version, topic, state)
  join ledger.facts using (stream_id, version, topic, state)
 order by facts.position
"""


class SaveUncertain(OperationalError):
    """The connection was lost while saving and did not come back; nobody knows if it happened.

    Send the command again: it is carried out, or answers as the first time.
    """


@dataclass(frozen=True)
class Save:
    """What is saved together."""

    facts: Sequence[StoredFact]
    claims: Sequence[Claim] = ()
    releases: Sequence[Claim] = ()
    expects: Sequence[Expectation] = ()
    keys: Sequence[SubjectKey] = ()
    command: UUID | None = None

    @property
    def is_one(self) -> bool:
        """Whether it is one fact, with a command at most, as most saves are."""
        beside = self.claims or self.releases or self.expects or self.keys
        return len(self.facts) == 1 and not beside

    def positions(self, first: int) -> list[int]:
        """Those of its facts, given the first."""
        return list(range(first, first + len(self.facts)))

    def call(self) -> tuple[str, dict[str, Any]]:
        """The statement that saves it, with its parameters."""
        if not self.is_one:
            return APPEND, self.columns() | self._beside()
        [fact] = self.facts
        return APPEND_ONE, {
            "stream_id": fact.originator_id,
            "version": fact.originator_version,
            "topic": fact.topic,
            "subject_id": fact.subject_id,
            "recorded_at": fact.recorded_at,
            "state": fact.state,
            "command": self.command,
        }

    def columns(self) -> dict[str, Any]:
        """The facts, by column."""
        facts = self.facts
        return {
            "stream_ids": UuidColumn([fact.originator_id for fact in facts]),
            "versions": IntegerColumn([fact.originator_version for fact in facts]),
            "topics": TextColumn([fact.topic for fact in facts]),
            "subject_ids": UuidColumn([fact.subject_id for fact in facts]),
            "recorded_ats": InstantColumn([fact.recorded_at for fact in facts]),
            "states": BytesColumn([fact.state for fact in facts]),
        }

    def _beside(self) -> dict[str, Any]:
        """What goes with them; None for what this save has none of."""
        asked = [*self.releases, *self.claims]
        takes = [False] * len(self.releases) + [True] * len(self.claims)
        return {
            "command": self.command,
            "expected_ids": UuidColumn([each.stream_id for each in self.expects]) or None,
            "expected_versions": IntegerColumn([each.version for each in self.expects]) or None,
            "claim_kinds": TextColumn([claim.kind for claim in asked]) or None,
            "claim_keys": BytesColumn([claim.key for claim in asked]) or None,
            "claim_owners": UuidColumn([claim.owner for claim in asked]) or None,
            "claim_takes": BooleanColumn(takes) or None,
            "key_subjects": UuidColumn([key.subject_id for key in self.keys]) or None,
            "key_wrapped": BytesColumn([key.wrapped for key in self.keys]) or None,
        }


def save(asking: Asking, what: Save) -> list[int]:
    """Save it and answer its positions, which have no hole.

    Raises CommandRepeated, StreamMoved, IntegrityError (a version exists) or ClaimTaken, looked for
    in this order; the library's errors for what the database can't do; or SaveUncertain.
    """
    with library_errors():
        try:
            return _append(asking, what)
        except ConnectionLost:
            return _send_again(asking, what)


def _send_again(asking: Asking, what: Save) -> list[int]:
    """A save that was under way holds its streams, so a second one waits for its outcome."""
    for seconds in RESEND_AFTER_SECONDS:
        sleep(seconds)
        try:
            asking.pool.check()
            return _append(asking, what)
        except (ConnectionLost, psycopg.OperationalError):
            continue
        except (Conflict, psycopg.IntegrityError):
            positions = _read_back(asking, what)
            if len(positions) == len(what.facts):
                return positions  # the conflict is with ourselves
            raise
    raise SaveUncertain(SaveUncertain.__doc__)


def _append(asking: Asking, what: Save) -> list[int]:
    try:
        [(first,)] = asking.once(*what.call())
    except psycopg.DatabaseError as error:
        refusal = _refusal(error)
        if refusal is None:
            raise
        raise refusal from error
    return what.positions(first)


def _refusal(error: psycopg.DatabaseError) -> Conflict | None:
    """What ledger.append refused, by SQLSTATE; the rest stands in the error's detail."""
    if not (error.sqlstate or "").startswith("LG"):
        return None
    detail = json.loads(error.diag.message_detail or "{}")
    if error.sqlstate == "LG001":
        return CommandRepeated(position=detail["position"])
    if error.sqlstate == "LG002":
        return StreamMoved(stream_id=UUID(detail["stream_id"]))
    return ClaimTaken(kind=detail["kind"], owner=UUID(detail["owner"]))


def _read_back(asking: Asking, what: Save) -> list[int]:
    return [position for (position,) in asking.read(READ_BACK, what.columns())]
