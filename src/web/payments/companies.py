"""Which payment company the site charges through: Stripe where a key is set, else the sandbox."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from ledger.clock import Clock
from ledger.money import Money
from ledger.payments.gateway import Gateway
from ledger.payments.sandbox import Sandbox
from ledger.store.sandbox_books import PostgresBooks
from web.sessions.pool import Pool
from web.settings import Settings

if TYPE_CHECKING:
    from ledger.payments.stripe_gateway import StripeGateway

SANDBOX, STRIPE = "sandbox", "stripe"
"""How the addresses name them that notices are posted to."""

MANDATE_CAP_MINOR = 50_000
"""What an Indian card may be debited at a time that was saved without a charge."""


def sandbox_of(settings: Settings, pool: Pool, clock: Clock) -> Sandbox:
    """The sandbox, over books in the site's database."""
    secret = blake2b(b"sandbox notices", key=settings.key()).digest()
    return Sandbox(books=PostgresBooks(pool), clock=clock, notice_secrets=[secret])


def stripe_of(settings: Settings, clock: Clock, *, ledger: str) -> StripeGateway | None:
    """Stripe, if the settings have a key for it. `ledger` marks there what is ours."""
    if settings.stripe_key is None:
        return None
    # The SDK takes a second to import, which nobody without Stripe should wait.
    from ledger.payments.stripe_gateway import StripeGateway

    return StripeGateway(
        key=settings.stripe_key.get_secret_value(),
        account=settings.stripe_account or "",
        webhook_secrets=settings.stripe_secrets,
        ledger=ledger,
        clock=clock,
        mandate_cap=Money(MANDATE_CAP_MINOR, settings.currency),
    )


def gateway_of(settings: Settings, clock: Clock, sandbox: Sandbox, *, ledger: str) -> Gateway:
    """The company that is charged through."""
    return stripe_of(settings, clock, ledger=ledger) or sandbox


def company_of(settings: Settings) -> str:
    """Its name in addresses."""
    return STRIPE if settings.stripe_key else SANDBOX
