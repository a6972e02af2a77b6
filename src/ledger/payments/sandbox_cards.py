"""The sandbox's test cards: what each looks like and how it behaves.

Tokens are named like Stripe's test payment methods. A token may also say when the card expires and
which of many cards it is, so that a demo's members have cards of their own:
`pm_card_visa`, `pm_card_visa:2031-04`, `pm_card_visa:2031-04:benoit`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Literal

from ledger.errors import Refused
from ledger.payments.gateway import Category, Decline, Rejected

Answer = Literal["given", "lost", "never"]
"""Whether the caller hears the outcome: lost is after money moved, never is before."""

RefundManner = Literal["at_once", "later", "fails"]

DisputeManner = Literal["lost", "won", "inquiry"]
"""How a dispute of the card's payments ends; an inquiry moves no money and comes to nothing."""

APPROVED_UP_TO = {"INR": 15_000_00}
"""Above it a mandated card is charged only with the person's approval, each time."""

DEFAULT_EXPIRY = (2099, 12)


class NotATestCard(Refused):
    """Only test cards are accepted here, such as 4242 4242 4242 4242; never enter a real card."""

    code = "not_a_test_card"
    pointer = "/card_number"


class ExpiryMalformed(Refused):
    """The expiry date is a month from 1 to 12 and a year of four digits."""

    code = "expiry_malformed"
    pointer = "/exp_month"


class CvcMalformed(Refused):
    """The security code of this card has {digits} digits."""

    code = "cvc_malformed"
    pointer = "/cvc"


@dataclass(frozen=True, slots=True)
class Manner:
    """How one use of a card ends. `pending_hours` pass before a payment is decided."""

    status: Literal["succeeded", "failed", "action_required"] = "succeeded"
    decline: Decline | None = None
    pending_hours: int = 0
    answer: Answer = "given"


FINE = Manner()
ASKS_THE_PERSON = Manner(status="action_required")


def _declined(category: Category, code: str, *, after_hours: int = 0) -> Manner:
    return Manner("failed", Decline(category, code), pending_hours=after_hours)


EXPIRED = _declined("update_method", "expired_card")
DETACHED = _declined("update_method", "method_detached")
NOT_AUTHENTICATED = _declined("action_required", "authentication_failed")
NOT_APPROVED = _declined("action_required", "authentication_required")
MANDATE_ENDED = _declined("mandate", "mandate_invalid")


@dataclass(frozen=True, slots=True)
class Card:
    """A test card. `present` is its manner with the person there, `away` without them.

    `mandated`: charged without the person only by a mandate. `told_twice`: whatever happens with
    it makes two notices, and both are sent twice.
    """

    name: str
    number: str | None
    brand: str = "visa"
    country: str = "US"
    present: Manner = FINE
    away: Manner = FINE
    refunds: RefundManner = "at_once"
    disputes: DisputeManner | None = None
    mandated: bool = False
    told_twice: bool = False
    tail: str = "4242"

    @property
    def last4(self) -> str:
        """The digits that may be shown."""
        return self.number[-4:] if self.number else self.tail


def _always(name: str, number: str, manner: Manner) -> Card:
    return Card(name, number, present=manner, away=manner)


