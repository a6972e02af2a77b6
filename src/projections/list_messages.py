"""Messages that were sent to mailing lists (NO4)."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, NamedTuple, cast
from uuid import UUID

from ledger.facts import Fact
from ledger.mailing_list import MailingList
from projections.laws import Law, one_row_a_fact
from projections.rows import quick
from projections.view import Index, Key, Needs, View, first


@quick
class ListMessageRow(NamedTuple):
    """A message: what it says, to which list, when and by whom it was sent."""

    list_id: UUID
    message_id: UUID
    subject: str
    text: str
    locale: str
    sent_at: datetime
    actor_kind: str
    actor_id: UUID | None
    position: int = 0


class ListMessages(View[ListMessageRow]):
    """Every message to a list."""

    name = "list_messages"
    version = 1
    partition = "stream"
    key = ("list_id", "message_id")
    columns = ListMessageRow
    needs: ClassVar[Needs] = {MailingList.MessageSent: frozenset({"actor"})}
    indexes: ClassVar[tuple[Index, ...]] = (Index("sent", "(sent_at, message_id)"),)
    laws: ClassVar[tuple[Law, ...]] = (one_row_a_fact("list.message_sent"),)

    def keys(self, fact: Fact) -> tuple[Key, ...]:
        """The message, to its list."""
        return ((fact.originator_id, cast("MailingList.MessageSent", fact).message_id),)

    @first(MailingList.MessageSent)
    def sent(self, fact: MailingList.MessageSent) -> ListMessageRow:
        """One message more."""
        return ListMessageRow(
            list_id=fact.originator_id,
            message_id=fact.message_id,
            subject=fact.subject,
            text=fact.text,
            locale=fact.locale,
            sent_at=fact.occurred_at,
            actor_kind=fact.actor.kind,
            actor_id=fact.actor.id,
        )
