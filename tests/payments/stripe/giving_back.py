"""How the emulated Stripe sends money back, and how a bank takes it back."""

from __future__ import annotations

from functools import partial
from typing import Literal

from tests.payments.stripe import objects
from tests.payments.stripe.company import DAY, Company, Json, invalid

DISPUTE_FEE = 1500
OPEN = ("needs_response", "warning_needs_response")


class GivingBack:
    """Refunds and disputes of one company."""

    def __init__(self, company: Company) -> None:
        self._company = company

    # --- refunds ----------------------------------------------------------------------

    def create_refund(self, asked: Json) -> Json:
        """Refund a PaymentIntent or its charge; all that is left, unless told."""
        company = self._company
        charged = self._charged(asked)
        if self._is_contested(charged):
            raise invalid("charge_disputed", "payment_intent")
        left = charged["amount"] - charged["amount_refunded"]
        asked = {"amount": left, **asked}
        if not 0 < asked["amount"] <= left:
            raise invalid("charge_already_refunded" if not left else None, "amount")
        made = company.keep(objects.refund(company.new_id("re"), company.now, charged, asked))
        charged["amount_refunded"] += asked["amount"]
        manner = company.cards[charged["payment_method"]].card.refunds
        if manner == "later":
            company.later(DAY, partial(self._succeed, made))
        else:
            self._succeed(made)
        company.tell("refund.created", made)
        if manner == "fails":
            company.later(DAY, partial(self._fail, made, charged))
        return made

    def _charged(self, asked: Json) -> Json:
        company = self._company
        if "charge" in asked:
            return company.get(asked["charge"], "charge", "charge")
        intent = company.get(asked.get("payment_intent"), "payment_intent", "payment_intent")
        charged = company.kept.get(intent["latest_charge"] or "")
        if charged is None:
            raise invalid("payment_intent_unexpected_state", "payment_intent")
        return charged

    def _succeed(self, made: Json) -> None:
        moved = self._company.move("refund", made, -made["amount"])
        late = moved["created"] > made["created"]
        made.update(status="succeeded", balance_transaction=moved["id"])
        if late:
            self._company.tell("refund.updated", made, status="pending")

    def _fail(self, made: Json, charged: Json) -> None:
        moved = self._company.move("refund_failure", made, made["amount"])
        charged["amount_refunded"] -= made["amount"]
        made.update(
            status="failed",
            failure_balance_transaction=moved["id"],
            failure_reason="expired_or_canceled_card",
        )
        self._company.tell("refund.failed", made, status="succeeded")

    # --- disputes ---------------------------------------------------------------------

    def contest(self, charged: Json, *, inquiry: bool = False) -> Json:
        """The person's bank contests a charge, and takes the money unless it only inquires."""
        company = self._company
        status = "warning_needs_response" if inquiry else "needs_response"
        made = company.keep(objects.dispute(company.new_id("du"), company.now, charged, status))
        charged["disputed"] = True
        company.disputes[charged["id"]] = made["id"]
        company.tell("charge.dispute.created", made)
        if not inquiry:
            self.adjust(made["id"], -made["amount"], DISPUTE_FEE)
        return made

    def adjust(self, id_: str, amount: int, fee: int = 0) -> None:
        """A dispute moves a sum, and costs a fee or gives it back."""
        made = self._company.get(id_, "dispute")
        moved = self._company.move("adjustment", made, amount, fee)
        made["balance_transactions"].append(dict(moved))
        way = "withdrawn" if amount < 0 else "reinstated"
        self._company.tell(f"charge.dispute.funds_{way}", made)

    def contest_by_card(self, charged: Json) -> None:
        """Some cards are contested by themselves, as soon as they were charged."""
        manner = self._company.cards[charged["payment_method"]].card.disputes
        if manner:
            self.contest(charged, inquiry=manner == "inquiry")

    def decide(self, id_: str, outcome: Literal["won", "lost"]) -> None:
        """The bank ends a dispute; what was lost may be won after all."""
        made = self._company.get(id_, "dispute")
        before = made["status"]
        inquiry = before.startswith("warning")
        made["status"] = "warning_closed" if inquiry else outcome
        made["is_charge_refundable"] = outcome == "won"
        again = {"status": before} if before == "lost" else {}
        self._company.tell(f"charge.dispute.{'updated' if again else 'closed'}", made, **again)
        if outcome == "won" and not inquiry:
            self.adjust(id_, made["amount"])

    def _is_contested(self, charged: Json) -> bool:
        made = self._company.kept.get(self._company.disputes.get(charged["id"], ""))
        return made is not None and not made["is_charge_refundable"]
