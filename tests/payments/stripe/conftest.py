"""The emulated Stripe for tests of its own ways."""

from __future__ import annotations

import pytest

from ledger.clock import VirtualClock
from tests.payments.conftest import NOON
from tests.payments.stripe.stripe_stage import StripeStage


@pytest.fixture
def stripe_stage() -> StripeStage:
    """The adapter over the emulator, both checkers looking on, at noon."""
    return StripeStage(VirtualClock(NOON))
