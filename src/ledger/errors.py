"""Every refusal, as a tree. The first docstring line is the sentence a person reads."""

from __future__ import annotations

from typing import ClassVar


class LedgerError(Exception):
    """The ledger could not do what was asked."""

    code: ClassVar[str] = "ledger_error"
    pointer: ClassVar[str | None] = None
    """JSON pointer of the request field at fault, where one field is."""

    def __init__(self, **details: object) -> None:
        super().__init__()
        self.details = details

    def __str__(self) -> str:
        sentence = (type(self).__doc__ or "").strip().splitlines()[0]
        return sentence.format(**self.details)

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.details))


def _rebuild(kind: type[LedgerError], details: dict[str, object]) -> LedgerError:
    return kind(**details)


class NotFound(LedgerError):
    """There is no {what} {id}."""

    code = "not_found"


class Forbidden(LedgerError):
    """This is not allowed for {role}."""

    code = "forbidden"


class Conflict(LedgerError):
    """Someone else changed this at the same time; please try again."""

    code = "conflict"


class Refused(LedgerError):
    """The ledger's rules refuse this."""

    code = "refused"


# --- values ---------------------------------------------------------------------------


class UnknownCurrency(Refused):
    """{currency} is not a currency the ledger knows."""

    code = "unknown_currency"
    pointer = "/currency"


class CurrencyMismatch(Refused):
    """Amounts of {left} and {right} are never added or compared."""

    code = "currency_mismatch"
    pointer = "/currency"


class AmountNotPositive(Refused):
    """The amount must be more than zero; {asked} was asked."""

    code = "amount_not_positive"
    pointer = "/amount"


class AmountTooLarge(Refused):
    """The amount is larger than the ledger accepts for one charge."""

    code = "amount_too_large"
    pointer = "/amount"


class EmailMalformed(Refused):
    """This is not an e-mail address."""

    code = "email_malformed"
    pointer = "/email"


class NameMissing(Refused):
    """A contact always has a name."""

    code = "name_missing"
    pointer = "/name"


class TextMalformed(Refused):
    """The {field} has {least} to {most} visible characters."""

    code = "text_malformed"


# --- plans ----------------------------------------------------------------------------


class TooManyPlans(Refused):
    """The site has {limit} plans already, which is the most it may have."""

    code = "too_many_plans"


class PlanNotOpen(Refused):
    """The plan {plan_name} is {state} and can't be joined."""

    code = "plan_not_open"


class PlanOutsideWindow(Refused):
    """The plan {plan_name} can be joined from {opens_at} to {closes_at}."""

    code = "plan_outside_window"


class PlanRetired(Refused):
    """The plan {plan_name} is retired; it can't be changed or joined any more."""

    code = "plan_retired"


class PlanWithoutPrice(Refused):
    """The plan {plan_name} has no price yet and can't be opened."""

    code = "plan_without_price"


class PriceModelFixed(Refused):
    """The plan {plan_name} is {model}; its price model can't become {asked}."""

    code = "price_model_fixed"
    pointer = "/terms/model"


class PlanCurrencyFixed(Refused):
    """The plan {plan_name} is in {currency}; its currency can't become {asked}."""

    code = "plan_currency_fixed"
    pointer = "/terms/amount/currency"


class PriceDateInThePast(Refused):
    """A price change for existing members must take effect in the future."""

    code = "price_date_in_the_past"
    pointer = "/effective_for_existing_from"


class WindowInverted(Refused):
    """An enrolment window closes after it opens."""

    code = "window_inverted"
    pointer = "/closes_at"


class EarlyAccessPasswordNeeded(Refused):
    """The plan {plan_name} is in early access; its password is missing or wrong."""

    code = "early_access_password_needed"
    pointer = "/early_access_password"


class TermsMalformed(Refused):
    """These terms are incomplete: {why}."""

    code = "terms_malformed"
    pointer = "/terms"


# --- members --------------------------------------------------------------------------


class EmailTaken(Refused):
    """This e-mail already has an open account."""

    code = "email_taken"
    pointer = "/email"


class EmailUnchanged(Refused):
    """This is already the account's e-mail."""

    code = "email_unchanged"
    pointer = "/email"


class AccountClosed(Refused):
    """The account {member_id} is closed."""

    code = "account_closed"


class AccountHasHistory(Refused):
    """The account {member_id} has {what} and can't be closed; only the person may ask for erasure."""  # noqa: E501

    code = "account_has_history"


