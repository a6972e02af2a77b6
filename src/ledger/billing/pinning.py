"""Which account at the payment company the books belong to: pinned at a start, moved on purpose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from ledger import ids
from ledger.application import Ledger, Position
from ledger.errors import MoneyUnderWay
from ledger.facts import Actor, Cause
from ledger.order import Order
from ledger.payments.gateway import Gateway, Identity

UNSETTLED = frozenset({"requested", "pending"})
"""States of a refund that only its own account can settle."""


def pin(
    ledger: Ledger, gateway: Gateway, settings: Mapping[str, str], *, by: Actor, cause: Cause
) -> Identity:
    """Pin the gateway's account at the first start, and see that it is the same at every other.

    `settings` are those that decide what figures mean: a change of one is a fact. Raises
    GatewayChanged or GatewayModeDiffers, and OutcomeUnknown where the gateway does not answer.
    """
    identity = gateway.identify()
    ledger.pin_gateway(identity.account, identity.mode, by=by, cause=cause)
    ledger.note_settings(settings, by=by, cause=_part(cause, "settings"))
    return identity


def repin(
    ledger: Ledger,
    gateway: Gateway,
    reason: str,
    *,
    undecided: Iterable[UUID],
    by: Actor,
    cause: Cause,
) -> Position:
    """Move the books to the gateway's account on purpose; `site_money` says when that may be.

    `undecided` are the orders that may wait for an answer: what is under way can only be settled
    by the account that is left. Raises MoneyUnderWay, RealMoneyStays or GatewayModeDiffers.
    """
    identity = gateway.identify()
    waiting = [order_id for order_id in undecided if _is_under_way(ledger.order(order_id))]
    if waiting:
        raise MoneyUnderWay(orders=len(waiting), pinned=ledger.site().gateway)
    return ledger.repin_gateway(identity.account, identity.mode, reason, by=by, cause=cause)


def _is_under_way(order: Order) -> bool:
    unsettled = any(refund.state in UNSETTLED for refund in order.refunds.values())
    return order.open_attempt is not None or unsettled


def _part(cause: Cause, word: str) -> Cause:
    return Cause(kind=cause.kind, id=ids.derived(cause.id, word))
