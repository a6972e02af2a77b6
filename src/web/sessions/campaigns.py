"""What became of the messages to lists: who got each, who left it by its link, who read on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from ledger.clock import Clock
from web.sessions.pool import Pool

Outcome = Literal["sent", "not_consented", "unsubscribed", "left_out"]
"""`left_out`: the account is closed, the address was erased, they were taken off or are on the list
twice, or the list is over."""

DECIDED = """
    SELECT entry_id FROM web.campaign_mails
     WHERE message_id = %(message_id)s AND entry_id = ANY(%(entry_ids)s)
"""
DECIDE = """
    INSERT INTO web.campaign_mails (message_id, entry_id, mail_id, member_id, outcome, decided_at)
    VALUES (%(message_id)s, %(entry_id)s, %(mail_id)s, %(member_id)s, %(outcome)s, %(now)s)
    ON CONFLICT (message_id, entry_id) DO NOTHING
"""
FINISHED = "SELECT message_id FROM web.campaigns WHERE message_id = ANY(%(message_ids)s)"
FINISH = """
    INSERT INTO web.campaigns (message_id, finished_at) VALUES (%(message_id)s, %(now)s)
    ON CONFLICT (message_id) DO NOTHING
"""
OPENED = """
    UPDATE web.campaign_mails SET opened_at = %(now)s
     WHERE message_id = %(message_id)s AND entry_id = %(entry_id)s AND opened_at IS NULL
"""
LEFT = """
    UPDATE web.campaign_mails SET unsubscribed_at = %(now)s
     WHERE message_id = %(message_id)s AND entry_id = %(entry_id)s AND unsubscribed_at IS NULL
"""
FIGURES = """
    SELECT message_id,
           count(*) FILTER (WHERE outcome = 'sent'),
           count(*) FILTER (WHERE outcome = 'not_consented'),
           count(*) FILTER (WHERE outcome = 'unsubscribed' OR unsubscribed_at IS NOT NULL),
           count(*) FILTER (WHERE outcome = 'left_out'),
           count(*) FILTER (WHERE own.state IN ('bounced', 'given_up')),
           count(*) FILTER (WHERE opened_at IS NOT NULL)
      FROM web.campaign_mails LEFT JOIN web.outbox AS own USING (mail_id)
     WHERE message_id = ANY(%(message_ids)s)
     GROUP BY message_id
"""
OF_MEMBER = """
    SELECT count(*), count(opened_at), max(decided_at), max(opened_at)
      FROM web.campaign_mails WHERE member_id = %(member_id)s AND outcome = 'sent'
"""
FORGET = (
    "DELETE FROM web.campaign_mails WHERE member_id = %(person_id)s OR entry_id = %(person_id)s"
)


@dataclass(frozen=True)
class Figures:
    """What became of one message, so far. `unsubscribed`: before it was sent, or by its link."""

    sent: int = 0
    not_consented: int = 0
    unsubscribed: int = 0
    left_out: int = 0
    bounced: int = 0
    opened: int = 0
    is_finished: bool = False


NOBODY = Figures()


@dataclass(frozen=True)
class Read:
    """What a member was sent, and of how many they followed a link (AC11)."""

    sent: int
    opened: int
    last_sent_at: datetime | None
    last_opened_at: datetime | None


class Campaigns:
    """Keeps what became of each message, recipient by recipient."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    def decided(self, message_id: UUID, entry_ids: Collection[UUID]) -> set[UUID]:
        """Those among some entries that are done with."""
        values = {"message_id": message_id, "entry_ids": [*entry_ids]}
        with self._pool.connection() as connection:
            return {entry_id for (entry_id,) in connection.execute(DECIDED, values)}

    def decide(
        self,
        message_id: UUID,
        entry_id: UUID,
        outcome: Outcome,
        *,
        member_id: UUID | None = None,
        mail_id: UUID | None = None,
    ) -> None:
        """Keep what became of one recipient; the first word stands."""
        values = {
            "message_id": message_id,
            "entry_id": entry_id,
            "mail_id": mail_id,
            "member_id": member_id,
            "outcome": outcome,
            "now": self._clock.now(),
        }
        with self._pool.connection() as connection:
            connection.execute(DECIDE, values)

    def unfinished(self, message_ids: Collection[UUID]) -> list[UUID]:
        """Those of some messages with which nobody is done, in their order."""
        values = {"message_ids": [*message_ids]}
        with self._pool.connection() as connection:
            done = {message_id for (message_id,) in connection.execute(FINISHED, values)}
        return [message_id for message_id in message_ids if message_id not in done]

    def finish(self, message_id: UUID) -> None:
        """Everybody was looked at."""
        with self._pool.connection() as connection:
            connection.execute(FINISH, {"message_id": message_id, "now": self._clock.now()})

    def opened(self, message_id: UUID, entry_id: UUID) -> None:
        """Somebody followed a link in their mail; the first time counts."""
        self._note(OPENED, message_id, entry_id)

    def left(self, message_id: UUID, entry_id: UUID) -> None:
        """Somebody wanted no more, by the link in this mail."""
        self._note(LEFT, message_id, entry_id)

    def figures(self, message_ids: Collection[UUID]) -> dict[UUID, Figures]:
        """What became of some messages so far."""
        values = {"message_ids": [*message_ids]}
        waiting = set(self.unfinished(message_ids))
        with self._pool.connection() as connection:
            rows = connection.execute(FIGURES, values).fetchall()
        nobody = dict.fromkeys(message_ids, NOBODY)
        found = nobody | {one: Figures(*counts) for one, *counts in rows}
        return {one: replace(found[one], is_finished=one not in waiting) for one in message_ids}

    def of_member(self, member_id: UUID) -> Read:
        """What a member was sent and opened."""
        with self._pool.connection() as connection:
            row = connection.execute(OF_MEMBER, {"member_id": member_id}).fetchone()
        return Read(*row) if row else Read(0, 0, None, None)

    def forget(self, person_id: UUID) -> None:
        """Nothing is known any more of a member, or of who reads mail at an entry's address."""
        with self._pool.connection() as connection:
            connection.execute(FORGET, {"person_id": person_id})

    def _note(self, statement: str, message_id: UUID, entry_id: UUID) -> None:
        values = {"message_id": message_id, "entry_id": entry_id, "now": self._clock.now()}
        with self._pool.connection() as connection:
            connection.execute(statement, values)
