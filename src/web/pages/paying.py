"""What all pages that ask for a payment method share: its fields, its token, the bank's question.

With the sandbox, a test card is typed and this site plays the bank. With Stripe, its script shows
fields of its own and makes a token of them, and asks the bank: no card number ever comes here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar, runtime_checkable
from uuid import UUID

from flask import after_this_request, request
from pydantic import Field
from werkzeug.wrappers import Response

from ledger.billing.dues import Dues
from ledger.billing.outcomes import Collected
from ledger.facts import Actor, Cause
from ledger.money import Money
from ledger.payments.gateway import Setup
from ledger.payments.sandbox_cards import method_for_card
from ledger.payments.stripe_amounts import to_stripe
from web.api.models import Query
from web.headers import CONTENT_SECURITY_POLICY
from web.pages.filling import CardForm
from web.pages.forms import COMMAND_FIELD, Filled
from web.pages.frame import DETAILS, UNPROCESSABLE
from web.parts import Parts
from web.problems import Problem, body_fault
from web.sessions.limits import JOIN_BY
from web.wording.languages import locale

SCRIPT = "https://js.stripe.com/endive/stripe.js"
"""Of the release whose API we speak; Stripe allows no copy of it."""

STRIPE_HOSTS = {
    "script-src 'self'": "https://js.stripe.com https://*.js.stripe.com",
    "connect-src 'self'": "https://api.stripe.com",
    "form-action 'self'": "https://checkout.stripe.com",
}
STRIPE_FRAMES = "frame-src https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com"
"""What Stripe publishes for its script (docs.stripe.com/security/guide), without what only address
fields and Link need, which we don't show; and its own page, to which a form of ours leads.
"""

LONGEST_TOKEN = 500

Use = Literal["payment", "setup"]
Model = TypeVar("Model", bound=Query)


class MethodForm(CardForm):
    """A payment method: a test card as typed, or the token that the payment company made of it.

    `approve` and `refuse` are the buttons of the page that plays the bank.
    """

    method_token: str | None = Field(default=None, max_length=LONGEST_TOKEN)
    approve: str | None = None
    refuse: str | None = None

    @property
    def answers_bank(self) -> bool:
        """Whether the page that plays the bank was answered."""
        return bool(self.approve or self.refuse)

    @property
    def is_empty(self) -> bool:
        """Whether no method is given at all."""
        return not (self.method_token or self.card_number)


class PayForm(MethodForm):
    """How to pay: with the `saved` method, or with the one that is given."""

    saved: str | None = None


@runtime_checkable
class CheckoutPages(Protocol):
    """A payment company with a page of its own on which a member gives a method to be saved.

    The simple way: it needs no script of theirs on ours.
    """

    def start_checkout(self, *, attempt: UUID, customer_id: str, back_to: str) -> str:
        """The address of the page. It sends the member to `back_to`, with the session's id after
        it, once a method was given. The attempt is the key. Raises what a Gateway raises.
        """
        ...

    def finish_checkout(self, *, session_id: str) -> Setup:
        """What came of it, as it stands now. Rejected where there was no such session."""
        ...


def checkout_of(parts: Parts) -> CheckoutPages | None:
    """The company's own page, if it has one."""
    gateway = parts.collection.gateway
    return gateway if isinstance(gateway, CheckoutPages) else None


@dataclass(frozen=True)
class Elements:
    """What Stripe's script must know to show its fields, or to ask the bank.

    `saves`: later charges use the method too. `secret` is of the payment or setup that waits for
    the person.
    """

    key: str
    use: Use
    amount: Money
    saves: bool = True
    secret: str | None = None
    locale: str = "auto"

    @property
    def counted(self) -> int:
        """The amount as Stripe counts it, which for some currencies is not as we do."""
        return to_stripe(self.amount)

    def load(self) -> str:
        """The address of Stripe's script: the page that holds it, and no other, may load what
        Stripe needs.
        """
        after_this_request(_let_stripe_in)
        return SCRIPT


def elements(
    parts: Parts, amount: Money | None = None, *, saves: bool = True, secret: str | None = None
) -> Elements | None:
    """For a page that asks for a method or its bank's word; None where the sandbox does.

    Without an amount, or for nothing, a method is saved.
    """
    key = parts.settings.stripe_publishable_key
    if key is None:
        return None
    charged = amount or Money.zero(parts.settings.currency)
    use: Use = "setup" if charged.is_zero else "payment"
    return Elements(key, use, charged, saves, secret, locale())


def token_of(parts: Parts, form: MethodForm) -> str:
    """The gateway's token of the method that a form holds.

    A Problem where there is none; NotATestCard and the like for a card that was typed.
    """
    if form.method_token:
        return form.method_token
    if parts.settings.stripe_publishable_key is not None:
        raise Problem(UNPROCESSABLE, "method_needed", DETAILS["method_needed"])
    if not form.card_number:
        raise body_fault(("card_number",), "missing", DETAILS["missing"])
    return method_for_card(form.card_number, form.exp_month or 0, form.full_year, form.cvc or "")


def pay_due(
    parts: Parts, member_id: UUID, membership_id: UUID, form: PayForm, *, by: Actor, cause: Cause
) -> list[Collected]:
    """Pay what is due for a membership; and, once a new method has paid it, all else that is due.

    A payment begun with a method that was not chosen now is called off first, unless it came
    through: then that one counts. Raises what the books refuse, and refusals of the card.
    """
    parts.desk.limits.spend(JOIN_BY, member_id)
    dues, chosen = Dues(parts.collection), _chosen(parts, member_id, form)
    first = dues.pay(member_id, membership_id, method_token=chosen, by=by, cause=cause)
    is_new = not form.saved and has_paid(first)
    rest = dues.pay_all(member_id, by=by, cause=cause) if is_new else []
    return [first, *rest]


def wants_another() -> bool:
    """Whether the page is asked for another card, though a bank still asks about the one before."""
    return "another" in request.args


def has_paid(collected: Collected) -> bool:
    """Whether the money is in."""
    return collected.outcome in {"settled", "nothing_to_collect"}


def asks_bank(collected: Collected) -> bool:
    """Whether the person is to go on to their bank's page."""
    return collected.outcome == "waiting" and collected.action is not None


def asked_again(token: str, filled: Filled[Model]) -> dict[str, str]:
    """What the bank's page sends back: the same form as the same command, with its token."""
    beside = {*CardForm.model_fields, "method_token", "approve", "refuse"}
    kept = {name: texts[-1] for name, texts in filled.given.items() if name not in beside}
    return {**kept, COMMAND_FIELD: request.form.get(COMMAND_FIELD, ""), "method_token": token}


def _chosen(parts: Parts, member_id: UUID, form: PayForm) -> str | None:
    """The token of a new method, or the id of the saved one; None where none is saved."""
    if not form.saved:
        return token_of(parts, form)
    saved = parts.ledger.member(member_id).method
    return saved.method_id if saved else None


def _let_stripe_in(answer: Response) -> Response:
    policy = CONTENT_SECURITY_POLICY
    for ours, theirs in STRIPE_HOSTS.items():
        policy = policy.replace(ours, f"{ours} {theirs}")
    answer.headers["Content-Security-Policy"] = f"{policy}; {STRIPE_FRAMES}"
    return answer
