"""Saved segments, mailing lists and notices: each from the list of its own facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tests.projections.oracle.lines import Fact, last, moment
from tests.projections.oracle.words import sort_key


def segment_rows(facts: Iterable[Fact]) -> Iterator[Fact]:
    """Rows of the saved segments: the filters that are kept."""
    saved = {f["segment_id"]: f for f in facts if f["topic"] == "site.segment_saved"}
    for fact in (fact for fact in saved.values() if fact["filter"] is not None):
        asked: dict[str, Any] = dict(fact["filter"])
        spent = [asked.pop("spent_from"), asked.pop("spent_to")]
        least, most = ({"minor": None, "currency": None} | (one or {}) for one in spent)
        yield {
            "segment_id": fact["segment_id"],
            "name": fact["name"],
            "name_key": sort_key(fact["name"]),
            "text": fact["text"],
            "saved_at": moment(fact),
            **asked,
            "spent_from": least["minor"],
            "spent_to": most["minor"],
            "currency": least["currency"] or most["currency"],
        }


def list_row(own: list[Fact]) -> Fact:
    """A row of the mailing lists."""
    ended = last(own, "list.ended")
    return {
        "list_id": own[0]["originator_id"],
        "name": own[0]["name"],
        "name_key": sort_key(own[0]["name"]),
        "created_at": moment(own[0]),
        "ended_at": ended and moment(ended),
    }


def entry_rows(facts: Iterable[Fact]) -> Iterator[Fact]:
    """Rows of who is, or was, on a list: what happened since they were added last."""
    entries: dict[str, list[Fact]] = {}
    for fact in facts:
        if fact["topic"] == "list.added":
            entries[fact["entry_id"]] = [fact]
        elif fact["topic"] == "list.taken_off" and fact["entry_id"] in entries:
            entries[fact["entry_id"]].append(fact)
    for entry_id, (added, *off) in entries.items():
        yield {
            "list_id": added["originator_id"],
            "entry_id": entry_id,
            "member_id": added["member_id"],
            "email": "erased" if any(fact.get("erased") for fact in off) else added["email"],
            "added_at": moment(added),
            "consented": added.get("consented", False),
            "taken_off_at": moment(off[0]) if off else None,
            "unsubscribed": bool(off and off[-1]["unsubscribed"]),
        }


def message_rows(facts: Iterable[Fact]) -> Iterator[Fact]:
    """Rows of the messages to lists."""
    for fact in (fact for fact in facts if fact["topic"] == "list.message_sent"):
        yield {
            "list_id": fact["originator_id"],
            **{name: fact[name] for name in ("message_id", "subject", "text", "locale")},
            "sent_at": moment(fact),
            "actor_kind": fact["actor"]["kind"],
            "actor_id": fact["actor"]["id"],
        }


def consent_rows(facts: Iterable[Fact]) -> Iterator[Fact]:
    """Rows of who agreed: to what they agreed last, and when they took it back."""
    given: dict[str, tuple[Fact, Fact | None]] = {}
    for fact in facts:
        if fact["topic"] == "member.consented":
            given[fact["originator_id"]] = (fact, None)
        elif fact["topic"] == "member.unsubscribed":
            agreed, _ = given[fact["originator_id"]]
            given[fact["originator_id"]] = (agreed, fact)
    for member_id, (agreed, withdrawn) in given.items():
        yield {
            "member_id": member_id,
            "what": agreed["what"],
            "wording": agreed["wording"],
            "given_where": agreed["where"],
            "consented_at": moment(agreed),
            "withdrawn_at": withdrawn and moment(withdrawn),
        }


def notice_row(own: list[Fact]) -> Fact:
    """A row of the notices."""
    queued, news, sent = own[0], own[-1], last(own, "notice.sent")
    recipient = queued["recipient"]
    return {
        "notice_id": queued["originator_id"],
        "recipient_id": recipient["id"],
        "recipient_kind": recipient["kind"],
        "role": recipient["role"],
        **{name: queued[name] for name in ("kind", "because_of", "member_id", "locale")},
        "queued_at": moment(queued),
        "state": news["topic"].removeprefix("notice.").removeprefix("re"),
        "attempts": max(fact.get("attempt", 0) for fact in own),
        "retry_at": news.get("retry_at"),
        "sent_at": sent and moment(sent),
        "message_id": sent and sent["message_id"],
        "why": news.get("why"),
    }
