"""Refusals of amounts, names and texts."""

from __future__ import annotations

from ledger.errors.base import Refused


class UnknownCurrency(Refused):
    """{currency} is not a currency the ledger knows."""

    code = "unknown_currency"
    pointer = "/currency"


class CurrencyMismatch(Refused):
    """Amounts of {left} and {right} are never added or compared."""

    code = "currency_mismatch"
    pointer = "/amount/currency"


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
