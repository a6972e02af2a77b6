"""What Stripe is asked for: the parameters of a setup and of a payment.

The same call makes the same parameters: Stripe takes others under the same key for a mistake. Only
those of a payment method follow how it stands, so who sends it looks first at what it led to. The
types of payment method are never named the old way, which this version refuses.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from ledger.clock import Clock
from ledger.money import LARGEST_CHARGE, Money
from ledger.payments.gateway import Purpose, Rejected
from ledger.payments.stripe_amounts import to_stripe
from ledger.payments.stripe_api import (
    PAYMENT_PARTS,
    SETUP_PARTS,
    Json,
    StripeApi,
    answered,
    require_id,
)
from ledger.payments.stripe_reading import ATTEMPT, LEDGER

if TYPE_CHECKING:
    from stripe.params import (
        PaymentIntentCreateParams,
        PaymentIntentCreateParamsPaymentMethodOptionsCard,
        SetupIntentCreateParams,
        SetupIntentCreateParamsPaymentMethodOptionsCard,
    )
    from stripe.params.checkout import SessionCreateParams

TEST_CARD = "pm_card_"
"""How Stripe's test cards begin, which are no objects and can't be fetched."""

USAGE: dict[Purpose, Literal["installment", "recurring"]] = {
    "instalment": "installment",
    "recurring": "recurring",
}
"""What card networks ask to be told of a saved card, in Stripe's words (docs.stripe.com, "Save a
card and charge it later"). An Indian mandate knows no such difference: it has an interval alone.
"""

MANDATE_HEADROOM = 3
"""A mandate allows so many times the first charge: a first charge may be cut, and prices move."""

MANDATE_GIVEN_LATE = timedelta(hours=12)
"""So old, what is paid with may not date a mandate: Stripe takes none from before yesterday."""


def is_token(method: str) -> bool:
    """Whether a page's Payment Element made it; else it is a payment method. Rejected if none."""
    return require_id(method, "pm", "ctoken").startswith("ctoken_")


def is_object(method: str) -> bool:
    """Whether it is a payment method that can be fetched."""
    return not is_token(method) and not method.startswith(TEST_CARD)


class Asking:
    """Makes parameters. `mandate_cap` is what a mandate allows that is given without a charge."""

    def __init__(self, api: StripeApi, ledger: str, mandate_cap: Money, clock: Clock) -> None:
        self._api, self._ledger, self._cap, self._clock = api, ledger, mandate_cap, clock

    def setup(
        self, attempt: UUID, customer_id: str, method: str, purpose: Purpose
    ) -> SetupIntentCreateParams:
        """To save a method while the person is present."""
        card: SetupIntentCreateParamsPaymentMethodOptionsCard = {
            "setup_credential_usage": USAGE[purpose]
        }
        if since := self._indian_since(method, self._given(method)):
            card["mandate_options"] = {
                "amount": to_stripe(self._cap),
                "amount_type": "maximum",
                "currency": self._cap.currency.lower(),
                "interval": "sporadic",
                "reference": attempt.hex,
                "start_date": since,
                "supported_types": ["india"],
            }
        params: SetupIntentCreateParams = {
            "customer": require_id(customer_id, "cus"),
            "usage": "off_session",
            "confirm": True,
            "use_stripe_sdk": True,
            "allowed_payment_method_types": ["card"],
            "payment_method_options": {"card": card},
            "metadata": {LEDGER: self._ledger, ATTEMPT: str(attempt)},
            "expand": SETUP_PARTS,
        }
        if is_token(method):
            params["confirmation_token"] = method
        else:
            params["payment_method"] = method
        return params

    def checkout(self, attempt: UUID, customer_id: str, back_to: str) -> SessionCreateParams:
        """To save a method on a page of Stripe's, which gives Indian cards a mandate by itself.

        Such a page can't be told for which kind of charge.
        """
        marks = {LEDGER: self._ledger, ATTEMPT: str(attempt)}
        return {
            "mode": "setup",
            "customer": require_id(customer_id, "cus"),
            "currency": self._cap.currency.lower(),
            "allowed_payment_method_types": ["card"],
            "success_url": back_to + "{CHECKOUT_SESSION_ID}",
            "metadata": marks,
            "setup_intent_data": {"metadata": marks},
        }

    def onsession(
        self,
        attempt: UUID,
        customer_id: str,
        method: str,
        amount: Money,
        saved_for: Purpose | None,
    ) -> PaymentIntentCreateParams:
        """To take money while the person is present. What is saved already isn't saved again.

        Nor is a purpose told of it: the networks ask for one only while the person is away.
        """
        params = self._payment(attempt, customer_id, amount)
        params["use_stripe_sdk"] = True
        if is_token(method):
            params["confirmation_token"] = method
        else:
            params["payment_method"] = method
        given = self._given(method) if saved_for else {}
        if saved_for and not given.get("customer"):
            since = self._indian_since(method, given)
            params["setup_future_usage"] = "off_session"
            card = _saving(attempt, since, amount, saved_for)
            params["payment_method_options"] = {"card": card}
        return params

    def offsession(
        self, attempt: UUID, customer_id: str, method_id: str, amount: Money, purpose: Purpose
    ) -> PaymentIntentCreateParams:
        """To take money while the person is away."""
        params = self._payment(attempt, customer_id, amount)
        params["payment_method"] = require_id(method_id, "pm")
        params["off_session"] = True
        params["payment_method_options"] = {"card": {"stored_credential_usage": USAGE[purpose]}}
        return params

    def _payment(self, attempt: UUID, customer_id: str, amount: Money) -> PaymentIntentCreateParams:
        if not 0 < amount.minor <= LARGEST_CHARGE:
            raise Rejected(why=f"{amount} can't be charged")
        return {
            "amount": to_stripe(amount),
            "currency": amount.currency.lower(),
            "customer": require_id(customer_id, "cus"),
            "confirm": True,
            "allowed_payment_method_types": ["card"],
            "metadata": {LEDGER: self._ledger, ATTEMPT: str(attempt)},
            "expand": PAYMENT_PARTS,
        }

    def _given(self, method: str) -> Json:
        """What the page's token or the payment method is; nothing of Stripe's test cards."""
        if is_token(method):
            return self._api.token(method)
        return self._api.method(method) if is_object(method) else {}

    def _indian_since(self, method: str, given: Json) -> int | None:
        """When the mandate of an Indian card begins; None of another card, which is given none.

        As long as it is fresh, when the card was given: that is the same however often it is sent.
        """
        with answered(method):
            card = (given.get("payment_method_preview") or given).get("card") or {}
            if card.get("country") != "IN":
                return None
            given_at, now = int(given["created"]), int(self._clock.now().timestamp())
            late = now - given_at > MANDATE_GIVEN_LATE.total_seconds()
            return now if late and not is_token(method) else given_at


def _saving(
    attempt: UUID, since: int | None, amount: Money, purpose: Purpose
) -> PaymentIntentCreateParamsPaymentMethodOptionsCard:
    card: PaymentIntentCreateParamsPaymentMethodOptionsCard = {
        "setup_credential_usage": USAGE[purpose]
    }
    if since is not None:
        card["mandate_options"] = {
            "amount": to_stripe(amount) * MANDATE_HEADROOM,
            "amount_type": "maximum",
            "interval": "sporadic",
            "reference": attempt.hex,
            "start_date": since,
            "supported_types": ["india"],
        }
    return card
