"""Movements: one row a money fact, so that every total names the facts that add up to it."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal, NamedTuple, cast
from uuid import UUID

from ledger.facts import Fact
from ledger.money import Mode, Money
from ledger.order.facts import (
    DisputeClosed,
    FeeRecorded,
    Paid,
    PaymentReversed,
    Refunded,
    RefundFailed,
)
from projections.laws import MONEY_OF_MOVEMENTS, Law
from projections.rows import quick
from projections.site import Site
from projections.view import Index, Key, Needs, View, first

TURN_OF_THE_YEAR = ((1, 1), (12, 31))
"""Month and day on which it may be another year elsewhere."""

Kind = Literal["payment", "payment_reversed", "refund", "refund_failed", "dispute_lost", "fee"]


@quick
class MovementRow(NamedTuple):
    """Money that moved. `minor` is signed: what it adds to the net, or for a fee to the costs."""

    member_id: UUID
    order_id: UUID
    fact_version: int
    kind: str
    currency: str
    mode: str
    minor: int
    reference: str | None
    occurred_at: datetime
    recorded_at: datetime
    year: int
    position: int = 0

    @property
    def fact_id(self) -> str:
        """The fact itself, as `stream/version`."""
        return f"{self.order_id}/{self.fact_version}"


class Movements(View[MovementRow]):
    """Payments, also those taken back, refunds, disputes lost and fees, each when it settled.

    The plan stands in the order's row. `year` is the site's, for receipts (OR10).
    """

    name = "movements"
    version = 2
    key = ("member_id", "order_id", "fact_version")
    columns = MovementRow
    needs: ClassVar[Needs] = {}
    indexes: ClassVar[tuple[Index, ...]] = (
        Index("position", "(position)"),
        Index("receipts", "(mode, year, position) WHERE kind = 'payment'"),
        Index("occurred", "(occurred_at, position)"),
    )
    laws: ClassVar[tuple[Law, ...]] = (MONEY_OF_MOVEMENTS,)

    def __init__(self, site: Site) -> None:
        self._zone = site.time_zone

    @property
    def parameters(self) -> tuple[str, ...]:
        """The zone that says where a year ends."""
        return (self._zone.key,)

    def keys(self, fact: Fact) -> tuple[Key, ...]:
        """A row of its own."""
        return ((fact.member_id, fact.originator_id, fact.originator_version),)

    @first(Paid)
    def paid(self, fact: Paid) -> MovementRow:
        """Money in."""
        return self._row(fact, "payment", fact.amount, fact.mode, reference=fact.reference)

    @first(PaymentReversed)
    def payment_reversed(self, fact: PaymentReversed) -> MovementRow:
        """A payment does not stand any more."""
        reference, amount = fact.reference, -fact.amount
        return self._row(fact, "payment_reversed", amount, fact.mode, reference=reference)

    @first(Refunded)
    def refunded(self, fact: Refunded) -> MovementRow:
        """Money back."""
        return self._row(fact, "refund", -fact.amount, fact.mode, reference=fact.reference)

    @first(RefundFailed)
    def refund_failed(self, fact: RefundFailed) -> MovementRow | None:
        """A refund that had settled came back; one that never did moved nothing."""
        return (
            self._row(fact, "refund_failed", fact.amount, fact.mode) if fact.was_settled else None
        )

    @first(DisputeClosed)
    def dispute_closed(self, fact: DisputeClosed) -> MovementRow | None:
        """A lost dispute takes the money; one that is won after all gives it back."""
        if fact.outcome == "lost":
            return self._row(fact, "dispute_lost", -fact.amount, fact.mode)
        return self._row(fact, "dispute_lost", fact.amount, fact.mode) if fact.was_lost else None

    @first(FeeRecorded)
    def fee(self, fact: FeeRecorded) -> MovementRow:
        """What the gateway kept."""
        return self._row(fact, "fee", -fact.amount, fact.mode, reference=fact.reference)

    def _row(
        self, fact: Fact, kind: Kind, amount: Money, mode: Mode, *, reference: str | None = None
    ) -> MovementRow:
        return MovementRow(
            member_id=cast("UUID", fact.member_id),
            order_id=fact.originator_id,
            fact_version=fact.originator_version,
            kind=kind,
            currency=amount.currency,
            mode=mode,
            minor=amount.minor,
            reference=reference,
            occurred_at=fact.occurred_at,
            recorded_at=fact.recorded_at,
            year=self._year(fact.occurred_at),
        )

    def _year(self, instant: datetime) -> int:
        """The site's year. No zone is a whole day ahead or behind, so that most need no look."""
        if (instant.month, instant.day) in TURN_OF_THE_YEAR:
            return instant.astimezone(self._zone).year
        return instant.year
