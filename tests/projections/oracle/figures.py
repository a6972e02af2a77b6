"""The figures of the reports (NU1 to NU3), from the facts of each member and each order."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from tests.projections.oracle.judge import Oracle
from tests.projections.oracle.lines import Fact, moment
from tests.projections.oracle.orders import SPENT, STANDS
from tests.projections.oracle.timelines import (
    Change,
    apart,
    changes,
    currency_of,
    presence,
    stands,
    worth,
)

JUST_BEFORE = timedelta(microseconds=1)
Money = tuple[date, str, str, str]
"""A day, a currency, live or test, a plan."""


def month_of(instant: datetime, zone: ZoneInfo) -> date:
    """The first day of the month in which something happened, as the site's calendar says."""
    return instant.astimezone(zone).date().replace(day=1)


def ends(month: date, zone: ZoneInfo) -> datetime:
    """When the month after it begins."""
    following = (month.replace(day=28) + timedelta(days=4)).replace(day=1)
    return datetime.combine(following, time(), zone).astimezone(UTC)


def months_until(first: date, last: date) -> list[date]:
    """Every month from one to another."""
    found = [first]
    while found[-1] < last:
        found.append((found[-1].replace(day=28) + timedelta(days=4)).replace(day=1))
    return found


# --- money ----------------------------------------------------------------------------------


def revenue(oracle: Oracle, now: datetime) -> dict[Money, Counter[str]]:
    """Gross, refunded, disputed, fees and how many payments, in minor units."""
    found: defaultdict[Money, Counter[str]] = defaultdict(Counter)
    for move in oracle.moves:
        # Money of an order that is not yet true, in a moment of the past, has no plan yet.
        if move["occurred_at"] <= now and move["order_id"] in oracle.orders:
            plan = oracle.orders[move["order_id"]][0]["plan_id"]
            day = move["occurred_at"].astimezone(oracle.zone).date()
            line = found[day, move["currency"], move["mode"], plan]
            column = SPENT.get(move["kind"], "fees")
            line[column] += move["minor"] if column == "gross" else -move["minor"]
            line["payments"] += STANDS.get(move["kind"], 0)
    return found


def lifetime(oracle: Oracle, by: str) -> dict[tuple[str, str, str], Counter[str]]:
    """What those who joined first in a month, or in a plan, brought, by currency and mode."""
    groups = {member: group_of(oracle, member, by) for member in joiners(oracle)}
    sizes, found = (
        Counter(groups.values()),
        defaultdict[tuple[str, str, str], Counter[str]](Counter),
    )
    for (member, currency, mode), purse in oracle.spent.items():
        if member in groups:
            line = found[groups[member], currency, mode]
            line.update({name: purse[name] for name in ("gross", "refunded", "disputed")})
            line.update({"payments": purse["payments"], "payers": purse["payments"] > 0})
            line["members"] = sizes[groups[member]]
    return found


def group_of(oracle: Oracle, member: str, by: str) -> str:
    """The month or the plan in which somebody joined first."""
    first = first_joined(oracle, member)
    if by == "plan":
        return str(first["plan_id"])
    return month_of(moment(first), oracle.zone).isoformat()


def joiners(oracle: Oracle) -> list[str]:
    """Everybody who ever joined a plan."""
    return list(dict.fromkeys(stay["member"] for stay in oracle.stays.values()))


def first_joined(oracle: Oracle, member: str) -> Fact:
    """The earliest of somebody's joinings."""
    return min((stay["facts"][0] for stay in oracle.stays_of(member)), key=moment)


# --- recurring revenue ------------------------------------------------------------------------


def recurring(oracle: Oracle, now: datetime) -> dict[tuple[str, str], tuple[Fraction, int]]:
    """What the memberships of each currency and plan bring a month, and how many they are."""
    found: dict[tuple[str, str], tuple[Fraction, int]] = {}
    elsewhere = apart(oracle.facts, oracle.mode)
    for name, stay in oracle.stays.items():
        value = worth(stay, now) if name not in elsewhere else Fraction(0)
        if value:
            key = currency_of(stay), stay["plan"]
            before, count = found.get(key, (Fraction(0), 0))
            found[key] = before + value, count + 1
    return found


def by_currency(oracle: Oracle, now: datetime) -> dict[str, Fraction]:
    """The same by currency."""
    sums: defaultdict[str, Fraction] = defaultdict(Fraction)
    for (currency, _), (value, _) in recurring(oracle, now).items():
        sums[currency] += value
    return sums


def all_changes(oracle: Oracle) -> list[Change]:
    """Every change of anybody's monthly value."""
    elsewhere = apart(oracle.facts, oracle.mode)
    found: list[Change] = []
    for member in joiners(oracle):
        stays = oracle.stays_by_member[member].items()
        found += changes(stay for name, stay in stays if name not in elsewhere)
    return found


def moved(
    every: Iterable[Change], zone: ZoneInfo, now: datetime
) -> dict[tuple[date, str], Counter[str]]:
    """How much of each kind a month moved in a currency, signed and exact."""
    found: defaultdict[tuple[date, str], Counter[str]] = defaultdict(Counter)
    for change in every:
        if change.at <= now:
            kinds = found[month_of(change.at, zone), change.currency]
            kinds[change.kind] += change.delta  # type: ignore[assignment]
    return found


# --- members ----------------------------------------------------------------------------------


def members(oracle: Oracle, now: datetime) -> set[str]:
    """Who has a running membership."""
    return {stay["member"] for stay in oracle.stays.values() if stands(stay, now)}


def turnover(oracle: Oracle, now: datetime) -> dict[date, Counter[str]]:
    """How many became members, again or for the first time, and how many left, by month."""
    found: defaultdict[date, Counter[str]] = defaultdict(Counter)
    for member in joiners(oracle):
        for place, (began, ended) in enumerate(presence(oracle.stays_of(member))):
            if began <= now:
                found[month_of(began, oracle.zone)]["returned" if place else "new"] += 1
            if ended <= now:
                found[month_of(ended, oracle.zone)]["left"] += 1
    return found


def retention(
    oracle: Oracle, last: date, now: datetime
) -> dict[tuple[date, date], tuple[int, int]]:
    """Of how many who were first a member in a month how many were at the end of each month."""
    cohorts: defaultdict[date, set[str]] = defaultdict(set)
    for member in joiners(oracle):
        # Who left the instant they joined was never a member.
        stood = presence(oracle.stays_of(member))
        if stood and stood[0][0] <= now:
            cohorts[month_of(stood[0][0], oracle.zone)].add(member)
    then = {
        month: members(oracle, min(ends(month, oracle.zone) - JUST_BEFORE, now))
        for month in months_until(min(cohorts, default=last), last)
    }
    return {
        (cohort, month): (len(people), len(people & there))
        for cohort, people in cohorts.items()
        for month, there in then.items()
        if cohort <= month
    }
