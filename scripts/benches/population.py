"""A believable site of any size, as its views would have it: rows, made without folding facts.

Skewed as sites are: one plan holds most people and some a handful, most tags are rare, few first
names are many people's, a third never paid. The same seed makes the same people.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from itertools import accumulate, product
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from ledger import ids
from projections.instants import NEVER
from projections.members import MemberRow, Members
from projections.memberships import MembershipRow
from projections.orders import OrderRow
from projections.search import search_key
from projections.site import Site
from projections.stays import Stay

SITE = Site(currency="EUR", mode="test", zone="Europe/Paris")
VIEW = Members(SITE)
NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)
DAYS = 5 * 365
MINUTES = DAYS * 24 * 60


def _words(text: str) -> list[str]:
    return text.split()


FIRST_NAMES = _words(
    "Marie Jean Camille Thomas Léa Nicolas Julie Pierre Zoë Lucas Chloé Hugo Manon Louis Inès"
    " Antoine Sarah Paul Emma François Céline Olivier Anaïs Mathieu Noémie Éric Claire Rémi"
    " Laura David Sophie Alain Hélène Karim Fatou Yusuf Ngoc Olga Søren Ana Jürgen Giulia Owen"
)
FAMILY_NAMES = _words(
    "Martin Bernard Dubois Robert Petit Durand Leroy Moreau Simon Laurent Lefèvre Michel García"
    " David Bertrand Roux Vincent Fournier Müller Nguyen Diallo Rossi Silva Schmidt O'Brien"
)
SYLLABLES = _words("ba cor del fau gri hen jou lam mon nor pel qui ros sau tra vil")
LAST_SYLLABLES = _words("aud eau ier in ot ard on et")
RARE_FAMILY_NAMES = [
    "".join(parts).capitalize()
    for parts in product(SYLLABLES, SYLLABLES, SYLLABLES, LAST_SYLLABLES)
]
COMMON_SHARE = 0.15
MAIL_HOSTS = ("gmail.com", "orange.example", "hotmail.com", "free.example", "proton.example")
HOST_WEIGHTS = (45, 70, 85, 95, 100)


class Offer(NamedTuple):
    """A plan: its price in minor units, for so many weeks or without end."""

    plan_id: UUID
    name: str
    model: str
    price: int
    weeks: int | None

    @property
    def repeats(self) -> bool:
        """Whether it charges again."""
        return self.weeks is not None

    @property
    def period(self) -> timedelta:
        """What one payment buys."""
        return 7 * DAY * (self.weeks or 0)


KINDS = (
    ("recurring", 1200, 4),
    ("free", 0, None),
    ("one_time", 4900, None),
    ("recurring", 9900, 52),
)
SHARES = (40, 18, 10, 7, 5, 4, 3, 2.5, 2, 1.5, 1, 0.8, 0.6, 0.4, 0.2, 0.1, 0.05, 0.02, 0.01)
OFFERS = tuple(
    Offer(
        ids.derived(ids.SITE, "population", place),
        f"Plan {place:02}",
        model,
        price and price + place,
        weeks,
    )
    for place in range(len(SHARES))
    for model, price, weeks in (KINDS[place % len(KINDS)],)
)
OFFER_WEIGHTS = tuple(accumulate(SHARES))

TAGS: dict[str, float] = {
    "newsletter": 0.3,
    "volunteer": 0.05,
    "vip": 0.01,
    **{f"team {place:02}": 0.005 for place in range(12)},
    **{f"table {place:02}": 0.0005 for place in range(40)},
    "jury": 0.00002,
}
TAG_NAMES, TAG_WEIGHTS = tuple(TAGS), tuple(accumulate(TAGS.values()))
FOUNDER, FOUNDER_DAYS = "founder", 30
"""A tag of those who joined first: nothing is further from those who joined last."""
COUNTRIES = ("FR", "DE", "BE", "ES", "IT", "GB", "US", "IN", "IS")
COUNTRY_WEIGHTS = tuple(accumulate((60, 12, 9, 7, 5, 4, 2.5, 0.45, 0.05)))

FATES = ("", "self_cancelled", "removed", "lapsed", "past_due", "action_required")
FATE_WEIGHTS = tuple(accumulate((55, 20, 1, 22, 1.3, 0.7)))
ENDS, END_WEIGHTS = ("", "left", "removed"), (70, 98, 100)
OVER = ("left", "removed", "lapsed", "self_cancelled")
ENDED = ("left", "removed", "lapsed")
BILLING = {"past_due": "past_due", "lapsed": "past_due", "action_required": "action_required"}
STAY = tuple(field.name for field in fields(Stay))
METHOD_SHARE, CLOSED_SHARE, TAGGED_SHARE, UNDECIDED_SHARE = 0.6, 0.05, 0.3, 0.0005


class Person(NamedTuple):
    """Somebody, as each view has them."""

    member: MemberRow
    memberships: list[MembershipRow]
    orders: list[OrderRow]


def people(number: int, *, seed: int = 1) -> Iterator[Person]:
    """So many people, each after the other."""
    random = Random(seed)  # noqa: S311 -- rows, not secrets
    first, family = _falling(len(FIRST_NAMES)), _falling(len(FAMILY_NAMES))
    for place in range(number):
        is_common = random.random() < COMMON_SHARE
        own = _one(random, FAMILY_NAMES, family) if is_common else random.choice(RARE_FAMILY_NAMES)
        yield _person(random, place, f"{_one(random, FIRST_NAMES, first)} {own}")


def _falling(size: int) -> tuple[float, ...]:
    return tuple(accumulate(1 / rank for rank in range(1, size + 1)))


def _one(random: Random, choices: Any, weights: tuple[float, ...]) -> Any:
    return random.choices(choices, cum_weights=weights)[0]


def _person(random: Random, place: int, name: str) -> Person:
    host = _one(random, MAIL_HOSTS, HOST_WEIGHTS)
    email = f"{search_key(name).replace(' ', '.')}{place}@{host}"
    opened = NOW - timedelta(minutes=random.randrange(MINUTES))
    member_id = _id(random)
    stays = [_stay(random, member_id, begins) for begins in _beginnings(random, opened)]
    orders = [_order(random, stay) for stay in stays if stay.price]
    return Person(_member(random, name, email, opened, stays), stays, orders)


def _beginnings(random: Random, opened: datetime) -> list[datetime]:
    many = random.choices((0, 1, 2, 3), cum_weights=(22, 87, 98, 100))[0]
    minutes = (NOW - opened) // timedelta(minutes=1)
    later = sorted(random.randrange(minutes + 1) for _ in range(many - 1))
    return [opened, *(opened + timedelta(minutes=one) for one in later)][:many]


FULL_PRICE: dict[str, Any] = {
    "currency": "EUR",
    "payments": None,
    "price_version": 1,
    "discount_code": None,
    "discount_percent": None,
    "discount_amount": None,
    "discount_every_payment": False,
    "began_free": False,
}


def _stay(random: Random, member_id: UUID, begins: datetime) -> MembershipRow:
    offer: Offer = _one(random, OFFERS, OFFER_WEIGHTS)
    ending = _one(random, FATES, FATE_WEIGHTS) if offer.repeats else _one(random, ENDS, END_WEIGHTS)
    over = begins + random.random() * (NOW - begins) if ending in OVER else None
    index = int(((over or NOW) - begins) / offer.period) if offer.repeats else 0
    period_start = begins + index * offer.period
    ended = over if ending in ENDED else None
    stay = Stay(
        membership_id=_id(random),
        plan_id=offer.plan_id,
        plan_name=offer.name,
        model=offer.model,
        joined_at=begins,
        access_until=period_start + offer.period if offer.repeats else None,
        billing=BILLING.get(ending, "current") if offer.repeats else "none",
        retry_at=NOW + 3 * DAY if ending == "past_due" else None,
        cancelled_at=over if ending == "self_cancelled" else None,
        ended_at=ended,
        ending=ending if over else None,
    )
    return MembershipRow(
        **{name: getattr(stay, name) for name in STAY},
        **FULL_PRICE,
        member_id=member_id,
        price=offer.price,
        unit="week" if offer.repeats else None,
        every=offer.weeks,
        charge_index=index,
        period_start=period_start,
        period_end=stay.access_until,
        failures=int(ending == "past_due"),
        unpaid_order_id=None,
        order_id=_id(random),
        runs_until=stay.runs_until,
    )


def _order(random: Random, stay: MembershipRow) -> OrderRow:
    """The last charge of a stay."""
    failed = stay.billing in BILLING.values()
    undecided = random.random() < UNDECIDED_SHARE
    return OrderRow(
        member_id=stay.member_id,
        order_id=stay.order_id,
        membership_id=stay.membership_id,
        plan_id=stay.plan_id,
        plan_name=stay.plan_name,
        price_version=1,
        charge="renewal" if stay.charge_index else "first",
        charge_index=stay.charge_index,
        currency="EUR",
        list_price=stay.price,
        amount=stay.price,
        discount_code=None,
        discount_cut=0,
        tax_basis_points=2000,
        period_start=stay.period_start,
        period_end=stay.period_end,
        due_at=stay.period_start,
        mode="test",
        placed_at=stay.period_start,
        state="failed" if failed else "unknown" if undecided else "paid",
        paid=0 if failed or undecided else stay.price,
        undecided_since=stay.period_start if undecided and not failed else None,
    )


def _member(
    random: Random, name: str, email: str, opened: datetime, stays: list[MembershipRow]
) -> MemberRow:
    name_key, email_key = search_key(name), search_key(email)
    country = _one(random, COUNTRIES, COUNTRY_WEIGHTS) if random.random() < METHOD_SHARE else None
    row = MemberRow(
        member_id=stays[0].member_id if stays else _id(random),
        name=name,
        email=email,
        name_key=name_key,
        email_key=email_key,
        same_name=name_key,
        same_email=email_key,
        locale="fr",
        opened_at=opened,
        verified=True,
        closed_at=NOW if not stays and random.random() < CLOSED_SHARE else None,
        tags=_tags(random, opened),
        method_brand="visa" if country else None,
        method_last_four="4242" if country else None,
        method_expires="2030-01" if country else None,
        method_country=country,
        same_method=f"fp_{random.getrandbits(48):x}" if country else None,
        stays=tuple(stay.stay for stay in stays),
        is_customer=any(stay.price for stay in stays),
        **_joined(stays),
        **_money(stays),
    )
    return VIEW.finish(row)


def _joined(rows: list[MembershipRow]) -> dict[str, Any]:
    if not rows:
        return {}
    return {"joined_at": rows[0].joined_at, "last_joined_at": rows[-1].joined_at}


def _money(rows: list[MembershipRow]) -> dict[str, Any]:
    """Every charge of every stay was paid, but for those that wait for their money."""
    charges = [row.charge_index + (row.billing not in BILLING.values()) for row in rows]
    gross = sum(many * row.price for many, row in zip(charges, rows, strict=True))
    last = max((row.period_start for row in rows), default=NEVER)
    return {"order_count": sum(charges), "last_order_at": last, "gross": gross, "spent": gross}


def _tags(random: Random, opened: datetime) -> tuple[str, ...]:
    own = {FOUNDER} if NOW - opened > (DAYS - FOUNDER_DAYS) * DAY else set()
    while random.random() < TAGGED_SHARE:
        own.add(_one(random, TAG_NAMES, TAG_WEIGHTS))
    return tuple(sorted(own))


def _id(random: Random) -> UUID:
    return UUID(int=random.getrandbits(128), version=4)
