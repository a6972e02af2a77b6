"""Stripe's official SDK behind plain dictionaries, with what goes wrong in the ledger's words.

What the SDK does by itself is kept: it sends a call again twice, with the same key. What it leaves
open is decided here: timeouts, no telemetry (it writes to the home folder), and that every id is an
id, since an empty one would ask for a list.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import stripe

from ledger.payments.gateway import OutcomeUnknown, ParamsDrift, Rejected

if TYPE_CHECKING:
    from stripe import HTTPClient, ListObject, SearchResultObject, StripeObject
    from stripe.params import (
        BalanceTransactionListParamsCreated,
        CustomerCreateParams,
        PaymentIntentCreateParams,
        RefundCreateParams,
        SetupIntentCreateParams,
    )
    from stripe.params.checkout import SessionCreateParams

Json = dict[str, Any]

CONNECT_SECONDS, READ_SECONDS = 5, 30
TRIES_AGAIN = 2
PAGE = 100
"""Most objects that Stripe gives at a time."""

REPLAYED = "idempotent-replayed"
"""The header of an answer that was given before."""

PAYMENT_PARTS = ["payment_method", "latest_charge"]
SETUP_PARTS = ["payment_method", "customer"]
REFUND_PARTS = ["balance_transaction", "failure_balance_transaction"]

UNBELIEVABLE = (
    stripe.StripeError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What the SDK raises for a body that was not sent by Stripe, or is no event."""

_NAMES = {
    "cus": "customer",
    "pm": "payment method",
    "ctoken": "payment method",
    "seti": "setup",
    "pi": "payment",
    "re": "refund",
    "pyr": "refund",
    "ch": "charge",
    "py": "charge",
    "du": "dispute",
    "dp": "dispute",
    "mandate": "mandate",
    "cs": "checkout",
}


class FailureRepeated(OutcomeUnknown):
    """Stripe repeats an old failure about {key}; only looking it up can tell what happened."""


class NotLetIn(OutcomeUnknown):
    """Stripe does not take our key ({why}); what was asked about {key} before may have been done.

    Charges wait until somebody gives a good key, and no member hears that their payment failed.
    """


def api_version() -> str:
    """The version of Stripe's API that the pinned SDK speaks."""
    return stripe.api_version


def require_id(id_: str, *prefixes: str) -> str:
    """The id, if it may be one of these things. Raises Rejected, which does not repeat it."""
    if not re.fullmatch(rf"({'|'.join(prefixes)})_[A-Za-z0-9_]{{1,200}}", id_):
        raise Rejected(why=f"there is no such {_NAMES[prefixes[0]]}")
    return id_


@contextmanager
def answered(key: object) -> Iterator[None]:
    """What the SDK raises, as what it means for money; `key` names what was asked.

    Garbage counts as no answer: whatever was asked may have been done. The SDK's own sentences
    name customers and methods, and must not reach a log by way of a cause.
    """
    try:
        yield
    except stripe.IdempotencyError:
        raise ParamsDrift(key=key) from None
    except (stripe.APIConnectionError, stripe.APIError, stripe.RateLimitError) as silence:
        repeated = (silence.headers or {}).get(REPLAYED) == "true"
        raise (FailureRepeated if repeated else OutcomeUnknown)(key=key) from None
    except (stripe.AuthenticationError, stripe.PermissionError) as shut:
        raise NotLetIn(key=key, why=_why(shut)) from None
    except stripe.StripeError as refusal:
        raise Rejected(why=_why(refusal)) from None
    except (AttributeError, LookupError, TypeError, ValueError) as garbage:
        raise OutcomeUnknown(key=key) from garbage


def _why(refusal: stripe.StripeError) -> str:
    """Stripe's own sentence may quote what was sent, so only its code and field are told."""
    code = _error_in(refusal).get("code") or type(refusal).__name__
    field = getattr(refusal, "param", None)
    said = f"Stripe answers {code} ({field})" if field else f"Stripe answers {code}"
    return f"{said}, request {refusal.request_id}" if refusal.request_id else said


