"""Where the parts of an order stand: its attempts, its refunds and what is contested of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from ledger.money import Money

AttemptState = Literal["open", "pending", "unknown", "failed", "abandoned", "paid"]
RefundState = Literal["requested", "pending", "made", "failed"]


@dataclass(slots=True)
class Attempt:
    """One try to collect an order's money. Its id is the idempotency key at the gateway."""

    attempt_id: UUID
    number: int
    amount: Money
    off_session: bool
    method_id: str
    started_at: datetime
    state: AttemptState = "open"
    reference: str | None = None
    decline_code: str | None = None
    was_at_bank: bool = False


@dataclass(slots=True)
class Dispute:
    """A payment that the person's bank contests."""

    payment_reference: str
    amount: Money
    reason: str
    funds: Money
    refundable: bool | None = None
    """Whether the payment company takes refunds of the payment meanwhile; None if not told."""
    state: Literal["open", "won", "lost"] = "open"
    decided_at: datetime | None = None
    unnamed: list[int] = field(default_factory=list)
    """Minor units that facts told of which named no movement."""

    def is_news(self, outcome: Literal["won", "lost"], at: datetime) -> bool:
        """Whether this was decided last: of one instant, that what was lost is won after all."""
        if self.decided_at is None:
            return True
        return (at, outcome == "won") > (self.decided_at, self.state == "won")

    @property
    def blocks_refunds(self) -> bool:
        """Whether the payment company takes no refund of the payment at all."""
        return self.refundable is False and self.state != "won"

    @property
    def held(self) -> Money:
        """What of the payment can't be given back because of it."""
        inquiry = self.state == "open" and self.refundable is True
        return Money.zero(self.amount.currency) if inquiry or self.state == "won" else self.amount


@dataclass(slots=True)
class Refund:
    """Money on its way back."""

    refund_id: UUID
    payment_reference: str
    amount: Money
    reason: str
    requested_at: datetime
    state: RefundState = "requested"
    reference: str | None = None
