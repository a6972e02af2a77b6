"""Orders: one row a charge, with its attempts, payments, refunds and disputes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal, NamedTuple, cast
from uuid import UUID

from ledger.facts import Fact
from ledger.order import facts
from projections.laws import FEES_OF_ORDERS, MONEY_OF_ORDERS, Law, one_row_a_fact
from projections.rows import Line, quick
from projections.view import Index, Key, Needs, View, first, on

State = Literal[
    "free",
    "open",
    "pending",
    "unknown",
    "failed",
    "withdrawn",
    "paid",
    "partly_refunded",
    "refunded",
    "disputed",
    "lost",
]
UNDECIDED = ("open", "pending", "unknown")
UNDER_WAY = ("requested", "pending")
"""States of attempts and of refunds whose outcome is not known."""


@dataclass(frozen=True)
class AttemptLine(Line):
    """One try to collect the money, and what came of it."""

    attempt_id: UUID
    state: str
    at: datetime
    off_session: bool
    category: str | None = None
    code: str | None = None
    waits_for: str | None = None


@dataclass(frozen=True)
class PaymentLine(Line):
    """Money that came in, in minor units."""

    reference: str
    minor: int
    at: datetime
    fact_id: str
    is_reversed: bool = False


@dataclass(frozen=True)
class RefundLine(Line):
    """Money on its way back, in minor units."""

    refund_id: UUID
    payment_reference: str
    minor: int
    reason: str
    state: str
    requested_at: datetime
    settled_at: datetime | None = None
    code: str | None = None


@dataclass(frozen=True)
class DisputeLine(Line):
    """What a bank contests, in minor units; `refundable` None if the gateway did not say."""

    dispute_id: str
    payment_reference: str
    minor: int
    reason: str
    state: str
    opened_at: datetime
    refundable: bool | None = None

    @property
    def blocks_refunds(self) -> bool:
        """Whether no refund of the payment is taken at all."""
        return self.refundable is False and self.state != "won"

    @property
    def held(self) -> int:
        """What of the payment can't be given back because of it."""
        inquiry = self.state == "open" and self.refundable is True
        return 0 if inquiry or self.state == "won" else self.minor


@quick
class OrderRow(NamedTuple):
    """One charge. All amounts in minor units of `currency`.

    `undecided_since` is when the first try or refund began of which nobody knows yet what came.
    """

    member_id: UUID
    order_id: UUID
    membership_id: UUID
    plan_id: UUID
    plan_name: str
    price_version: int
    charge: str
    charge_index: int
    currency: str
    list_price: int
    amount: int
    discount_code: str | None
    discount_cut: int
    tax_basis_points: int | None
    period_start: datetime
    period_end: datetime | None
    due_at: datetime
    mode: str
    placed_at: datetime
    state: str = "open"
    paid: int = 0
    refunded: int = 0
    refunding: int = 0
    lost: int = 0
    contested: int = 0
    fees: int = 0
    withdrawn_at: datetime | None = None
    undecided_since: datetime | None = None
    attempts: tuple[AttemptLine, ...] = ()
    payments: tuple[PaymentLine, ...] = ()
    refunds: tuple[RefundLine, ...] = ()
    disputes: tuple[DisputeLine, ...] = ()
    position: int = 0

    @property
    def refundable(self) -> int:
        """What is left to refund (OR2): paid, less refunds made or under way, less disputes."""
        return sum([self._left_of(payment) for payment in self.payments])

    def _left_of(self, payment: PaymentLine) -> int:
        disputes = [one for one in self.disputes if one.payment_reference == payment.reference]
        if payment.is_reversed or any(dispute.blocks_refunds for dispute in disputes):
            return 0
        given_back = [
            refund.minor
            for refund in self.refunds
            if refund.payment_reference == payment.reference and refund.state != "failed"
        ]
        return max(0, payment.minor - sum(given_back) - sum([one.held for one in disputes]))


