"""Every process that takes money first sees whose account it has."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, cast

from ledger import ids
from ledger.application import Ledger
from ledger.billing.pinning import pin
from ledger.facts import Actor, Cause
from ledger.payments.gateway import Gateway, OutcomeUnknown
from web.parts import Parts
from web.settings import Settings

ASKS_NOBODY = frozenset({"identify", "verify_notice"})
"""Calls that move nothing and need no account to be known."""

log = logging.getLogger(__name__)


class OwnAccount:
    """A payment company that is asked for nothing before it is seen to be the site's own.

    Where it did not say so at the start, each call asks once more: another account's key that is
    put in place while the company is slow charges nobody. Calls raise what they raise, and
    GatewayChanged, GatewayModeDiffers or OutcomeUnknown before anything else is done.
    """

    def __init__(self, company: Gateway, require: Callable[[], object]) -> None:
        self.company, self._require = company, require
        self._is_own = False

    def require(self) -> None:
        """Raise unless the account is the site's own; asked until it was seen once."""
        if not self._is_own:
            self._require()
            self._is_own = True

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.company, name)
        if self._is_own or name in ASKS_NOBODY or not callable(found):
            return found

        def ask(*given: Any, **named: Any) -> Any:
            self.require()
            return found(*given, **named)

        return ask


def own_account(company: Gateway, ledger: Ledger, settings: Settings) -> Gateway:
    """The company, for the account that the books belong to."""
    require = _pinning(company, ledger, settings)
    return cast("Gateway", OwnAccount(company, require))


def require_own_gateway(parts: Parts) -> None:
    """Raise GatewayChanged or GatewayModeDiffers unless the payment company is the site's own.

    Where it does not answer, the site starts all the same: it is asked before it is charged.
    """
    gateway = parts.collection.gateway
    require = _pinning(gateway, parts.ledger, parts.settings)
    try:
        gateway.require() if isinstance(gateway, OwnAccount) else require()
    except OutcomeUnknown:
        log.warning("the payment company did not say whose account this is")


def _pinning(company: Gateway, ledger: Ledger, settings: Settings) -> Callable[[], object]:
    def require() -> object:
        by, cause = Actor(kind="machine"), Cause(kind="command_line", id=ids.new())
        return pin(ledger, company, _noted(settings), by=by, cause=cause)

    return require


def _noted(settings: Settings) -> Mapping[str, str]:
    return {
        "currency": settings.currency,
        "mode": settings.mode,
        "time_zone": settings.time_zone,
    }
