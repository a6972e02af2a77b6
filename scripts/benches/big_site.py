"""The site of a big log: its staff, plans, codes and tags, founded by ordinary commands."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from ledger import ids
from ledger.application import Ledger, SiteRules
from ledger.application.books import TAG, TAG_SLOT
from ledger.clock import VirtualClock
from ledger.discount import DiscountRules
from ledger.dunning import STANDARD
from ledger.facts import Actor, Cause
from ledger.money import Money
from ledger.segment import SegmentFilter
from ledger.store.key_rows import KeyTable
from ledger.store.pool import open_pool
from ledger.store.recorder import FactRecorder
from ledger.store.vault import Vault
from ledger.terms import Discount, Terms
from projections.site import Site

SITE = Site(currency="EUR", mode="test", zone="Europe/Paris")
ZONE = SITE.time_zone
POLICY = STANDARD
FOUNDED = datetime(2023, 1, 2, 8, tzinfo=UTC)
SINCE = datetime(2023, 1, 3, tzinfo=UTC)
"""When the first person may sign up."""
UNTIL = datetime(2026, 1, 3, tzinfo=UTC)
"""Where the log ends: nothing in it was recorded later."""
TAX = 2000

MACHINE = Actor(kind="machine")
STAFF_ID = ids.derived(ids.SITE, "big", "owner")
STAFF = Actor(kind="contributor", id=STAFF_ID)
TAGS = ("vip", "press", "été 2024", "speaker", "choir")


class Offer(NamedTuple):
    """A plan as people join it."""

    name: str
    terms: Terms

    @property
    def id(self) -> UUID:
        """The plan's stream."""
        return ids.derived(ids.SITE, "big", "plan", self.name)


class Code(NamedTuple):
    """A discount code that anybody may use once."""

    text: str
    percent: int
    every_payment: bool

    @property
    def id(self) -> UUID:
        """The code's stream."""
        return ids.derived(ids.SITE, "big", "code", self.text)

    @property
    def rules(self) -> DiscountRules:
        """Who may use it: anybody, once."""
        return DiscountRules(percent=self.percent, every_payment=self.every_payment)

    @property
    def discount(self) -> Discount:
        """The cut, as a membership keeps it."""
        return Discount(
            code_id=self.id, code=self.text, percent=self.percent, every_payment=self.every_payment
        )


class Named(NamedTuple):
    """A mailing list."""

    name: str

    @property
    def id(self) -> UUID:
        """The list's stream."""
        return ids.derived(ids.SITE, "big", "list", self.name)


def _recurring(minor: int, currency: str, unit: str, every: int = 1) -> Terms:
    amount = Money(minor, currency)
    return Terms.model_validate(
        {"model": "recurring", "amount": amount, "unit": unit, "every": every}
    )


FREE = Offer("Reader", Terms(model="free", amount=Money(0, "EUR")))
SILVER = Offer("Silver", _recurring(600, "EUR", "month"))
GOLD = Offer("Gold", _recurring(1200, "EUR", "month"))
DOLLARS = Offer("Gold overseas", _recurring(1500, "USD", "month"))
QUARTERLY = Offer("Quarterly", _recurring(3000, "EUR", "month", 3))
PATRON = Offer("Patron", _recurring(12000, "EUR", "year"))
POUNDS = Offer("Patron UK", _recurring(9900, "GBP", "year"))
ARCHIVE = Offer("Archive", Terms(model="one_time", amount=Money(9900, "EUR")))
COURSE = Offer(
    "Course",
    Terms(model="instalments", amount=Money(3000, "EUR"), unit="month", every=1, payments=3),
)
OFFERS = (FREE, SILVER, GOLD, DOLLARS, QUARTERLY, PATRON, POUNDS, ARCHIVE, COURSE)
WELCOME = Code("WELCOME50", 50, every_payment=False)
FRIEND = Code("FRIEND20", 20, every_payment=True)
CODES = (WELCOME, FRIEND)
LETTERS = Named("Letters")


def found(dsn: str, master_key: bytes) -> int:
    """Found the site on empty books; the position of its last fact."""
    with open_pool(dsn, max_size=2) as pool:
        recorder, vault = FactRecorder(pool), Vault(master_key, KeyTable(pool))
        rules = SiteRules(currency=SITE.currency, zone=ZONE, mode=SITE.mode, policy=POLICY)
        ledger = Ledger(recorder, vault, clock=VirtualClock(FOUNDED), rules=rules)
        _staff(ledger)
        for offer in OFFERS:
            _offer(ledger, offer)
        for code in CODES:
            _make(ledger, code)
        ledger.create_list(LETTERS.id, name=LETTERS.name, by=STAFF, cause=_cause("list"))
        ledger.save_segment(
            ids.derived(STAFF_ID, "segment"),
            name="Very important",
            asked=SegmentFilter(tag=TAGS[0]),
            by=STAFF,
            cause=_cause("segment"),
        )
        return recorder.horizon()


def tag_claims() -> list[tuple[str, bytes, UUID]]:
    """What the first use of each tag claims: kind, key, owner."""
    named = [(TAG, tag.encode(), ids.SITE) for tag in TAGS]
    places = [
        (TAG_SLOT, place.to_bytes(4), ids.derived(ids.SITE, "tag", tag))
        for place, tag in enumerate(TAGS)
    ]
    return [*named, *places]


def _staff(ledger: Ledger) -> None:
    ledger.found_site(
        STAFF_ID,
        email="owner@example.org",
        name="Olive Owner",
        locale="fr",
        by=MACHINE,
        cause=_cause("owner"),
    )
    for number, role in enumerate(("administrator", "store_manager", "auditor")):
        ledger.add_contributor(
            ids.derived(STAFF_ID, role),
            email=f"{role}@example.org",
            name=f"Contributor {number}",
            roles=frozenset({role}),  # type: ignore[arg-type]
            locale="en",
            by=STAFF,
            cause=_cause(role),
        )


def _offer(ledger: Ledger, offer: Offer) -> None:
    ledger.draft_plan(
        offer.id,
        name=offer.name,
        description=f"All that comes with {offer.name}.",
        tax_basis_points=TAX,
        by=STAFF,
        cause=_cause(offer.name, "draft"),
    )
    ledger.set_price(offer.id, offer.terms, by=STAFF, cause=_cause(offer.name, "price"))
    ledger.open_plan(offer.id, by=STAFF, cause=_cause(offer.name, "open"))


def _make(ledger: Ledger, code: Code) -> None:
    ledger.make_discount(
        code.id, code=code.text, rules=code.rules, by=STAFF, cause=_cause(code.text)
    )


def _cause(*words: str) -> Cause:
    return Cause(kind="request", id=ids.derived(STAFF_ID, "founding", *words))
