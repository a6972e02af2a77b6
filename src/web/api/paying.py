"""What endpoints that take a payment method share: its body, its token, what came of a payment."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from ledger.billing.dues import Due
from ledger.billing.outcomes import Collected
from ledger.errors import Refused
from ledger.money import Money
from ledger.payments.sandbox_cards import (
    CvcMalformed,
    ExpiryMalformed,
    NotATestCard,
    method_for_card,
)
from web.api.models import Body, Reply
from web.api.shapes import ShortText
from web.parts import Parts
from web.problems import Problem, body_fault
from web.wording.next_steps import after_paying

CARD_REFUSALS = (NotATestCard, ExpiryMalformed, CvcMalformed)
CARD = ("card_number", "exp_month", "exp_year", "cvc")
NEEDED = "This field is required with a card."


class PaymentDeclined(Refused):
    """The payment was declined ({decline_code}); nothing was joined."""

    code = "payment_declined"
    pointer = "/card_number"


class StillDue(Refused):
    """The payment was declined ({decline_code}); {amount} is still due."""

    code = "still_due"


class MethodBody(Body):
    """A payment method: a token of the payment company's script; or in test mode a test card."""

    method_token: ShortText | None = Field(default=None, examples=["ctoken_1234"])
    card_number: ShortText | None = Field(default=None, examples=["4242 4242 4242 4242"])
    exp_month: int | None = Field(default=None, ge=1, le=12)
    exp_year: int | None = Field(default=None, ge=2000, le=2999)
    cvc: ShortText | None = None

    def token(self, parts: Parts) -> str | None:
        """What the gateway charges; None where no method is given.

        A Problem for half a card, and for a card where only the payment company may see one.
        """
        missing = [name for name in CARD if getattr(self, name) is None]
        if self.method_token is not None or len(missing) == len(CARD):
            return self.method_token
        if parts.settings.stripe_publishable_key is not None:
            detail = "Cards are typed into the payment company's own fields only."
            raise body_fault(("card_number",), "method_token_needed", detail)
        if missing:
            raise body_fault((missing[0],), "missing", NEEDED)
        return method_for_card(
            self.card_number or "", self.exp_month or 0, self.exp_year or 0, self.cvc or ""
        )

    def required_token(self, parts: Parts) -> str:
        """The same; a Problem where no method is given."""
        token = self.token(parts)
        if token is None:
            raise body_fault(("card_number",), "missing", NEEDED)
        return token


class DueReply(Reply):
    """A charge that failed and is still wanted.

    open: to be paid. confirming: its payment waits for the person and their bank. under_way: a
    bank has not answered yet.
    """

    membership_id: UUID
    plan_id: UUID
    plan_name: str
    order_id: UUID
    amount: Money
    due_at: datetime
    retry_at: datetime | None = Field(description="null where only the person can pay it")
    access_until: datetime | None
    decline_code: str | None
    state: Literal["open", "confirming", "under_way"]

    @classmethod
    def of(cls, due: Due) -> DueReply:
        """As the books have it."""
        return cls.model_validate({name: getattr(due, name) for name in cls.model_fields})


class PaymentReply(Reply):
    """What came of paying what was due.

    settled: paid. waiting: `action` is for the person's bank; without one, a bank takes its time.
    unknown: the gateway didn't answer yet; the ledger asks again by itself. given_back: it was no
    longer wanted. declined: still due.
    """

    order_id: UUID
    amount: Money
    outcome: Literal[
        "settled", "nothing_to_collect", "waiting", "unknown", "given_back", "declined"
    ]
    decline_code: str | None
    action: str | None
    next: str = Field(description="what happens next, in the reader's language")

    @classmethod
    def of(cls, parts: Parts, collected: Collected) -> PaymentReply:
        """As a collection told it."""
        return cls.model_validate(
            {
                "order_id": collected.order_id,
                "amount": parts.ledger.order(collected.order_id).placed.amount,
                "outcome": collected.outcome,
                "decline_code": collected.decline_code,
                "action": collected.action,
                "next": after_paying(parts, collected),
            }
        )


class Told(Reply):
    """What happens next, in one sentence in the reader's language."""

    next: str


def confirmation_needed(action: str | None) -> Problem:
    """A card that can't be saved before its person confirmed; undecided, so it is sent again."""
    return Problem(
        409,
        "confirmation_needed",
        "Your bank asks you to confirm this card: in test mode post the action to"
        " /account/method/confirm, else hand it to the payment company's script; then send this"
        " request again with the same Idempotency-Key.",
        more={"action": action},
    )
