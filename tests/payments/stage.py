"""A stage for payment companies: what the contract suite asks of whoever plays one.

Each implementation of Gateway comes with a Stage of its own, in `STAGES` of conftest.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, get_args
from uuid import uuid4

from ledger.clock import VirtualClock
from ledger.money import Money
from ledger.payments.balance import Dispute, MovementKind
from ledger.payments.gateway import Delivery, Gateway, Method, Notice, Payment

KINDS = get_args(MovementKind)

Lost = Literal["call", "answer"]
"""What a broken line swallows: the call, so that nothing happened, or only its answer."""


def eur(minor: int) -> Money:
    """So many cents."""
    return Money(minor, "EUR")


class Stage(ABC):
    """One payment company, ready to be asked, with one customer; the clock is virtual.

    The methods below the line are the few knobs an implementation gives the suite: each plays
    somebody who is not us, and takes effect by the clock's present instant.
    """

    def __init__(self, gateway: Gateway, clock: VirtualClock) -> None:
        self.gateway, self.clock, self.began = gateway, clock, clock.now()
        self.customer_id = gateway.ensure_customer(member_id=uuid4()).id

    def pay(
        self, card: str = "pm_card_visa", amount: Money | None = None, *, save: bool = False
    ) -> Payment:
        """Pay once on session with a card or a saved method's id, 12.00 EUR unless told."""
        return self.gateway.start_onsession(
            attempt=uuid4(),
            customer_id=self.customer_id,
            method=self.card(card),
            amount=amount or eur(1200),
            save=save,
        )

    def saved(self, card: str = "pm_card_visa") -> Method:
        """A saved card; the person confirms it where asked."""
        setup = self.gateway.start_setup(
            attempt=uuid4(), customer_id=self.customer_id, method=self.card(card)
        )
        if setup.action:
            self.confirm(setup.action, approved=True)
            setup = self.gateway.get_setup(setup_id=setup.id)
        assert setup.method is not None
        return setup.method

    def charge(self, method: Method, amount: Money | None = None) -> Payment:
        """Charge a saved card off session, 12.00 EUR unless told."""
        return self.gateway.charge_offsession(
            attempt=uuid4(),
            customer_id=self.customer_id,
            method_id=method.id,
            amount=amount or eur(1200),
        )

    def notices(self) -> list[Notice]:
        """What was sent since the last time, as our route reads it."""
        return [self.gateway.verify_notice(each.raw, each.headers) for each in self.sent()]

    def moved(self) -> list[str]:
        """The kinds of all that moved the balance, once the fees are known."""
        self.clock.advance(self.settling)
        listed = self.gateway.list_movements(
            since=self.began, until=self.clock.now() + timedelta(days=1)
        )
        return sorted((each.kind for each in listed), key=KINDS.index)

    # --- knobs ------------------------------------------------------------------------

    def card(self, name: str) -> str:
        """This company's token for one of the sandbox's test cards; all else as it is."""
        return name

    @abstractmethod
    def confirm(self, action: str | None, *, approved: bool) -> None:
        """The person's bank: they confirmed, or refused, what waits under this action."""

    @abstractmethod
    def lose(self, what: Lost) -> None:
        """The next call to the gateway, or its answer, is lost."""

    @abstractmethod
    def refund_there(self, payment: Payment, amount: Money) -> str:
        """Somebody refunds at the company, behind our back; the company's id of the refund."""

    @abstractmethod
    def pay_there(self, method: Method | None) -> str:
        """A payment of 12.00 EUR is made at the company, behind our back; its id there.

        None: with nothing of ours, for another system that uses the same account.
        """

    @abstractmethod
    def dispute(self, payment: Payment) -> str:
        """The person's bank contests a payment and takes the money; the dispute's id."""

    @abstractmethod
    def decide(self, dispute_id: str, outcome: Literal["won", "lost"]) -> None:
        """The bank closes a dispute; the money comes back once it is won, lost before or not."""

    @abstractmethod
    def move_again(self, dispute_id: str, amount: Money, *, fee: int = 0) -> None:
        """The company moves another sum for a dispute, and a fee with it, signed as they move."""

    @abstractmethod
    def get_dispute(self, dispute_id: str) -> Dispute:
        """The dispute as the company has it now."""

    @abstractmethod
    def end_mandate(self, method: Method) -> None:
        """The person tells their bank to let us debit the method no more."""

    @abstractmethod
    def sent(self) -> Sequence[Delivery]:
        """What the company posts to our route: all that happened since the last time."""

    @abstractmethod
    def signed(self, body: bytes, *, at: datetime | None = None) -> Delivery:
        """Any body as the company would sign and post it, at an instant (now unless told)."""

    @property
    @abstractmethod
    def settling(self) -> timedelta:
        """How long after a payment its fee is surely known."""
