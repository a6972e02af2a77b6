"""Stripe's objects in the shapes of its official fixtures, as far as anyone here reads them."""

from __future__ import annotations

from typing import Any

from ledger.payments.sandbox_cards import PresentedCard

Json = dict[str, Any]

ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
BILLING = {"address": ADDRESS, "email": None, "name": None, "phone": None, "tax_id": None}
NO_CHECKS = dict.fromkeys(("address_line1_check", "address_postal_code_check", "cvc_check"))

PAYMENT_INTENT_UNSET = (
    "application automatic_payment_methods canceled_at cancellation_reason description"
    " last_payment_error latest_charge next_action payment_method processing receipt_email"
    " review shipping statement_descriptor statement_descriptor_suffix transfer_data"
    " transfer_group"
)

CHARGE_UNSET = (
    "balance_transaction description failure_code failure_message outcome"
    " receipt_email receipt_number receipt_url review shipping"
)

SETUP_INTENT_UNSET = (
    "application automatic_payment_methods cancellation_reason description"
    " flow_directions last_setup_error latest_attempt mandate next_action on_behalf_of"
    " payment_method single_use_mandate"
)


def account(id_: str) -> Json:
    """The account behind a key."""
    return {
        "id": id_,
        "object": "account",
        "charges_enabled": True,
        "country": "FR",
        "default_currency": "eur",
        "details_submitted": True,
        "email": "owner@example.com",
        "payouts_enabled": True,
        "type": "standard",
    }


def customer(id_: str, created: int, metadata: Json) -> Json:
    """A customer."""
    return {
        "id": id_,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": created,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "email": None,
        "invoice_prefix": "0759376C",
        "livemode": False,
        "metadata": metadata,
        "name": None,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
    }


def card(shown: PresentedCard) -> Json:
    """The card of a payment method, of a token's preview or of a charge."""
    return {
        "brand": shown.card.brand,
        "checks": NO_CHECKS,
        "country": shown.card.country,
        "exp_month": shown.exp_month,
        "exp_year": shown.exp_year,
        "fingerprint": shown.fingerprint,
        "funding": "credit",
        "last4": shown.card.last4,
    }


def payment_method(id_: str, created: int, shown: PresentedCard) -> Json:
    """A payment method that belongs to nobody yet."""
    extras = {
        "display_brand": shown.card.brand,
        "generated_from": None,
        "networks": {"available": [shown.card.brand], "preferred": None},
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }
    return {
        "id": id_,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": BILLING,
        "card": {**card(shown), **extras},
        "created": created,
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }


def confirmation_token(id_: str, created: int, shown: PresentedCard) -> Json:
    """What a page's Payment Element collected."""
    preview = payment_method("", created, shown)
    return {
        "id": id_,
        "object": "confirmation_token",
        "created": created,
        "expires_at": created + 43_200,
        "livemode": False,
        "mandate_data": None,
        "payment_intent": None,
        "payment_method_options": None,
        "payment_method_preview": {
            name: preview[name] for name in ("billing_details", "card", "customer", "type")
        },
        "return_url": None,
        "setup_future_usage": None,
        "setup_intent": None,
        "shipping": None,
        "use_stripe_sdk": True,
    }


