"""Every process that takes money first sees whose account it has."""

from __future__ import annotations

import logging

from ledger import ids
from ledger.billing.pinning import pin
from ledger.facts import Actor, Cause
from ledger.payments.gateway import OutcomeUnknown
from web.parts import Parts

log = logging.getLogger(__name__)


def require_own_gateway(parts: Parts) -> None:
    """Raise GatewayChanged or GatewayModeDiffers unless the payment company is the site's own.

    Where it does not answer, the site starts all the same: nothing is charged through a company
    that can't be reached, and the next start asks again.
    """
    settings = parts.settings
    noted = {
        "currency": settings.currency,
        "mode": settings.mode,
        "time_zone": settings.time_zone,
    }
    by, cause = Actor(kind="machine"), Cause(kind="command_line", id=ids.new())
    try:
        pin(parts.ledger, parts.collection.gateway, noted, by=by, cause=cause)
    except OutcomeUnknown:
        log.warning("the payment company did not say whose account this is")
