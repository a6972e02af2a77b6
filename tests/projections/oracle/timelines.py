"""When somebody was a member, and what they were worth a month: asked anew at every instant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple

from tests.projections.oracle.lines import FOREVER, Fact, instant, moment
from tests.projections.oracle.stays import ACCESS, Stay, billing, found, runs

A_YEAR = {"week": 52, "month": 12, "year": 1}


class Change(NamedTuple):
    """Somebody's monthly value becomes more or less by a membership, in minor units."""

    at: datetime
    currency: str
    plan: str
    kind: str
    delta: Fraction
    step: int


def at(stay: Stay, now: datetime) -> Stay | None:
    """A membership as what was true by an instant has it; None where it had not begun."""
    facts = [fact for fact in stay["facts"] if moment(fact) <= now]
    has_begun = bool(facts) and facts[0]["topic"] == "member.joined"
    return {**stay, "facts": facts} if has_begun else None


def stands(stay: Stay, now: datetime) -> bool:
    """Whether a membership stood at an instant."""
    then = at(stay, now)
    return then is not None and runs(then, now)


def worth(stay: Stay, now: datetime) -> Fraction:
    """Minor units a month at an instant (mrr-1): of what renews, and is paid for or past due."""
    then = at(stay, now)
    if then is None or stay["model"] != "recurring" or not runs(then, now):
        return Fraction(0)
    if billing(then) not in ("current", "past_due"):
        return Fraction(0)
    terms = found(then, "member.joined", "member.price_moved")["terms"]
    charge = terms["amount"]["minor"] - _lasting_cut(stay, terms["amount"]["minor"])
    return Fraction(charge * A_YEAR[terms["unit"]], 12 * terms["every"])


def _lasting_cut(stay: Stay, price: int) -> int:
    discount = stay["facts"][0]["discount"]
    if not discount or not discount["every_payment"]:
        return 0
    if discount["percent"] is not None:
        return int((price * discount["percent"] + 50) // 100)
    return min(price, int(discount["amount"]["minor"]))


def turns(stay: Stay) -> set[datetime]:
    """The instants at which anything may change for a membership, facts or no facts."""
    ends = (instant(fact[ACCESS[fact["topic"]]]) for fact in stay["facts"] if _says_end(fact))
    return {*map(moment, stay["facts"]), *(end for end in ends if end is not None)}


def _says_end(fact: Fact) -> bool:
    return ACCESS.get(fact["topic"]) is not None


def presence(stays: Iterable[Stay]) -> list[tuple[datetime, datetime]]:
    """From when until when somebody was a member, each time."""
    every = list(stays)
    found_spans: list[tuple[datetime, datetime]] = []
    began: datetime | None = None
    for now in sorted(set().union(*map(turns, every))):
        is_member = any(stands(stay, now) for stay in every)
        if is_member and began is None:
            began = now
        elif not is_member and began is not None:
            found_spans.append((began, now))
            began = None
    return [*found_spans, *([(began, FOREVER)] if began else [])]


def changes(stays: Iterable[Stay]) -> Iterator[Change]:
    """How somebody's monthly value went: what it is to them in that currency says its kind."""
    by_currency: dict[str, list[Stay]] = {}
    for stay in stays:
        by_currency.setdefault(currency_of(stay), []).append(stay)
    for currency, own in by_currency.items():
        before, has_counted = [Fraction(0)] * len(own), False
        for now in sorted(set().union(*map(turns, own))):
            after = [worth(stay, now) for stay in own]
            for stay, old, new in zip(own, before, after, strict=True):
                if old != new:
                    kind = _kind(old < new, any(before), any(after), has_counted=has_counted)
                    step = (not old) - (not new)
                    yield Change(now, currency, stay["plan"], kind, new - old, step)
            before, has_counted = after, has_counted or any(after)


def currency_of(stay: Stay) -> str:
    """The currency that a membership is charged in."""
    return str(stay["facts"][0]["terms"]["amount"]["currency"])


def _kind(is_more: bool, had: bool, has: bool, *, has_counted: bool) -> str:
    if is_more:
        return "expansion" if had else "reactivated" if has_counted else "new"
    return "contraction" if has else "churned"


def apart(facts: Iterable[Fact], mode: str) -> set[str]:
    """Memberships that began with an order of another mode."""
    return {
        fact["membership_id"]
        for fact in facts
        if fact["topic"] == "order.placed"
        and fact["originator_version"] == 1
        and not fact["charge_index"]
        and fact["mode"] != mode
    }


def timeline_row(member: str, stays: dict[str, Stay], elsewhere: set[str]) -> Fact:
    """A row of the timelines."""
    every = list(stays.values())
    first = min(every, key=lambda stay: moment(stay["facts"][0]))
    counted = [stay for name, stay in stays.items() if name not in elsewhere]
    return {
        "member_id": member,
        "joined_at": moment(first["facts"][0]),
        "first_plan_id": first["plan"],
        "presence": presence(every),
        "changes": [
            (at, currency, plan, kind, delta.numerator, delta.denominator, step)
            for at, currency, plan, kind, delta, step in changes(counted)
        ],
    }
