"""Made-up people: names from both languages of the site, addresses nobody can receive mail at."""

from __future__ import annotations

import random
import unicodedata
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from ledger import ids
from ledger.payments.sandbox_cards import token_for

FIRST = {
    "fr": (
        "Amélie Benoît Chloé Damien Élodie Fabien Gaëlle Hugo Inès Jérôme Karima Léo "
        "Maëlle Noé Océane Pierre Quentin Raphaël Solène Théo Ugo Valérie Yasmine Zoé "
    ),
    "en": (
        "Alice Brian Carol Daniel Emma Frank Grace Henry Isla Jack Katie Liam Mia Noah "
        "Olivia Peter Quinn Rose Sam Tara Uma Victor Wendy Zach "
    ),
}
LAST = {
    "fr": (
        "Lefèvre Dubois Moreau Girard Roux Fontaine Chevalier Perrin Marchand Dumas "
        "Léger Brunet Gautier Noël Besson Royer Caron Picard Aubert Lemaître Bénard "
        "Çelik N’Diaye "
    ),
    "en": (
        "Smith Jones Taylor Brown Walker Hughes Edwards Clarke Wood Turner Hall Cooper "
        "Ward O’Neill Fisher Barnes Palmer Shaw Grant Hunt Webb Stone Lane "
    ),
}
SPEAKS_FRENCH = 0.6
SINGLE_NAME = 0.15

CARDS = (
    ("pm_card_visa", 46),
    ("pm_card_mastercard", 22),
    ("pm_card_fr", 14),
    ("pm_card_amex", 4),
    ("pm_card_chargeCustomerFail", 9),
    ("pm_card_mandateInvalid", 4),
    ("pm_card_pendingRefund", 1),
)
CARDS_EXPIRE = (2039, 12)
DECLINED_CARDS = ("pm_card_chargeDeclinedInsufficientFunds", "pm_card_chargeDeclined")


@dataclass(frozen=True, slots=True)
class Person:
    """One made-up person and the card they pay with."""

    member_id: UUID
    name: str
    email: str
    locale: Literal["en", "fr"]
    card: str


def person(dice: random.Random, namespace: UUID, number: int) -> Person:
    """The nth person of a story; the same dice make the same person."""
    locale: Literal["en", "fr"] = "fr" if dice.random() < SPEAKS_FRENCH else "en"
    first, last = dice.choice(FIRST[locale].split()), _last_name(dice, locale)
    cards, weights = zip(*CARDS, strict=True)
    member_id = ids.derived(namespace, "member", number)
    return Person(
        member_id=member_id,
        name=f"{first} {last}",
        email=f"{_plain(first)}.{_plain(last)}.{number}@example.org",
        locale=locale,
        card=own_card(dice.choices(cards, weights)[0], member_id),
    )


def _last_name(dice: random.Random, locale: str) -> str:
    """Two names, mostly: with one, every other person would be somebody's possible duplicate."""
    names = LAST[locale].split()
    count = 1 if dice.random() < SINGLE_NAME else 2
    return "-".join(dice.sample(names, count))


def own_card(name: str, member_id: UUID) -> str:
    """A test card of this person's own: nobody else's has its fingerprint."""
    year, month = CARDS_EXPIRE
    return token_for(name, exp_year=year, exp_month=month, serial=member_id.hex)


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "".join(letter for letter in letters.lower() if letter.isalnum())