class Orders(View[OrderRow]):
    """Every charge that was placed, free ones too, and where it stands."""

    name = "orders"
    version = 2
    key = ("member_id", "order_id")
    columns = OrderRow
    needs: ClassVar[Needs] = {facts.RefundRequested: frozenset({"reason"})}
    indexes: ClassVar[tuple[Index, ...]] = (
        Index("order", "(order_id) INCLUDE (plan_id)"),
        Index("placed", "(placed_at, order_id)"),
        Index("member", "(member_id, placed_at, order_id)"),
        Index("plan", "(plan_id, placed_at, order_id)"),
        Index("code", "(discount_code, placed_at, order_id) WHERE discount_code IS NOT NULL"),
        Index("state", "(state, placed_at, order_id)"),
        Index("membership", "(membership_id, charge_index)"),
        Index("amount", "(amount, order_id)"),
        Index(
            "later",
            "(placed_at, order_id) INCLUDE (membership_id, charge_index)"
            " WHERE charge = 'renewal' AND charge_index > 1",
        ),
        Index("undecided", "(undecided_since, order_id) WHERE undecided_since IS NOT NULL"),
    )
    laws: ClassVar[tuple[Law, ...]] = (
        one_row_a_fact("order.placed"),
        MONEY_OF_ORDERS,
        FEES_OF_ORDERS,
    )

    def keys(self, fact: Fact) -> tuple[Key, ...]:
        """The order whose stream it is."""
        return ((fact.member_id, fact.originator_id),)

    @first(facts.OrderPlaced)
    def placed(self, fact: facts.OrderPlaced) -> OrderRow:
        """A charge is due, or settled at once if it costs nothing (OR5)."""
        discount = fact.discount
        return OrderRow(
            member_id=cast("UUID", fact.member_id),
            order_id=fact.originator_id,
            membership_id=fact.membership_id,
            plan_id=fact.plan_id,
            plan_name=fact.plan_name,
            price_version=fact.price_version,
            charge=fact.charge,
            charge_index=fact.charge_index,
            currency=fact.amount.currency,
            list_price=fact.list_price.minor,
            amount=fact.amount.minor,
            discount_code=discount.terms.code if discount else None,
            discount_cut=discount.cut.minor if discount else 0,
            tax_basis_points=fact.tax_basis_points,
            period_start=fact.period_start,
            period_end=fact.period_end,
            due_at=fact.due_at,
            mode=fact.mode,
            placed_at=fact.occurred_at,
        )

    @on(facts.AttemptStarted)
    def attempt_started(self, row: OrderRow, fact: facts.AttemptStarted) -> OrderRow:
        """A try is under way."""
        line = AttemptLine(fact.attempt_id, "open", fact.occurred_at, fact.off_session)
        return row._replace(attempts=(*row.attempts, line))

    @on(facts.AttemptPending)
    def attempt_pending(self, row: OrderRow, fact: facts.AttemptPending) -> OrderRow:
        """Someone is waited for."""
        return _attempt(row, fact.attempt_id, state="pending", waits_for=fact.waits_for)

    @on(facts.OutcomeUnknown)
    def outcome_unknown(self, row: OrderRow, fact: facts.OutcomeUnknown) -> OrderRow:
        """Nobody knows yet."""
        return _attempt(row, fact.attempt_id, state="unknown")

    @on(facts.AttemptAbandoned)
    def attempt_abandoned(self, row: OrderRow, fact: facts.AttemptAbandoned) -> OrderRow:
        """It came to nothing."""
        return _attempt(row, fact.attempt_id, state="abandoned")

    @on(facts.PaymentFailed)
    def payment_failed(self, row: OrderRow, fact: facts.PaymentFailed) -> OrderRow:
        """Declined."""
        return _attempt(
            row, fact.attempt_id, state="failed", category=fact.category, code=fact.code
        )

    @on(facts.Paid)
    def paid_once(self, row: OrderRow, fact: facts.Paid) -> OrderRow:
        """Money came in, wanted or not (OR6)."""
        line = PaymentLine(fact.reference, fact.amount.minor, fact.occurred_at, fact.fact_id)
        row = row._replace(paid=row.paid + fact.amount.minor, payments=(*row.payments, line))
        return _attempt(row, fact.attempt_id, state="paid")

    @on(facts.PaymentReversed)
    def payment_reversed(self, row: OrderRow, fact: facts.PaymentReversed) -> OrderRow:
        """A payment does not stand any more."""
        lines = [
            line.changed(is_reversed=True) if line.reference == fact.reference else line
            for line in row.payments
        ]
        return row._replace(paid=row.paid - fact.amount.minor, payments=tuple(lines))

    @on(facts.FeeRecorded)
    def fee_recorded(self, row: OrderRow, fact: facts.FeeRecorded) -> OrderRow:
        """What the gateway kept; of a balance in another currency, movements alone tell (PL2)."""
        own = fact.amount.minor if fact.amount.currency == row.currency else 0
        return row._replace(fees=row.fees + own)

    @on(facts.Withdrawn)
    def withdrawn(self, row: OrderRow, fact: facts.Withdrawn) -> OrderRow:
        """No longer wanted."""
        return row._replace(withdrawn_at=fact.occurred_at)

    @on(facts.RefundRequested)
    def refund_requested(self, row: OrderRow, fact: facts.RefundRequested) -> OrderRow:
        """Money is to go back."""
        line = RefundLine(
            fact.refund_id,
            fact.payment_reference,
            fact.amount.minor,
            fact.reason,
            "requested",
            fact.occurred_at,
        )
        return row._replace(refunds=(*row.refunds, line))

    @on(facts.RefundPending)
    def refund_pending(self, row: OrderRow, fact: facts.RefundPending) -> OrderRow:
        """The gateway is at it."""
        return _refund(row, fact.refund_id, state="pending")

    @on(facts.Refunded)
    def refund_made(self, row: OrderRow, fact: facts.Refunded) -> OrderRow:
        """It went back."""
        row = row._replace(refunded=row.refunded + fact.amount.minor)
        return _refund(row, fact.refund_id, state="made", settled_at=fact.occurred_at)

    @on(facts.RefundFailed)
    def refund_failed(self, row: OrderRow, fact: facts.RefundFailed) -> OrderRow:
        """It could not go back, perhaps after the gateway had said so."""
        if fact.was_settled:
            row = row._replace(refunded=row.refunded - fact.amount.minor)
        return _refund(row, fact.refund_id, state="failed", code=fact.code)

    @on(facts.DisputeOpened)
    def dispute_opened(self, row: OrderRow, fact: facts.DisputeOpened) -> OrderRow:
        """A bank contests a payment."""
        line = DisputeLine(
            fact.dispute_id,
            fact.payment_reference,
            fact.amount.minor,
            fact.reason,
            "open",
            fact.occurred_at,
            fact.refundable,
        )
        return row._replace(disputes=(*row.disputes, line))

    @on(facts.DisputeUpdated)
    def dispute_updated(self, row: OrderRow, fact: facts.DisputeUpdated) -> OrderRow:
        """It contests something else now."""
        minor, reason, refundable = fact.amount.minor, fact.reason, fact.refundable
        return _dispute(row, fact.dispute_id, minor=minor, reason=reason, refundable=refundable)

    @on(facts.DisputeClosed)
    def dispute_closed(self, row: OrderRow, fact: facts.DisputeClosed) -> OrderRow:
        """The bank decided."""
        return _dispute(row, fact.dispute_id, state=fact.outcome)

    def finish(self, row: OrderRow) -> OrderRow:
        """Where it stands, by its lines."""
        under_way = [line for line in row.refunds if line.state in UNDER_WAY]
        waiting = [line.at for line in row.attempts if line.state in UNDECIDED]
        waiting += [line.requested_at for line in under_way]
        contested = sum([line.minor for line in row.disputes if line.state == "open"])
        lost = sum([line.minor for line in row.disputes if line.state == "lost"])
        return row._replace(
            refunding=sum([line.minor for line in under_way]),
            contested=contested,
            lost=lost,
            undecided_since=min(waiting, default=None),
            state=_state(row, contested, lost),
        )


