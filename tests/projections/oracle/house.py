"""Plans, codes, staff and notes: each from the list of its own facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tests.projections.oracle.lines import Fact, last, moment
from tests.projections.oracle.words import sort_key


def plan_row(own: list[Fact]) -> Fact:
    """A row of the plans."""
    said = last(own, "plan.created", "plan.described")
    window = last(own, "plan.opened") or {}
    early = last(own, "plan.early_access_set") or {}
    states = {"plan.opened": "open", "plan.closed": "closed", "plan.retired": "retired"}
    moved = last(own, *states)
    assert said is not None
    return {
        "plan_id": own[0]["originator_id"],
        "name": said["name"],
        "name_key": sort_key(said["name"]),
        "description": said["description"],
        "tax_basis_points": said["tax_basis_points"],
        "state": states[moved["topic"]] if moved else "draft",
        "created_at": moment(own[0]),
        "prices": [_price(fact) for fact in own if fact["topic"] == "plan.price_set"],
        **{name: window.get(name) for name in ("opens_at", "closes_at")},
        **{name: early.get(name) for name in ("password_until", "free_until")},
    }


def _price(fact: Fact) -> Fact:
    terms = fact["terms"]
    return {
        "version": fact["version"],
        "model": terms["model"],
        "minor": terms["amount"]["minor"],
        "currency": terms["amount"]["currency"],
        **{name: terms[name] for name in ("unit", "every", "payments")},
        "set_at": moment(fact),
        "effective_for_existing_from": fact["effective_for_existing_from"],
    }


def discount_row(own: list[Fact]) -> Fact:
    """A row of the discount codes."""
    ruled, ended = last(own, "discount.created", "discount.changed"), last(own, "discount.ended")
    used, given_back = (
        sum(fact["topic"] == topic for fact in own)
        for topic in ("discount.redeemed", "discount.released")
    )
    assert ruled is not None
    rules: dict[str, Any] = {**ruled["rules"]}
    amount = rules.pop("amount") or {"minor": None, "currency": None}
    return {
        "code_id": own[0]["originator_id"],
        "code": own[0]["code"],
        **rules,
        "amount": amount["minor"],
        "currency": amount["currency"],
        "created_at": moment(own[0]),
        "uses": used - given_back,
        "ended_at": ended and moment(ended),
    }


def contributor_row(own: list[Fact]) -> Fact:
    """A row of the staff."""
    added, removed = own[0], last(own, "contributor.removed")
    ruled = last(own, *(f"contributor.{n}" for n in ("added", "roles_changed", "removed")))
    owner = last(own, "contributor.ownership_received")
    spoken = last(own, "contributor.added", "contributor.locale_chosen")
    assert ruled is not None
    assert spoken is not None
    roles = ruled.get("roles", [])
    return {
        "contributor_id": added["originator_id"],
        **{name: added[name] for name in ("name", "email")},
        "locale": spoken["locale"],
        "name_key": sort_key(added["name"]),
        "roles": ["owner"] if owner and owner["position"] > ruled["position"] else roles,
        "added_at": moment(added),
        "removed_at": removed and moment(removed),
    }


def note_rows(facts: Iterable[Fact]) -> Iterator[Fact]:
    """Rows of the notes."""
    notes: dict[str, list[Fact]] = {}
    for fact in facts:
        if fact["topic"] == "member.noted":
            notes[fact["note_id"]] = [fact]
        elif fact["topic"] == "member.note_corrected" and fact["note_id"] in notes:
            notes[fact["note_id"]].append(fact)
    for note_id, own in notes.items():
        written, corrected = own[0], own[-1] if len(own) > 1 else None
        yield {
            "member_id": written["member_id"],
            "note_id": note_id,
            "text": own[-1]["text"],
            "author_kind": written["actor"]["kind"],
            "author_id": written["actor"]["id"],
            "written_at": moment(written),
            "corrected_at": corrected and moment(corrected),
        }
