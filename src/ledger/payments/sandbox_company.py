"""What others do at the sandbox, behind the ledger's back: its staff, the person, their bank."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from ledger import ids
from ledger.money import Money
from ledger.payments.balance import Dispute
from ledger.payments.gateway import Mandate, Payment, Refund, Rejected
from ledger.payments.sandbox_acts import (
    Use,
    asked_of,
    card_state,
    confirmed,
    renewed,
    unmandated,
    with_adjustment,
    with_decision,
    with_dispute,
    with_refund,
)
from ledger.payments.sandbox_cards import FINE, presented
from ledger.payments.sandbox_desk import Desk, answered
from ledger.payments.sandbox_disputes import dispute_of
from ledger.payments.sandbox_states import (
    ACTION,
    DISPUTE,
    METHOD,
    NOBODY,
    AdjustmentState,
    key_in,
    mandate_of,
    payment_of,
    refund_of,
    sandbox_id,
    state_of,
)


class Company(Desk):
    """The sandbox as its own staff, the persons and their banks use it.

    `key` makes a repeated act the same act; without one, each is another.
    """

    @answered
    def authenticate(self, *, action: str, approved: bool) -> None:
        """Play the person's bank: they confirmed, or refused, a payment or setup that waits.

        A payment or setup that waits no longer stays as it is.
        """
        key, now = key_in(ACTION, action), self._clock.now()

        sheet = self._books.sheet(key) if key else None
        if sheet is None or sheet.state["kind"] not in {"payment", "setup"}:
            raise Rejected(why="nothing waits for this confirmation")
        self._books.change(sheet.key, lambda sheet: confirmed(sheet, now, approved=approved))

    @answered
    def pay_at_gateway(
        self, *, customer_id: str | None, method: str, amount: Money, key: UUID | None = None
    ) -> Payment:
        """Take test money that the ledger did not ask for, with a test card or a saved one.

        Without a customer it is another system's money on the same account: foreign.
        """
        attempt, customer = key or ids.new(), customer_id or NOBODY
        if method.startswith(METHOD):
            card = state_of(self._saved_sheet(method))["card"]
        else:
            card = card_state(sandbox_id(METHOD, attempt), method, presented(method))
        use = Use(
            attempt, asked_of("there", customer, method, amount), customer, card, FINE, amount
        )
        sheet = use.sheet(self._clock.now(), made_there=True)
        return payment_of(self._books.add(sheet) or sheet, self._clock.now())

    @answered
    def refund_at_gateway(
        self, *, payment_id: str, amount: Money, key: UUID | None = None
    ) -> Refund:
        """Send test money back that the ledger did not ask for."""
        made, now = key or ids.new(), self._clock.now()

        sheet = self._books.change(
            self._payment(payment_id).key,
            lambda sheet: with_refund(sheet, made, amount, now, made_there=True),
            claim=made,
        )
        return refund_of(sheet, made, now)

    @answered
    def dispute_at_gateway(
        self, *, payment_id: str, reason: str = "fraudulent", key: UUID | None = None
    ) -> Dispute:
        """The person's bank contests all that is left of a payment, and takes it."""
        opened, now = key or ids.new(), self._clock.now()

        self._books.change(
            self._payment(payment_id).key,
            lambda sheet: with_dispute(sheet, opened, reason, now),
            claim=opened,
        )
        return self.get_dispute(dispute_id=sandbox_id(DISPUTE, opened))

    @answered
    def decide_at_gateway(self, *, dispute_id: str, outcome: Literal["won", "lost"]) -> Dispute:
        """The bank closes a dispute; what is won stays so, what is lost may be won after all."""
        sheet, key = self._disputed(dispute_id)
        now = self._clock.now()

        self._books.change(sheet.key, lambda sheet: with_decision(sheet, key, outcome, now))
        return self.get_dispute(dispute_id=dispute_id)

    @answered
    def adjust_at_gateway(self, *, dispute_id: str, amount: Money, fee: int = 0) -> Dispute:
        """The company moves another sum for a dispute, signed as it moves the balance.

        `fee` is what it moves beside it, in minor units: negative where it is kept.
        """
        sheet, key = self._disputed(dispute_id)
        moved: AdjustmentState = {
            "minor": amount.minor,
            "fee": fee,
            "at": self._clock.now().isoformat(),
        }
        self._books.change(sheet.key, lambda sheet: with_adjustment(sheet, key, moved))
        return self.get_dispute(dispute_id=dispute_id)

    @answered
    def get_dispute(self, *, dispute_id: str) -> Dispute:
        """The dispute as it stands now."""
        sheet, key = self._disputed(dispute_id)
        dispute = dispute_of(sheet, key, self._clock.now())
        if dispute is None:
            raise Rejected(why="there is no such dispute")
        return dispute

    @answered
    def end_mandate_at_gateway(self, *, method_id: str) -> Mandate:
        """The person tells their bank to let nobody debit this card while they are away."""
        now, sheet = self._clock.now(), self._saved_sheet(method_id)
        return mandate_of(self._books.change(sheet.key, lambda sheet: unmandated(sheet, now)))

    @answered
    def renew_at_gateway(self, *, method_id: str, exp_year: int, exp_month: int) -> None:
        """The card's network puts another date on a saved card by itself."""
        now, sheet = self._clock.now(), self._saved_sheet(method_id)
        self._books.change(sheet.key, lambda sheet: renewed(sheet, exp_year, exp_month, now))