def _attempt(row: OrderRow, attempt_id: UUID, **changes: Any) -> OrderRow:
    lines = [
        line.changed(**changes) if line.attempt_id == attempt_id else line for line in row.attempts
    ]
    return row._replace(attempts=tuple(lines))


def _refund(row: OrderRow, refund_id: UUID, **changes: Any) -> OrderRow:
    lines = [
        line.changed(**changes) if line.refund_id == refund_id else line for line in row.refunds
    ]
    return row._replace(refunds=tuple(lines))


def _dispute(row: OrderRow, dispute_id: str, **changes: Any) -> OrderRow:
    lines = [
        line.changed(**changes) if line.dispute_id == dispute_id else line for line in row.disputes
    ]
    return row._replace(disputes=tuple(lines))


def _state(row: OrderRow, contested: int, lost: int) -> State:
    if row.paid:
        return _paid_state(row, contested, lost)
    if row.withdrawn_at is not None:
        return "withdrawn"
    if not row.amount:
        return "free"
    latest = row.attempts[-1].state if row.attempts else "open"
    return cast("State", latest) if latest in ("pending", "unknown", "failed") else "open"


def _paid_state(row: OrderRow, contested: int, lost: int) -> State:
    if contested:
        return "disputed"
    if lost:
        return "lost"
    if row.refunded:
        return "refunded" if row.refunded >= row.paid else "partly_refunded"
    return "paid"
