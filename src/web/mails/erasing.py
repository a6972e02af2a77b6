"""Erasing an address that is no contact's, wherever it stands (SE2)."""

from __future__ import annotations

from ledger import ids, texts
from ledger.facts import Actor, Cause
from web.parts import Parts


def erase_address(parts: Parts, address: str, *, by: Actor, cause: Cause) -> int:
    """Make an address unreadable on every list that it is or was on, for ever; on how many.

    What breaks off is asked again, by the same address. Mails to it go as well, unless it is the
    address of an account by now: those are that person's. Raises EmailMalformed.
    """
    ledger, desk, address = parts.ledger, parts.desk, texts.email(address)
    lists = 0
    for row in parts.queries.mailing_lists.all():
        own = Cause(kind=cause.kind, id=ids.derived(cause.id, "erase", row.list_id))
        erased = ledger.erase_from_list(row.list_id, address, by=by, cause=own)
        for entry_id in erased:
            desk.campaigns.forget(entry_id)
            parts.past.worker.forget(entry_id)
        lists += bool(erased)
    if lists and ledger.member_by_email(address) is None:
        desk.mailbox.forget(address)
    return lists
