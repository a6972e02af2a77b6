"""Refusals of discount codes."""

from __future__ import annotations

from ledger.errors.base import Refused


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