_CARDS = (
    Card("pm_card_visa", "4242424242424242"),
    Card("pm_card_mastercard", "5555555555554444", brand="mastercard"),
    Card("pm_card_amex", "378282246310005", brand="amex"),
    Card("pm_card_fr", "4000002500000003", country="FR"),
    Card(
        "pm_card_in",
        "4000003560000008",
        country="IN",
        away=Manner(pending_hours=26),
        mandated=True,
    ),
    Card(
        "pm_card_inDeclined",
        None,
        country="IN",
        away=_declined("soft", "insufficient_funds", after_hours=26),
        mandated=True,
        tail="0505",
    ),
    _always("pm_card_chargeDeclined", "4000000000000002", _declined("soft", "generic_decline")),
    _always(
        "pm_card_chargeDeclinedInsufficientFunds",
        "4000000000009995",
        _declined("soft", "insufficient_funds"),
    ),
    _always(
        "pm_card_chargeDeclinedProcessingError",
        "4000000000000119",
        _declined("soft", "processing_error"),
    ),
    _always("pm_card_chargeDeclinedStolen", "4000000000009979", _declined("hard", "stolen_card")),
    _always("pm_card_chargeDeclinedExpiredCard", "4000000000000069", EXPIRED),
    Card(
        "pm_card_chargeCustomerFail",
        "4000000000000341",
        away=_declined("soft", "generic_decline"),
    ),
    Card(
        "pm_card_authenticationRequired",
        "4000002760003184",
        present=ASKS_THE_PERSON,
        away=_declined("action_required", "authentication_required"),
    ),
    Card("pm_card_authenticationRequiredOnSetup", "4000002500003155", present=ASKS_THE_PERSON),
    Card("pm_card_mandateInvalid", None, away=MANDATE_ENDED, tail="0101"),
    Card(
        "pm_card_currencyUnsupported",
        None,
        away=_declined("config", "currency_not_supported"),
        tail="0202",
    ),
    Card("pm_card_refundFail", "4000000000005126", refunds="fails"),
    Card("pm_card_pendingRefund", "4000000000007726", refunds="later"),
    Card("pm_card_createDispute", "4000000000000259", disputes="lost"),
    Card("pm_card_createDisputeProductNotReceived", "4000000000002685", disputes="won"),
    Card("pm_card_createDisputeInquiry", "4000000000001976", disputes="inquiry"),
    Card("pm_card_noticeTwice", None, told_twice=True, tail="0606"),
    Card(
        "pm_card_outcomeLost",
        None,
        present=Manner(answer="lost"),
        away=Manner(answer="lost"),
        tail="0303",
    ),
    Card(
        "pm_card_unreachable",
        None,
        present=Manner(answer="never"),
        away=Manner(answer="never"),
        tail="0404",
    ),
)

CARDS = {card.name: card for card in _CARDS}
"""Every test card by its token's name."""

_BY_NUMBER = {card.number: card for card in _CARDS if card.number}
_TOKEN = re.compile(
    r"(?P<name>pm_card_[A-Za-z]+)"
    r"(:(?P<year>2[0-9]{3})-(?P<month>0[1-9]|1[0-2])(:(?P<serial>[a-z0-9]{1,40}))?)?"
)


@dataclass(frozen=True, slots=True)
class PresentedCard:
    """A test card as a token presents it."""

    card: Card
    exp_year: int
    exp_month: int
    serial: str

    @property
    def fingerprint(self) -> str:
        """The same for the same card, whoever uses it. Made of test data alone."""
        digest = hashlib.sha256(f"sandbox/{self.card.name}/{self.serial}".encode())
        return digest.hexdigest()[:16]


def token_for(name: str, *, exp_year: int, exp_month: int, serial: str = "") -> str:
    """A token for one of the test cards, by name. Raises ExpiryMalformed."""
    if not (1 <= exp_month <= 12 and 2000 <= exp_year <= 2999):  # noqa: PLR2004
        raise ExpiryMalformed
    token = f"{name}:{exp_year}-{exp_month:02}"
    return f"{token}:{serial}" if serial else token


def method_for_card(number: str, exp_month: int, exp_year: int, cvc: str) -> str:
    """The token of a test card, from what a person typed; spaces and dashes are ignored.

    Raises NotATestCard for any other number, which is neither kept nor repeated, ExpiryMalformed
    and CvcMalformed. An expired card gets a token: it is declined when it is used.
    """
    card = _BY_NUMBER.get(re.sub(r"[\s-]", "", number))
    if card is None:
        raise NotATestCard
    digits = 4 if card.brand == "amex" else 3
    if re.fullmatch(rf"[0-9]{{{digits}}}", cvc) is None:
        raise CvcMalformed(digits=digits)
    return token_for(card.name, exp_year=exp_year, exp_month=exp_month)


def presented(token: str) -> PresentedCard:
    """The card a token stands for. Raises Rejected for anything that is not a test token."""
    parts = _TOKEN.fullmatch(token)
    card = CARDS.get(parts["name"]) if parts else None
    if parts is None or card is None:
        raise Rejected(why="there is no such test card")
    year, month = DEFAULT_EXPIRY
    if parts["year"]:
        year, month = int(parts["year"]), int(parts["month"])
    return PresentedCard(card, year, month, parts["serial"] or "")
