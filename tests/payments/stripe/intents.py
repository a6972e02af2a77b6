"""How the emulated Stripe takes money and saves methods."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ledger.money import Money
from ledger.payments.gateway import Decline
from ledger.payments.sandbox_cards import FINE, Manner
from ledger.payments.sandbox_states import fee
from tests.payments.stripe import objects
from tests.payments.stripe.company import DAY, HOUR, Company, Json, Refusal, invalid

OWN_CODES = frozenset({"authentication_required", "expired_card", "processing_error"})
"""Declines that Stripe names by an error's own code."""
NOT_AUTHENTICATED = "authentication_failed"
CANCELLABLE = frozenset({"requires_action", "requires_confirmation", "requires_payment_method"})
SMALLEST_CHARGE, LARGEST_CHARGE = 1, 99_999_999


def error_of(decline: Decline, intent: str) -> Json:
    """A decline as Stripe words it."""
    if decline.code == "mandate_invalid":
        return {"type": "invalid_request_error", "code": f"{intent}_mandate_invalid"}
    if decline.code == NOT_AUTHENTICATED:
        return {"type": "invalid_request_error", "code": f"{intent}_authentication_failure"}
    own = decline.code in OWN_CODES
    code = decline.code if own else "card_declined"
    return {"type": "card_error", "code": code, "decline_code": decline.code}


