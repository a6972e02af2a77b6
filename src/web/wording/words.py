"""The words that pages use for statuses, price models, roles and the like."""

from __future__ import annotations

from web.wording.languages import message

STATUS = {
    "member": message("Member"),
    "cancelling": message("Cancelling"),
    "past_due": message("Past due"),
    "action_required": message("Action required"),
    "former": message("Former member"),
    "contact": message("No plan yet"),
    "closed": message("Closed"),
}
STANDING = {
    "running": message("Running"),
    "past_due": message("Past due"),
    "action_required": message("Action required"),
    "cancelling": message("Cancelled, runs out"),
    "ended_self_cancelled": message("Self-cancelled"),
    "ended_left": message("Left"),
    "ended_removed": message("Removed"),
    "ended_lapsed": message("Lapsed"),
}
SEGMENT = {
    "members": message("Members"),
    "customers": message("Customers"),
    "past_due": message("Past due"),
    "action_required": message("Action required"),
    "cancelling": message("Cancelling"),
    "former_members": message("Former members"),
    "accounts_without_plan": message("Accounts without a plan"),
    "possible_duplicates": message("Possible duplicates"),
}
REBUILD_STATE = {
    "planned": message("Planned"),
    "building": message("Folding"),
    "catching_up": message("Catching up"),
    "verifying": message("Being proved"),
    "live": message("Serving"),
    "failed": message("Refused"),
    "cancelled": message("Given up"),
    "rolled_back": message("Rolled back"),
}
ORDER_STATE = {
    "free": message("Nothing to pay"),
    "open": message("Under way"),
    "pending": message("Pending"),
    "unknown": message("Outcome unknown"),
    "failed": message("Declined"),
    "withdrawn": message("Not charged"),
    "paid": message("Paid"),
    "partly_refunded": message("Partly refunded"),
    "refunded": message("Refunded"),
    "disputed": message("Disputed"),
    "lost": message("Dispute lost"),
}
REFUND_STATE = {
    "requested": message("Asked for"),
    "pending": message("Under way"),
    "made": message("Made"),
    "failed": message("Failed"),
}
ATTEMPT_STATE = {
    "open": message("Under way"),
    "pending": message("Pending"),
    "unknown": message("Outcome unknown"),
    "failed": message("Declined"),
    "abandoned": message("Abandoned"),
    "paid": message("Paid"),
}
CHARGE = {
    "first": message("First payment"),
    "renewal": message("Renewal"),
    "instalment": message("Instalment"),
}
PLAN_STATE = {
    "draft": message("Draft"),
    "open": message("Open"),
    "closed": message("Closed"),
    "retired": message("Retired"),
}
CODE_STATE = {
    "usable": message("Can be used"),
    "waiting": message("Not yet valid"),
    "expired": message("Expired"),
    "used_up": message("Used up"),
    "ended": message("Ended"),
}
PRICE_MODEL = {
    "free": message("Free"),
    "one_time": message("Fixed amount"),
    "instalments": message("Instalments"),
    "recurring": message("Recurring"),
}
ROLE = {
    "owner": message("Owner"),
    "administrator": message("Administrator"),
    "store_manager": message("Store manager"),
    "auditor": message("Auditor"),
    "operator": message("Operator"),
}
SCOPE = {
    "access:read": message("ask who may read what"),
    "plans:read": message("read plans and prices"),
    "plans:change": message("change plans and prices"),
    "discounts:read": message("read discount codes"),
    "discounts:change": message("change discount codes"),
    "members:read": message("read members, with names and addresses"),
    "members:remove": message("end memberships"),
    "members:close": message("close accounts"),
    "notes:change": message("write notes"),
    "tags:change": message("tag members"),
    "segments:change": message("save segments"),
    "lists:change": message("change mailing lists and write to them"),
    "orders:read": message("read orders and payments"),
    "orders:refund": message("pay money back"),
    "figures:read": message("read figures and reports"),
    "money:reconcile": message("hold the books against the payment company"),
    "history:read": message("read the facts of the books"),
    "team:read": message("read who is on the team"),
    "team:change": message("change the team"),
    "tokens:read": message("read which tokens there are"),
    "tokens:change": message("make and revoke tokens"),
    "views:read": message("read how views and jobs stand"),
    "views:run": message("rebuild views"),
    "notices:change": message("send notices and mails again"),
}
"""What a token may do, by permission."""