class AlreadyMember(Refused):
    """There is a running membership in {plan_name} already."""

    code = "already_member"
    pointer = "/plan_id"


class PaymentMethodNeeded(Refused):
    """The plan {plan_name} needs a payment method that can be charged again."""

    code = "payment_method_needed"
    pointer = "/method"


class MembershipEnded(Refused):
    """The membership {membership_id} ended on {ended_at} ({ending})."""

    code = "membership_ended"


class NotSelfCancellable(Refused):
    """A {model} membership can't be self-cancelled."""

    code = "not_self_cancellable"


class AlreadyCancelling(Refused):
    """The membership {membership_id} is already cancelled and ends on {access_until}."""

    code = "already_cancelling"


class NotCancelling(Refused):
    """The membership {membership_id} has no cancellation to withdraw."""

    code = "not_cancelling"


class NotLeavable(Refused):
    """Only a free membership can be left at once; this one is {model}."""

    code = "not_leavable"


class NotDue(Refused):
    """The membership {membership_id} is not due before {due_at}."""

    code = "not_due"


class TooManyTags(Refused):
    """The site has {limit} distinct tags already, which is the most it may have."""

    code = "too_many_tags"
    pointer = "/tag"


class TagMalformed(Refused):
    """A tag has 1 to 50 visible characters."""

    code = "tag_malformed"
    pointer = "/tag"


class NoteMalformed(Refused):
    """A note has 1 to 10,000 characters."""

    code = "note_malformed"
    pointer = "/text"


class MethodForbidden(Forbidden):
    """Only the member may set, replace or remove a payment method."""

    code = "method_forbidden"


class StillRunning(Refused):
    """Erasure is refused: {why}."""

    code = "still_running"


# --- orders ---------------------------------------------------------------------------


class OrderNotPaid(Refused):
    """Order {order_id} has no payment to refund."""

    code = "order_not_paid"


class OrderSettled(Refused):
    """Order {order_id} is already settled."""

    code = "order_settled"


class OrderWithdrawn(Refused):
    """Order {order_id} was withdrawn."""

    code = "order_withdrawn"


class AttemptOpen(Refused):
    """Order {order_id} has an open payment attempt."""

    code = "attempt_open"


class RefundTooLarge(Refused):
    """Order {order_id} has {refundable} left to refund; {asked} was asked."""

    code = "refund_too_large"
    pointer = "/amount"


class ReasonMalformed(Refused):
    """A reason has 1 to 500 characters."""

    code = "reason_malformed"
    pointer = "/reason"


# --- discounts ------------------------------------------------------------------------


class CodeRefused(Refused):
    """This discount code can't be used."""

    code = "code_refused"
    pointer = "/discount_code"


class CodeUnknown(CodeRefused):
    """There is no discount code {discount_code}."""

    code = "code_unknown"


class CodeExpired(CodeRefused):
    """The discount code {discount_code} expired on {ends_at}."""

    code = "code_expired"


class CodeNotYetValid(CodeRefused):
    """The discount code {discount_code} is valid from {starts_at} on."""

    code = "code_not_yet_valid"


class CodeUsedUp(CodeRefused):
    """The discount code {discount_code} has been used up."""

    code = "code_used_up"


class CodeAlreadyUsed(CodeRefused):
    """The discount code {discount_code} can be used once per person, and you have used it."""

    code = "code_already_used"


class CodeNotForPlan(CodeRefused):
    """The discount code {discount_code} is not for the plan {plan_name}."""

    code = "code_not_for_plan"


class CodeWrongCurrency(CodeRefused):
    """The discount code {discount_code} is in {currency}; the plan {plan_name} is not."""

    code = "code_wrong_currency"


class CodeTaken(Refused):
    """There is a discount code {discount_code} already."""

    code = "code_taken"
    pointer = "/discount_code"


class DiscountMalformed(Refused):
    """The discount is malformed: {why}."""

    code = "discount_malformed"


# --- contributors ---------------------------------------------------------------------


class OwnerExists(Refused):
    """The site has an owner already; only the owner transfers ownership."""

    code = "owner_exists"


class OwnerNeeded(Refused):
    """The site always has exactly one owner."""

    code = "owner_needed"


class ContributorRemoved(Refused):
    """The contributor {contributor_id} was removed."""

    code = "contributor_removed"


class RolesMalformed(Refused):
    """A contributor has at least one role, and the owner's role is only transferred."""

    code = "roles_malformed"
    pointer = "/roles"
