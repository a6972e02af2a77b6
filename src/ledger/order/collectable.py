"""Collectable: the part of an order that takes money in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from ledger import ids
from ledger.errors import AttemptOpen, NotFound, OrderSettled, OrderWithdrawn
from ledger.facts import Aggregate, Stamp
from ledger.money import Mode, Money, require_charge
from ledger.order import facts
from ledger.order.balance import Moved, untold
from ledger.order.facts import Charge, DiscountUsed
from ledger.order.states import Attempt


class Collectable(Aggregate):
    """A charge that is placed, tried, and perhaps paid or withdrawn."""

    def __init__(self) -> None:
        self.placed: facts.OrderPlaced
        self.paid: Money
        self.attempts: dict[UUID, Attempt] = {}
        self.payments: dict[str, Money] = {}
        self.came_in_at: dict[str, datetime] = {}
        self.reversed: set[str] = set()
        self.movements: set[str] = set()
        """The gateway's names of the changes of our balance that were told by themselves."""
        self.unnamed_fees: defaultdict[str, list[int]] = defaultdict(list)
        """Minor units kept, by what for, of facts that named no movement."""
        self.withdrawn_at: datetime | None = None

    @property
    def subject_id(self) -> UUID | None:
        """The member, whose key seals the personal fields."""
        return self.placed.member_id

    @property
    def member_id(self) -> UUID:
        """The member who is charged."""
        if self.placed.member_id is None:
            message = "an order is always someone's"
            raise ValueError(message)
        return self.placed.member_id

    @classmethod
    def place(
        cls,
        *,
        member_id: UUID,
        membership_id: UUID,
        plan_id: UUID,
        plan_name: str,
        price_version: int,
        charge: Charge,
        charge_index: int,
        list_price: Money,
        amount: Money,
        discount: DiscountUsed | None,
        tax_basis_points: int | None,
        period_start: datetime,
        period_end: datetime | None,
        mode: Mode,
        stamp: Stamp,
    ) -> Self:
        """A charge of a membership; the same membership and index make the same order (OR1)."""
        return cls.begin(
            facts.OrderPlaced,
            ids.order(membership_id, charge_index),
            stamp=stamp,
            member_id=member_id,
            membership_id=membership_id,
            plan_id=plan_id,
            plan_name=plan_name,
            price_version=price_version,
            charge=charge,
            charge_index=charge_index,
            list_price=list_price,
            amount=amount,
            discount=discount,
            tax_basis_points=tax_basis_points,
            period_start=period_start,
            period_end=period_end,
            due_at=period_start,
            mode=mode,
        )

    @property
    def references(self) -> frozenset[str]:
        """The gateway's names of the payments that came in."""
        return frozenset(self.payments)

    def began(self, reference: str) -> datetime:
        """When what a payment is for could begin: as it came in, else when it was asked for."""
        return self.came_in_at.get(reference, self.placed.occurred_at)

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to collect."""
        return self.paid >= self.placed.amount

    @property
    def open_attempt(self) -> Attempt | None:
        """The attempt whose outcome is not known. Never two."""
        undecided = {"open", "pending", "unknown"}
        return next((a for a in self.attempts.values() if a.state in undecided), None)

    def start_attempt(self, *, method_id: str, off_session: bool, stamp: Stamp) -> Attempt:
        """Write down a try before it is made."""
        if self.withdrawn_at is not None:
            raise OrderWithdrawn(order_id=self.id)
        if self.is_settled:
            raise OrderSettled(order_id=self.id)
        if self.open_attempt:
            raise AttemptOpen(order_id=self.id)
        number = len(self.attempts) + 1
        attempt_id = ids.attempt(self.id, number)
        self.record(
            facts.AttemptStarted,
            stamp=stamp,
            attempt_id=attempt_id,
            number=number,
            amount=self.placed.amount,
            off_session=off_session,
            method_id=method_id,
        )
        return self.attempts[attempt_id]

    def pend(
        self,
        attempt_id: UUID,
        *,
        reference: str,
        waits_for: Literal["member", "bank"],
        stamp: Stamp,
    ) -> None:
        """The gateway waits for someone. Twice is no news."""
        if self._attempt(attempt_id).state in {"open", "unknown"}:
            self.record(
                facts.AttemptPending,
                stamp=stamp,
                attempt_id=attempt_id,
                reference=reference,
                waits_for=waits_for,
            )

    def lose_sight(self, attempt_id: UUID, *, stamp: Stamp) -> None:
        """The gateway did not answer. Twice is no news."""
        if self._attempt(attempt_id).state == "open":
            self.record(facts.OutcomeUnknown, stamp=stamp, attempt_id=attempt_id)

    def abandon(self, attempt_id: UUID, *, proof: str, stamp: Stamp) -> None:
        """The gateway has nothing under this key, and the proof says how that is known."""
        if self._attempt(attempt_id).state in {"open", "unknown"}:
            self.record(facts.AttemptAbandoned, stamp=stamp, attempt_id=attempt_id, proof=proof)

    def fail(self, attempt_id: UUID, *, category: str, code: str, stamp: Stamp) -> None:
        """The gateway declined. Twice is no news, nor is it after a payment."""
        if self._attempt(attempt_id).state in {"open", "pending", "unknown"}:
            self.record(
                facts.PaymentFailed,
                stamp=stamp,
                attempt_id=attempt_id,
                category=category,
                code=code,
            )

    def pay(self, attempt_id: UUID, *, reference: str, amount: Money, stamp: Stamp) -> None:
        """Money came in, wanted or not.

        One payment may be announced twice. Two payments are two facts: the money has arrived,
        and the books say so (OR6).
        """
        self._require_chargeable(amount)
        if reference not in self.payments:
            self.record(
                facts.Paid,
                stamp=stamp,
                attempt_id=attempt_id,
                reference=reference,
                amount=amount,
                mode=self.placed.mode,
            )

    def record_fee(self, reference: str, moved: Sequence[Moved], *, stamp: Stamp) -> None:
        """What the gateway kept for a payment or dispute so far, the oldest first.

        A fee that came back is moved by a positive amount. Each movement is told once.
        """
        for one in untold(moved, self.movements, self.unnamed_fees.get(reference, ())):
            self.record(
                facts.FeeRecorded,
                stamp=replace(stamp, occurred_at=one.at),
                reference=reference,
                movement_id=one.movement_id,
                amount=-one.amount,
                mode=self.placed.mode,
            )

    def withdraw(self, reason: str, *, stamp: Stamp) -> None:
        """Stop wanting the money. Not while a try is under way, nor once it is paid."""
        if self.open_attempt:
            raise AttemptOpen(order_id=self.id)
        if self.is_settled or not self.paid.is_zero:
            raise OrderSettled(order_id=self.id)
        if self.withdrawn_at is None:
            self.record(facts.Withdrawn, stamp=stamp, reason=reason)

    def _attempt(self, attempt_id: UUID) -> Attempt:
        try:
            return self.attempts[attempt_id]
        except KeyError:
            raise NotFound(what="payment attempt", id=attempt_id) from None

    def _payment(self, reference: str) -> Money:
        try:
            return self.payments[reference]
        except KeyError:
            raise NotFound(what="payment", id=reference) from None

    def _require_chargeable(self, amount: Money) -> None:
        amount.require_same_currency(self.placed.amount)
        require_charge(amount)