class StripeApi:
    """The calls that the adapter makes. Each may raise OutcomeUnknown, Rejected, ParamsDrift."""

    def __init__(self, key: str, http_client: HTTPClient | None = None) -> None:
        stripe.enable_telemetry = False
        # It tells each call with its address, which names customers and methods.
        logging.getLogger("stripe").setLevel(logging.WARNING)
        self._client = stripe.StripeClient(
            key,
            max_network_retries=TRIES_AGAIN,
            http_client=http_client
            or stripe.RequestsClient(timeout=(CONNECT_SECONDS, READ_SECONDS)),
        )
        self._v1 = self._client.v1

    # --- made: the key names what may happen once ------------------------------------

    def create_customer(self, params: CustomerCreateParams, key: str) -> Json:
        """A customer as it stands now; one that was deleted since says so."""
        with answered(key):
            made = self._v1.customers.create(params, {"idempotency_key": key})
            return self.customer(made.id) if _is_replayed(made) else made.to_dict()

    def create_setup(self, params: SetupIntentCreateParams, key: str) -> Json:
        """A SetupIntent as it stands now, declined or not."""
        return self._intent(
            lambda: self._v1.setup_intents.create(params, {"idempotency_key": key}),
            key,
            "setup_intent",
            self.setup,
        )

    def create_payment(self, params: PaymentIntentCreateParams, key: str) -> Json:
        """A PaymentIntent as it stands now, declined or not."""
        return self._intent(
            lambda: self._v1.payment_intents.create(params, {"idempotency_key": key}),
            key,
            "payment_intent",
            self.payment,
        )

    def create_refund(self, params: RefundCreateParams, key: str) -> Json:
        """A refund as it stands now."""
        with answered(key):
            made = self._v1.refunds.create(params, {"idempotency_key": key})
            return self.refund(made.id) if _is_replayed(made) else made.to_dict()

    def create_checkout(self, params: SessionCreateParams, key: str) -> Json:
        """A page at Stripe's."""
        with answered(key):
            return self._v1.checkout.sessions.create(params, {"idempotency_key": key}).to_dict()

    def cancel_payment(self, payment_id: str) -> Json:
        """A PaymentIntent that nobody can pay any more."""
        with answered(payment_id):
            return self._v1.payment_intents.cancel(payment_id, {"expand": PAYMENT_PARTS}).to_dict()

    def detach_method(self, method_id: str) -> None:
        """Take a payment method from its customer."""
        with answered(method_id):
            self._v1.payment_methods.detach(method_id)

    # --- fetched ----------------------------------------------------------------------

    def account(self) -> Json:
        """The account behind the key."""
        with answered("account"):
            return self._v1.accounts.retrieve_current().to_dict()

    def customer(self, customer_id: str) -> Json:
        """A customer; one that was deleted says so."""
        with answered(customer_id):
            return self._v1.customers.retrieve(require_id(customer_id, "cus")).to_dict()

    def method(self, method_id: str) -> Json:
        """A payment method."""
        with answered(method_id):
            return self._v1.payment_methods.retrieve(require_id(method_id, "pm")).to_dict()

    def token(self, token: str) -> Json:
        """What a page's Payment Element collected."""
        with answered(token):
            found = self._v1.confirmation_tokens.retrieve(require_id(token, "ctoken"))
            return found.to_dict()

    def setup(self, setup_id: str) -> Json:
        """A SetupIntent."""
        with answered(setup_id):
            return self._v1.setup_intents.retrieve(
                require_id(setup_id, "seti"), {"expand": SETUP_PARTS}
            ).to_dict()

    def payment(self, payment_id: str) -> Json:
        """A PaymentIntent."""
        with answered(payment_id):
            return self._v1.payment_intents.retrieve(
                require_id(payment_id, "pi"), {"expand": PAYMENT_PARTS}
            ).to_dict()

    def refund(self, refund_id: str) -> Json:
        """A refund."""
        with answered(refund_id):
            return self._v1.refunds.retrieve(
                require_id(refund_id, "re", "pyr"), {"expand": REFUND_PARTS}
            ).to_dict()

    def charge(self, charge_id: str) -> Json:
        """A charge with what it moved."""
        with answered(charge_id):
            return self._v1.charges.retrieve(
                require_id(charge_id, "ch", "py"), {"expand": ["balance_transaction"]}
            ).to_dict()

    def dispute(self, dispute_id: str) -> Json:
        """A dispute."""
        with answered(dispute_id):
            return self._v1.disputes.retrieve(require_id(dispute_id, "du", "dp")).to_dict()

    def mandate(self, mandate_id: str) -> Json:
        """A mandate with the method it is for."""
        with answered(mandate_id):
            return self._v1.mandates.retrieve(
                require_id(mandate_id, "mandate"), {"expand": ["payment_method"]}
            ).to_dict()

    def checkout(self, session_id: str) -> Json:
        """A page at Stripe's, as it went."""
        with answered(session_id):
            return self._v1.checkout.sessions.retrieve(require_id(session_id, "cs")).to_dict()

    # --- listed -----------------------------------------------------------------------

    def find_customers(self, query: str) -> Iterator[Json]:
        """Customers by what we wrote into them. Stripe may know them so only an hour later."""
        return _each("customer", lambda: self._v1.customers.search({"query": query}))

    def payments_of(self, customer_id: str) -> Iterator[Json]:
        """A customer's PaymentIntents, latest first; exact at once, unlike a search."""
        customer_id = require_id(customer_id, "cus")
        return _each(
            customer_id,
            lambda: self._v1.payment_intents.list({"customer": customer_id, "limit": PAGE}),
        )

    def setups_with(self, method_id: str) -> Iterator[Json]:
        """The SetupIntents that a payment method was used in."""
        return _each(
            method_id,
            lambda: self._v1.setup_intents.list({"payment_method": method_id, "limit": PAGE}),
        )

    def refunds_of(self, payment_id: str) -> Iterator[Json]:
        """A PaymentIntent's refunds."""
        return _each(
            payment_id,
            lambda: self._v1.refunds.list(
                {
                    "payment_intent": payment_id,
                    "limit": PAGE,
                    "expand": [f"data.{part}" for part in REFUND_PARTS],
                }
            ),
        )

    def balance(self, created: BalanceTransactionListParamsCreated) -> Iterator[Json]:
        """What moved the balance within a time, latest first."""
        return _each(
            "balance",
            lambda: self._v1.balance_transactions.list(
                {"created": created, "limit": PAGE, "expand": ["data.source"]}
            ),
        )

    def events(self, types: list[str], since: int) -> Iterator[Json]:
        """Events of at most twenty types since an instant, at most 30 days old, latest first."""
        return _each(
            "events",
            lambda: self._v1.events.list(
                {"types": types, "created": {"gte": since}, "limit": PAGE}
            ),
        )

    def endpoints(self) -> Iterator[Json]:
        """Where Stripe sends its events."""
        return _each("endpoints", lambda: self._v1.webhook_endpoints.list({"limit": PAGE}))

    # --- believed ---------------------------------------------------------------------

    def signed_event(self, raw: bytes, header: str, secrets: Sequence[str]) -> Json | None:
        """The event in a body that was signed with one of the secrets, however old.

        None for anything else; the SDK raises half a dozen kinds of error for it.
        """
        for secret in secrets:
            with suppress(*UNBELIEVABLE):
                return self._client.construct_event(raw, header, secret, tolerance=0).to_dict()
        return None

    def _intent(
        self,
        create: Callable[[], StripeObject],
        key: str,
        name: str,
        fetch: Callable[[str], Json],
    ) -> Json:
        """What was made; fetched where the answer is a refusal, or the replay of an old one."""
        with answered(key):
            try:
                made = create()
            except stripe.StripeError as refusal:
                made_id = _made_in(refusal, name)
                if made_id is None:
                    raise
                return fetch(made_id)
            return fetch(made["id"]) if _is_replayed(made) else made.to_dict()


def _made_in(refusal: stripe.StripeError, name: str) -> str | None:
    """A declined intent exists all the same, and stands in the refusal."""
    intent = _error_in(refusal).get(name)
    return intent["id"] if isinstance(intent, dict) else None


def _error_in(refusal: stripe.StripeError) -> Json:
    body = refusal.json_body
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


def _is_replayed(made: StripeObject) -> bool:
    """Whether Stripe repeats what it answered to the same key before, perhaps long ago."""
    response = made.last_response
    return bool(response and response.headers and response.headers.get(REPLAYED) == "true")


def _each(key: str, ask: Callable[[], ListObject[Any] | SearchResultObject[Any]]) -> Iterator[Json]:
    """Every object of every page."""
    with answered(key):
        found: Iterable[StripeObject] = ask().auto_paging_iter()
        for each in found:
            yield each.to_dict()