ACTOR = {
    "member": message("the member"),
    "contributor": message("staff"),
    "program": message("a program"),
    "scheduler": message("the schedule"),
    "gateway": message("the payment company"),
    "machine": message("the server’s command line"),
}
CAUSE = {
    "request": message("a request"),
    "job": message("a job"),
    "notice": message("a notice of the payment company"),
    "command_line": message("a command"),
}
ACCESS_RULE = {
    "never_joined": message("never joined"),
    "not_yet_joined": message("not joined yet"),
    "unpaid": message("not paid for"),
    "free": message("free plan"),
    "instalments_completed": message("all instalments are paid"),
    "bought_for_good": message("bought for good"),
    "paid_until_cancellation_takes_effect": message("cancelled, and paid until then"),
    "within_paid_period": message("within the paid period"),
    "within_grace": message("unpaid, within the days of grace"),
    "ended_self_cancelled": message("self-cancelled"),
    "ended_left": message("left"),
    "ended_removed": message("removed by staff"),
    "ended_lapsed": message("lapsed, because nobody paid"),
}
DECLINE = {
    "generic_decline": message("The bank declined the card."),
    "insufficient_funds": message("The bank says there is not enough money on this account."),
    "processing_error": message("The payment could not be processed; please try again."),
    "stolen_card": message("The bank declined the card."),
    "expired_card": message("The card has expired."),
    "expired_payment_method": message("The card has expired."),
    "incorrect_cvc": message("The security code of the card is wrong."),
    "invalid_cvc": message("The security code of the card is wrong."),
    "method_detached": message("The payment company no longer keeps this card; enter it again."),
    "authentication_failed": message("The payment was not confirmed with the bank."),
    "authentication_failure": message("The payment was not confirmed with the bank."),
    "payment_attempt_expired": message("The payment was not confirmed with the bank."),
    "approval_required": message("The bank wants the payment to be confirmed."),
    "authentication_not_handled": message("The bank wants the payment to be confirmed."),
    "authentication_required": message("The bank wants the payment to be confirmed."),
    "debit_not_authorized": message("The bank has ended the right to charge this card."),
    "india_recurring_payment_mandate_canceled": message(
        "The bank has ended the right to charge this card."
    ),
    "invalid_mandate": message("The bank has ended the right to charge this card."),
    "mandate_invalid": message("The bank has ended the right to charge this card."),
    "currency_not_supported": message("This card can't pay in this currency."),
    "rejected": message("The payment company can't take this payment."),
    "cancelled": message("The payment was not confirmed with the bank."),
    "abandoned": message("The payment never reached the payment company; nothing was taken."),
}
"""Of any other code, nothing more is said than that the bank declined."""
REFUND_FAILURE = {
    "returned_by_bank": message("the bank sent it back"),
    "insufficient_funds": message("the site’s balance did not suffice"),
    "charge_for_pending_refund_disputed": message("the payment is contested"),
    "merchant_request": message("it was called off"),
    "canceled": message("it was called off"),
}
NO_REFUND = message("the payment company could not make it")
"""Of any other code, nothing more is said than this."""
BRAND = {
    "visa": message("Visa"),
    "mastercard": message("Mastercard"),
    "amex": message("American Express"),
}
MANDATE_STATUS = {
    "active": message("in force"),
    "pending": message("waiting for the bank"),
    "inactive": message("ended"),
}
LETTER = {
    "member_joined": message("somebody joined"),
    "renewal_paid": message("a renewal is paid"),
    "payment_failed": message("a payment failed"),
    "member_cancelled": message("a member cancelled"),
    "paid_twice": message("something was paid twice"),
    "welcome": message("welcome"),
    "receipt": message("a receipt"),
    "own_payment_failed": message("the payment failed"),
    "renewal_reminder": message("a renewal is near"),
    "price_change": message("the price changes"),
    "cancellation_confirmed": message("the cancellation"),
    "refund_issued": message("a refund"),
}
NOTICE_STATE = {
    "queued": message("Waits"),
    "sent": message("Sent"),
    "failed": message("Not delivered yet"),
    "given_up": message("Not sent"),
    "bounced": message("Came back"),
}
NOT_TOLD = {
    "account_closed": message("the account is closed"),
    "already_charged": message("it was charged already"),
    "already_due": message("it is due already"),
    "cancellation_withdrawn": message("they changed their mind"),
    "cancelled": message("it was cancelled"),
    "given_back": message("the money went back"),
    "membership_over": message("the membership is over"),
    "muted": message("they muted it"),
    "no_longer_due": message("it is not due any more"),
    "no_role": message("they are not told any more"),
    "payment_reversed": message("the payment was taken back"),
    "price_set_again": message("the price was set again"),
    "price_unchanged": message("the price stays"),
    "refund_failed": message("the refund failed"),
}
"""Why a notice was not sent: what it told was not so any more, or nobody was there to be told."""
KNOWN_REASON = {
    "credit_not_processed": message("a refund was expected"),
    "duplicate": message("charged twice"),
    "fraudulent": message("not made by the cardholder"),
    "general": message("no reason given"),
    "product_not_received": message("nothing was received"),
    "product_unacceptable": message("not as described"),
    "subscription_canceled": message("cancelled before"),
    "unrecognized": message("not recognised"),
    "bank_cannot_process": message("the bank could not process it"),
    "check_returned": message("the check was returned"),
    "customer_initiated": message("the cardholder asked for it"),
    "debit_not_authorized": message("the debit was not allowed"),
    "incorrect_account_details": message("the account’s details are wrong"),
    "insufficient_funds": message("not enough money on the account"),
    "noncompliant": message("the rules of the card network were not kept"),
    "first payment abandoned": message("the first payment was abandoned"),
    "first payment declined": message("the first payment was declined"),
    "The membership ended before it was paid.": message("the membership ended before it was paid"),
}
"""Reasons that no person typed: of disputes, and of orders that were withdrawn."""

