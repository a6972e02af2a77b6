"""Refusals of the site: its account at the payment company, and its reconciliation."""

from __future__ import annotations

from ledger.errors.base import Refused


class GatewayChanged(Refused):
    """The books belong to {pinned}, these keys to {found}; to move: `ledger gateway repin`.

    Charging another account would leave payments, refunds and saved methods where nobody looks.
    """

    code = "gateway_changed"


class GatewayModeDiffers(Refused):
    """The site is in {ours} mode, its payment company in {theirs} mode: they are never mixed."""

    code = "gateway_mode_differs"


class RealMoneyStays(Refused):
    """The books hold real money: they never move to an account whose money is play money."""

    code = "real_money_stays"


class MoneyUnderWay(Refused):
    """{orders} orders wait for {pinned} to answer; it can be left once they are settled."""

    code = "money_under_way"


class GatewayNotPinned(Refused):
    """No account is pinned yet: start the site once with the payment company it shall have."""

    code = "gateway_not_pinned"


class RangeMalformed(Refused):
    """A reconciliation looks from an instant to a later one, and not into the future."""

    code = "range_malformed"
