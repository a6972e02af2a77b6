"""What each of Stripe's decline codes asks for.

Source: Stripe's pages "Decline codes", "Error codes" and "India recurring payments". The exact code
is kept beside the kind; a code that is not known here may go away by itself, so it is soft.
"""

from __future__ import annotations

from typing import Any

from ledger.payments.gateway import Category, Decline

_CODES: dict[Category, str] = {
    "soft": (
        "approve_with_id call_issuer card_decline_rate_limit_exceeded card_declined"
        " card_velocity_exceeded"
        " do_not_honor duplicate_transaction generic_decline insufficient_funds"
        " issuer_not_available no_action_taken not_permitted payment_attempt_failed"
        " payment_method_provider_decline payment_method_provider_timeout processing_error"
        " reenter_transaction refer_to_customer try_again_later withdrawal_count_limit_exceeded"
    ),
    "hard": (
        "card_not_supported do_not_try_again fraudulent invalid_account lost_card"
        " merchant_blacklist payment_method_customer_decline payment_method_not_available"
        " pickup_card pin_try_exceeded restricted_card revocation_of_all_authorizations"
        " revocation_of_authorization security_violation service_not_allowed stolen_card"
        " stop_payment_order transaction_not_allowed"
    ),
    "update_method": (
        "expired_card expired_payment_method incorrect_address incorrect_cvc incorrect_number"
        " incorrect_postal_code incorrect_zip invalid_cvc invalid_expiry_month invalid_expiry_year"
        " invalid_number method_detached new_account_information_available"
    ),
    "action_required": (
        "action_required approval_required authentication_failure authentication_not_handled"
        " authentication_required incorrect_pin invalid_pin mobile_device_authentication_required"
        " offline_pin_required online_or_offline_pin_required payment_attempt_expired"
    ),
    "mandate": (
        "charge_exceeds_mandate_limit debit_not_authorized india_recurring_payment_mandate_canceled"
        " invalid_mandate mandate_invalid"
    ),
    "config": (
        "amount_too_large amount_too_small currency_not_supported invalid_amount"
        " invalid_charge_amount payment_method_currency_mismatch testmode_decline"
    ),
}
_CATEGORY = {code: category for category, codes in _CODES.items() for code in codes.split()}

_VAGUE = frozenset({"card_declined", "do_not_honor", "generic_decline"})
"""Codes that say nothing; the bank's advice beside them may."""

_ADVICE: dict[str, Category] = {
    "confirm_card_data": "update_method",
    "do_not_try_again": "hard",
    "try_again_later": "soft",
}
_PREFIXES = ("payment_intent_", "setup_intent_")


def decline_of(error: dict[str, Any]) -> Decline:
    """The decline in an error that Stripe gives, or keeps as an intent's last."""
    code = _plain(error.get("code") or "unknown")
    exact = _plain(error.get("decline_code") or code)
    category = _CATEGORY.get(code) if code not in _VAGUE else None
    category = category or _CATEGORY.get(exact, "soft")
    if exact in _VAGUE:
        category = _ADVICE.get(error.get("advice_code") or "", category)
    return Decline(category, exact)


def _plain(code: str) -> str:
    for prefix in _PREFIXES:
        code = code.removeprefix(prefix)
    return code