MODEL = {
    "free": message("free"),
    "one_time": message("paid once"),
    "instalments": message("paid in instalments"),
    "recurring": message("recurring"),
}
STATE = {
    "draft": message("a draft"),
    "open": message("open"),
    "closed": message("closed"),
    "retired": message("retired"),
}
ENDING = {
    "self_cancelled": message("self-cancelled"),
    "left": message("left"),
    "removed": message("removed by staff"),
    "lapsed": message("lapsed, because nobody paid"),
}
MODE = {
    "live": message("real money"),
    "test": message("play money"),
}
SETTING = {
    "currency": message("currency"),
    "mode": message("kind of money"),
    "time_zone": message("time zone"),
}
DRIFT = {
    "missing_in_ledger": message("moved there, and is not in the books"),
    "missing_at_gateway": message("in the books, and moved nowhere"),
    "amount": message("another amount"),
    "currency": message("another currency"),
    "status": message("settled here, not there"),
    "fee_missing": message("a fee that is not in the books"),
    "foreign": message("of somebody else on the same account"),
    "mode": message("real money here, play money there, or the reverse"),
    "stale_attempt": message("a try of which nobody knows what came of it"),
}
"""How the payment company and the books differ."""
MALFORMED = {
    "existing members can only move to a price of their rhythm": message(
        "existing members can only move to a price of their rhythm"
    ),
    "only members who renew can move to another price": message(
        "only members who renew can move to another price"
    ),
}
"""Why terms are refused that the page could not see to be wrong."""
FROM = {"now": message("now")}
UNTIL = {"further notice": message("further notice")}
"""What stands where a window has no bound."""
WHAT = {
    "joined a plan": message("joined a plan"),
    "ordered something": message("ordered something"),
}

WORDS: dict[str, dict[str, str]] = {
    "status": STATUS,
    "standing": STANDING,
    "segment": SEGMENT,
    "rebuild_state": REBUILD_STATE,
    "order_state": ORDER_STATE,
    "refund_state": REFUND_STATE,
    "attempt_state": ATTEMPT_STATE,
    "charge": CHARGE,
    "plan_state": PLAN_STATE,
    "code_state": CODE_STATE,
    "price_model": PRICE_MODEL,
    "role": ROLE,
    "scope": SCOPE,
    "actor": ACTOR,
    "cause": CAUSE,
    "access_rule": ACCESS_RULE,
    "decline": DECLINE,
    "brand": BRAND,
    "mandate_status": MANDATE_STATUS,
    "letter": LETTER,
    "notice_state": NOTICE_STATE,
    "not_told": NOT_TOLD,
    "mode": MODE,
    "setting": SETTING,
    "drift": DRIFT,
    "known_reason": KNOWN_REASON,
    "model": MODEL,
    "state": STATE,
    "ending": ENDING,
    "what": WHAT,
    "why": MALFORMED,
    "opens_at": FROM,
    "closes_at": UNTIL,
}
"""By kind, then by value; a value without a word is shown as it is. The last seven are the details
of refusals, within a sentence."""