class Intents:
    """PaymentIntents and SetupIntents of one company."""

    def __init__(self, company: Company, disputed: Callable[[Json], None]) -> None:
        self._company, self._disputed = company, disputed

    # --- setups -----------------------------------------------------------------------

    def create_setup(self, asked: Json) -> Json:
        """Make a SetupIntent and confirm it."""
        self._refuse_types(asked)
        self._refuse_old_mandates(asked)
        method = self._usable(asked)
        setup = self._company.keep(
            objects.setup_intent(self._company.new_id("seti"), self._company.now, asked)
        )
        setup["payment_method"] = method["id"]
        options = asked.get("payment_method_options", {}).get("card", {})
        self._company.wishes[setup["id"]] = "mandate_options" in options
        manner = self._company.manner(method, away=False)
        self._confirm_setup(setup, method, manner)
        if setup["last_setup_error"]:
            raise Refusal(402, **_raised(setup["last_setup_error"]), setup_intent=setup)
        return setup

    def _confirm_setup(self, setup: Json, method: Json, manner: Manner) -> None:
        if manner.status == "action_required":
            setup["status"] = "requires_action"
            setup["next_action"] = {"type": "use_stripe_sdk", "use_stripe_sdk": {}}
        elif manner.status == "failed":
            assert manner.decline is not None
            self._fail(setup, method, manner.decline, "last_setup_error")
            self._company.tell("setup_intent.setup_failed", setup)
        else:
            setup.update(status="succeeded", next_action=None, last_setup_error=None)
            self._attach(setup, method)
            self._company.tell("setup_intent.succeeded", setup)

    # --- payments ---------------------------------------------------------------------

    def create_payment(self, asked: Json) -> Json:
        """Make a PaymentIntent, and confirm it where that is asked for."""
        self._refuse_types(asked)
        if not SMALLEST_CHARGE <= asked["amount"] <= LARGEST_CHARGE:
            raise invalid("amount_too_large", "amount")
        self._refuse_old_mandates(asked)
        unused = objects.payment_intent(self._company.new_id("pi"), self._company.now, asked)
        if "confirm" not in asked:
            return self._company.keep(unused)
        method = self._usable(asked)
        intent = self._company.keep(unused)
        intent["payment_method"] = method["id"]
        options = asked.get("payment_method_options", {}).get("card", {})
        self._company.wishes[intent["id"]] = "mandate_options" in options
        manner = self._company.manner(method, away=bool(asked.get("off_session")))
        self._confirm(intent, method, manner)
        error = intent["last_payment_error"]
        if error:
            status = 402 if error["type"] == "card_error" else 400
            raise Refusal(status, **_raised(error), payment_intent=intent)
        return intent

    def _confirm(self, intent: Json, method: Json, manner: Manner) -> None:
        if manner.pending_hours:
            intent.update(status="processing", processing={"type": "card", "card": {}})
            self._company.tell("payment_intent.processing", intent)
            settle = partial(self._end, intent, method, manner)
            self._company.later(manner.pending_hours * HOUR, settle)
        elif manner.status == "action_required":
            intent["status"] = "requires_action"
            intent["next_action"] = {"type": "use_stripe_sdk", "use_stripe_sdk": {}}
            self._company.tell("payment_intent.requires_action", intent)
        else:
            self._end(intent, method, manner)

    def _end(self, intent: Json, method: Json, manner: Manner) -> None:
        intent.update(processing=None, next_action=None)
        if manner.status == "failed":
            assert manner.decline is not None
            self._fail(intent, method, manner.decline, "last_payment_error")
            self._company.tell("payment_intent.payment_failed", intent)
            return
        charged = self._company.keep(
            objects.charge(self._company.new_id("ch"), self._company.now, intent, method)
        )
        intent.update(
            status="succeeded",
            last_payment_error=None,
            amount_received=intent["amount"],
            latest_charge=charged["id"],
        )
        if intent["setup_future_usage"]:
            self._attach(intent, method)
        self._company.tell("payment_intent.succeeded", intent)
        kept = fee(Money(intent["amount"], intent["currency"].upper())).minor
        moved = self._company.move("charge", charged, intent["amount"], kept)
        charged["balance_transaction"] = moved["id"]
        self._company.tell("charge.updated", charged, balance_transaction=None)
        self._disputed(charged)

    def cancel(self, id_: str) -> Json:
        """Cancel a PaymentIntent that can be."""
        intent = self._company.get(id_, "payment_intent")
        if intent["status"] not in CANCELLABLE:
            raise invalid("payment_intent_unexpected_state")
        intent.update(status="canceled", canceled_at=self._company.now, next_action=None)
        self._company.tell("payment_intent.canceled", intent)
        return intent

    # --- the person's bank ------------------------------------------------------------

    def authenticate(self, client_secret: str, *, approved: bool) -> None:
        """What waits for the person goes on; anything else stays as it is."""
        waiting = (
            intent
            for kind in ("payment_intent", "setup_intent")
            for intent in self._company.all(kind)
            if intent["client_secret"] == client_secret
        )
        intent = next(waiting)
        if intent["status"] != "requires_action":
            return
        method = self._company.kept[intent["payment_method"]]
        refused = Decline("action_required", NOT_AUTHENTICATED)
        manner = FINE if approved else Manner(status="failed", decline=refused)
        confirm = self._confirm if intent["object"] == "payment_intent" else self._confirm_setup
        confirm(intent, method, manner)

    # --- within -----------------------------------------------------------------------

    def _usable(self, asked: Json) -> Json:
        customer = asked.get("customer")
        if customer:
            self._company.get(customer, "customer", "customer")
        method = self._company.method_in(asked)
        if method["customer"] not in {None, customer}:
            raise invalid("payment_method_unexpected_state", "payment_method")
        if method["id"] in self._company.used and not method["customer"]:
            raise invalid("payment_method_unexpected_state", "payment_method")
        self._company.used.add(method["id"])
        return method

    def _refuse_types(self, asked: Json) -> None:
        if "payment_method_types" in asked:
            code = "payment_method_types_no_longer_supported"
            raise invalid(code, "payment_method_types")

    def _refuse_old_mandates(self, asked: Json) -> None:
        card = asked.get("payment_method_options", {}).get("card", {})
        begins = card.get("mandate_options", {}).get("start_date", self._company.now)
        if int(begins) < self._company.now - DAY:
            field = "payment_method_options[card][mandate_options][start_date]"
            raise invalid("parameter_invalid_integer", field)

    def _fail(self, intent: Json, method: Json, decline: Decline, slot: str) -> None:
        error = error_of(decline, intent["object"])
        message = {"message": "Emulated decline.", "payment_method": dict(method)}
        intent[slot] = {**error, **message}
        intent.update(status="requires_payment_method", payment_method=None, next_action=None)

    def _attach(self, intent: Json, method: Json) -> None:
        method["customer"] = intent["customer"]
        if self._company.wishes.get(intent["id"]):
            mandate = self._company.give_mandate(method["id"])
            if intent["object"] == "setup_intent":
                intent["mandate"] = mandate["id"]


def _raised(error: Json) -> dict[str, Any]:
    told = {name: error[name] for name in ("decline_code",) if name in error}
    return {"kind": error["type"], "code": error["code"], **told}
