"""The sandbox on a stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from ledger.clock import VirtualClock
from ledger.money import Money
from ledger.payments.balance import Dispute
from ledger.payments.gateway import Delivery, Method, OutcomeUnknown, Payment
from ledger.payments.sandbox import Sandbox
from ledger.payments.sandbox_books import SandboxBooks
from ledger.payments.sandbox_signing import signed
from ledger.payments.sandbox_states import FEE_KNOWN_AFTER
from tests.payments.stage import Lost, Stage, eur

SECRET = b"the sandbox's own"
INSTANT = timedelta(microseconds=1)


class BrokenLine:
    """A gateway, reached over a line that loses the next call or answer when told to."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.loses: Lost | None = None

    def __getattr__(self, name: str) -> Any:
        call: Callable[..., object] = getattr(self._sandbox, name)

        def carried(*args: object, **asked: object) -> object:
            lost, self.loses = self.loses, None
            if lost == "call":
                raise OutcomeUnknown(key=name)
            answer = call(*args, **asked)
            if lost == "answer":
                raise OutcomeUnknown(key=name)
            return answer

        return carried


class SandboxStage(Stage):
    """The sandbox over some books, and whoever plays behind our back."""

    def __init__(self, sandbox: Sandbox, clock: VirtualClock) -> None:
        self.sandbox, self._line = sandbox, BrokenLine(sandbox)
        self._sent, self._looked_at = set[bytes](), clock.now()
        line: Any = self._line  # every call goes through, whatever its name
        super().__init__(line, clock)

    def confirm(self, action: str | None, *, approved: bool) -> None:
        """The sandbox plays the bank itself."""
        assert action is not None
        self.sandbox.authenticate(action=action, approved=approved)

    def lose(self, what: Lost) -> None:
        """Before the sandbox hears it, or after."""
        self._line.loses = what

    def refund_there(self, payment: Payment, amount: Money) -> str:
        """By the sandbox's staff."""
        return self.sandbox.refund_at_gateway(payment_id=payment.id, amount=amount).id

    def pay_there(self, method: Method | None) -> str:
        """For our customer, or for nobody we know."""
        return self.sandbox.pay_at_gateway(
            customer_id=self.customer_id if method else None,
            method=method.id if method else "pm_card_visa",
            amount=eur(1200),
        ).id

    def dispute(self, payment: Payment) -> str:
        """As fraudulent."""
        return self.sandbox.dispute_at_gateway(payment_id=payment.id).id

    def decide(self, dispute_id: str, outcome: Literal["won", "lost"]) -> None:
        """At once."""
        self.sandbox.decide_at_gateway(dispute_id=dispute_id, outcome=outcome)

    def move_again(self, dispute_id: str, amount: Money, *, fee: int = 0) -> None:
        """By the sandbox's staff."""
        self.sandbox.adjust_at_gateway(dispute_id=dispute_id, amount=amount, fee=fee)

    def get_dispute(self, dispute_id: str) -> Dispute:
        """From the sandbox's books."""
        return self.sandbox.get_dispute(dispute_id=dispute_id)

    def end_mandate(self, method: Method) -> None:
        """At once."""
        self.sandbox.end_mandate_at_gateway(method_id=method.id)

    def sent(self) -> Sequence[Delivery]:
        """Everything so far that was not given out before; what is stuttered stays so."""
        since, self._looked_at = self._looked_at, self.clock.now()
        told = self.sandbox.deliveries(since=since, until=self._looked_at + INSTANT)
        news = [delivery for delivery in told if delivery.raw not in self._sent]
        self._sent |= {delivery.raw for delivery in news}
        return news

    def signed(self, body: bytes, *, at: datetime | None = None) -> Delivery:
        """With the sandbox's secret."""
        return signed(body, SECRET, at or self.clock.now())

    @property
    def settling(self) -> timedelta:
        """When the sandbox tells the fee."""
        return FEE_KNOWN_AFTER


def sandbox_stage(books: SandboxBooks, at: datetime) -> SandboxStage:
    """A stage for a sandbox over some books."""
    clock = VirtualClock(at)
    return SandboxStage(Sandbox(books=books, clock=clock, notice_secrets=[SECRET]), clock)
