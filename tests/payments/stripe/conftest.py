"""The emulated Stripe for tests of its own ways."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger.clock import VirtualClock
from tests.payments.conftest import NOON
from tests.payments.stripe.shop import Shop, shop_over
from tests.payments.stripe.stripe_stage import StripeStage


@pytest.fixture
def stripe_stage() -> StripeStage:
    """The adapter over the emulator, both checkers looking on, at noon."""
    return StripeStage(VirtualClock(NOON))


@pytest.fixture
def shop(database: str) -> Iterator[Shop]:
    """A site that charges through the emulated Stripe."""
    with shop_over(database) as shop:
        yield shop
