"""Carries what is done with many members at once to its end, whoever dies in between.

Each member is a command of its own, derived from the act: however often a part is begun, and
wherever it broke off, everybody is seen to once. One process at a time is at work on an act.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

from ledger import ids
from ledger.errors import NotFound, Refused
from ledger.facts import Actor, Cause
from ledger.store.pool import connect
from projections.leaders import ACTS, leads
from web.identity.permissions import Permission, Role, granted
from web.parts import Parts
from web.sessions.bulk_acts import BulkAct

PART = 50
"""Members that are seen to between two notes of how far it is."""

LOCK_BITS = (1 << 48) - 1

NEEDED = {
    "tag": Permission.CHANGE_TAGS,
    "untag": Permission.CHANGE_TAGS,
    "list": Permission.CHANGE_LISTS,
}


def carry_on(
    parts: Parts,
    act_id: UUID,
    *,
    before_each: Callable[[], None] = lambda: None,
    for_seconds: float | None = None,
) -> BulkAct:
    """Go on with an act, to its end or for a while; the act as it stands then.

    Where another process is at it nothing is done. `before_each` part may raise, to break off. It
    stops before its end where whoever began it may do this no longer, or the list is over.
    """
    acts, began = parts.desk.bulk_acts, time.monotonic()
    with _alone(parts, act_id) as is_ours:
        act = acts.one(act_id)
        while is_ours and act.ended_at is None:
            before_each()
            _next_part(parts, act)
            act = acts.one(act_id)
            if for_seconds is not None and time.monotonic() - began > for_seconds:
                break
    return act


@contextmanager
def _alone(parts: Parts, act_id: UUID) -> Iterator[bool]:
    """Whether this process is the one that is at work on an act, as long as it is within."""
    with connect(str(parts.pool.conninfo)) as connection:
        yield leads(connection, ACTS | (act_id.int & LOCK_BITS))


def _next_part(parts: Parts, act: BulkAct) -> None:
    acts = parts.desk.bulk_acts
    if not _may(parts, act):
        acts.stop(act)
        return
    part = acts.part(act.act_id, most=PART)
    try:
        carry_out = _listed if act.kind == "list" else _tagged
        changed, refused = carry_out(parts, act, part)
    except Refused:  # the list is over: so it is for all who are left
        acts.stop(act)
    else:
        acts.note(act, size=len(part), changed=changed, refused=refused)


def _may(parts: Parts, act: BulkAct) -> bool:
    try:
        contributor = parts.ledger.contributor(act.by_id)
    except NotFound:
        return False
    roles = frozenset(Role(role) for role in contributor.roles)
    return contributor.removed_at is None and NEEDED[act.kind] in granted(roles)


def _tagged(parts: Parts, act: BulkAct, part: list[UUID]) -> tuple[list[UUID], int]:
    """Those for whom it changed something, and how many were left as they are."""
    ledger, by = parts.ledger, Actor(kind="contributor", id=act.by_id)
    carry_out = ledger.tag if act.kind == "tag" else ledger.untag
    changed, refused = [], 0
    for member_id in part:
        cause = Cause(kind="request", id=ids.derived(act.act_id, member_id))
        try:
            if carry_out(member_id, act.what, by=by, cause=cause):
                changed.append(member_id)
        except (Refused, NotFound):
            refused += 1
    return changed, refused


def _listed(parts: Parts, act: BulkAct, part: list[UUID]) -> tuple[list[UUID], int]:
    """Those who are on the list then, and how many were left off."""
    ledger, list_id = parts.ledger, UUID(act.what)
    open_accounts = [one for one in part if ledger.member(one).closed_at is None]
    ledger.add_to_list(
        list_id,
        member_ids=open_accounts,
        by=Actor(kind="contributor", id=act.by_id),
        cause=Cause(kind="request", id=ids.derived(act.act_id, "from", act.done)),
    )
    entries = ledger.entries_of(list_id, member_ids=open_accounts, emails=[])
    listed = [
        member_id
        for member_id, entry in zip(open_accounts, entries, strict=True)
        if entry is not None and entry.is_on
    ]
    return listed, len(part) - len(listed)
