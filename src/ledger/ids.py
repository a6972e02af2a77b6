"""Every identifier. New ones are random; derived ones make a repeated command the same command."""

from __future__ import annotations

from uuid import UUID, uuid4, uuid5

SITE = UUID("6f2c1d1e-90a5-5e3b-9c0e-2b8f4f0f7a11")
"""Namespace of everything that is derived, and the stream of the site itself."""


def new() -> UUID:
    """A random identifier."""
    return uuid4()


def derived(parent: UUID, *words: object) -> UUID:
    """The same identifier for the same parent and words, in any process."""
    return uuid5(parent, "/".join(str(word) for word in words))


def order(membership_id: UUID, charge_index: int) -> UUID:
    """The order of a membership's nth charge: two schedulers that race make the same one (OR1)."""
    return derived(membership_id, "order", charge_index)


def attempt(order_id: UUID, number: int) -> UUID:
    """The nth payment attempt of an order; also its idempotency key at the gateway."""
    return derived(order_id, "attempt", number)


def observed(gateway_id: str) -> UUID:
    """Our id of a payment or refund that was made at the payment company, not by us (OR7)."""
    return derived(SITE, "observed", gateway_id)


def notice(fact_id: str, recipient_id: UUID, kind: str) -> UUID:
    """What tells one person of one fact in one way: asked twice, they are told once (NO2)."""
    return derived(SITE, "notice", fact_id, recipient_id, kind)


def command(principal: str, route: str, key: str) -> UUID:
    """The command of a request: its sender, what it asks, and the key it chose."""
    return derived(SITE, "command", principal, route, key)
