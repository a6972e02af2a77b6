"""Refusals of plans."""

from __future__ import annotations

from ledger.errors.base import Refused


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
