"""How a charge went, in the words of whoever asked for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from ledger.application import Position
from ledger.errors import Refused
from ledger.facts import Actor
from ledger.payments.gateway import Customer, Method, Mode, Purpose
from ledger.terms import Terms

Outcome = Literal[
    "settled", "declined", "waiting", "unknown", "nothing_to_collect", "given_back", "setup_failed"
]
"""settled: paid. declined: not paid, `decline_code` says why. waiting: for the person or a bank.
unknown: the gateway did not answer. nothing_to_collect: it costs nothing. given_back: paid, but
not wanted (two tabs paid, or the membership had ended), so a refund was asked for. setup_failed:
a free start needs a card, and this one was declined; nothing was ordered.
"""

GATEWAY = Actor(kind="gateway")


class ModesMixed(Refused):
    """The site's money is {ours}, the payment company's is {theirs}; they are never added."""

    code = "modes_mixed"


@dataclass(frozen=True, slots=True)
class Collected:
    """How a charge went.

    `decline_code` says why not, `action` what the page hands to the person's bank, `position`
    where the last save of it ended in the books (0 within a batch). `is_silent`: the gateway gave
    no answer at all.
    """

    order_id: UUID
    outcome: Outcome
    decline_code: str | None = None
    action: str | None = None
    position: Position = 0
    is_silent: bool = False


def require_mode(customer: Customer, ours: Mode) -> Customer:
    """The customer, if their money is of the site's kind; else ModesMixed (OR9)."""
    if customer.mode != ours:
        raise ModesMixed(ours=ours, theirs=customer.mode)
    return customer


def purpose_of(terms: Iterable[Terms]) -> Purpose:
    """What a card is saved for that pays for these; instalments where it pays for them alone."""
    models = {each.model for each in terms if each.repeats}
    return "instalment" if models == {"instalments"} else "recurring"


def method_fields(method: Method, customer_id: str) -> dict[str, str] | None:
    """What the books keep of a method that can be charged again; None of any other."""
    if not method.reusable:
        return None
    return {
        "method_id": method.id,
        "customer_id": customer_id,
        "brand": method.brand,
        "last_four": method.last4,
        "fingerprint": method.fingerprint,
        "expires": f"{method.exp_year:04}-{method.exp_month:02}",
        "country": method.country,
    }