def payment_intent(id_: str, created: int, asked: Json) -> Json:
    """A PaymentIntent that was just made."""
    return {
        **dict.fromkeys(PAYMENT_INTENT_UNSET.split()),
        "id": id_,
        "object": "payment_intent",
        "amount": asked["amount"],
        "amount_capturable": 0,
        "amount_received": 0,
        "capture_method": "automatic_async",
        "client_secret": f"{id_}_secret_emulated",
        "confirmation_method": "automatic",
        "created": created,
        "currency": asked["currency"],
        "customer": asked.get("customer"),
        "livemode": False,
        "metadata": asked.get("metadata", {}),
        "payment_method_options": {
            "card": {
                "installments": None,
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "payment_method_types": ["card"],
        "setup_future_usage": asked.get("setup_future_usage"),
        "status": "requires_payment_method",
    }


def setup_intent(id_: str, created: int, asked: Json) -> Json:
    """A SetupIntent that was just made."""
    return {
        **dict.fromkeys(SETUP_INTENT_UNSET.split()),
        "id": id_,
        "object": "setup_intent",
        "client_secret": f"{id_}_secret_emulated",
        "created": created,
        "customer": asked.get("customer"),
        "livemode": False,
        "metadata": asked.get("metadata", {}),
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
        "usage": asked.get("usage", "off_session"),
    }


def charge(id_: str, created: int, intent: Json, method: Json) -> Json:
    """The charge of a PaymentIntent that succeeded."""
    return {
        **dict.fromkeys(CHARGE_UNSET.split()),
        "id": id_,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"],
        "amount_refunded": 0,
        "billing_details": BILLING,
        "captured": True,
        "created": created,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "disputed": False,
        "livemode": False,
        "metadata": intent["metadata"],
        "paid": True,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {
            "type": "card",
            "card": {
                name: value
                for name, value in method["card"].items()
                if name not in {"display_brand", "generated_from", "networks"}
                and name != "three_d_secure_usage"
            },
        },
        "refunded": False,
        "status": "succeeded",
    }


def balance_transaction(id_: str, created: int, kind: str, amount: int, fee: int) -> Json:
    """A change of the balance, without its source and currency."""
    return {
        "id": id_,
        "object": "balance_transaction",
        "amount": amount,
        "available_on": created,
        "balance_type": "payments",
        "created": created,
        "description": None,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [],
        "net": amount - fee,
        "reporting_category": kind,
        "status": "available",
        "type": kind,
    }


def refund(id_: str, created: int, charged: Json, asked: Json) -> Json:
    """A refund of a charge."""
    return {
        "id": id_,
        "object": "refund",
        "amount": asked["amount"],
        "balance_transaction": None,
        "charge": charged["id"],
        "created": created,
        "currency": charged["currency"],
        "metadata": asked.get("metadata", {}),
        "payment_intent": charged["payment_intent"],
        "reason": None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending",
        "transfer_reversal": None,
    }


def dispute(id_: str, created: int, charged: Json, status: str) -> Json:
    """A dispute of what was not given back of a charge."""
    return {
        "id": id_,
        "object": "dispute",
        "amount": charged["amount"] - charged["amount_refunded"],
        "balance_transactions": [],
        "charge": charged["id"],
        "created": created,
        "currency": charged["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": created + 604_800,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": status.startswith("warning"),
        "livemode": False,
        "metadata": {},
        "payment_intent": charged["payment_intent"],
        "reason": "fraudulent",
        "status": status,
    }


def mandate(id_: str, created: int, method_id: str) -> Json:
    """The right to debit an Indian card."""
    return {
        "id": id_,
        "object": "mandate",
        "customer_acceptance": {
            "accepted_at": created,
            "online": {"ip_address": "192.0.2.1", "user_agent": "Mozilla/5.0"},
            "type": "online",
        },
        "livemode": False,
        "multi_use": {},
        "payment_method": method_id,
        "payment_method_details": {"card": {}, "type": "card"},
        "status": "active",
        "type": "multi_use",
    }


def event(id_: str, created: int, kind: str, data: Json, api_version: str) -> Json:
    """That something happened."""
    return {
        "id": id_,
        "object": "event",
        "api_version": api_version,
        "created": created,
        "data": data,
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }


def webhook_endpoint(id_: str, created: int, url: str, events: list[str], version: str) -> Json:
    """Where events are sent to."""
    return {
        "id": id_,
        "object": "webhook_endpoint",
        "api_version": version,
        "application": None,
        "created": created,
        "description": None,
        "enabled_events": list(events),
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": url,
    }


def checkout_session(id_: str, created: int, asked: Json) -> Json:
    """A page at Stripe's on which a method is to be saved."""
    return {
        "id": id_,
        "object": "checkout.session",
        "automatic_tax": {"enabled": False, "liability": None, "status": None},
        "created": created,
        "custom_fields": [],
        "custom_text": dict.fromkeys(
            ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
        ),
        "customer": asked["customer"],
        "expires_at": created + 86_400,
        "livemode": False,
        "metadata": asked["metadata"],
        "mode": asked["mode"],
        "payment_intent": None,
        "payment_method_types": ["card"],
        "payment_status": "no_payment_required",
        "setup_intent": None,
        "shipping_options": [],
        "status": "open",
        "success_url": asked["success_url"],
        "url": f"https://checkout.stripe.com/c/pay/{id_}",
    }
