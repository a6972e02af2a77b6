"""Stripe on a stage: the adapter over the official SDK, over the emulator."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Literal

import stripe

from ledger.clock import VirtualClock
from ledger.money import Money
from ledger.payments.balance import Dispute
from ledger.payments.gateway import Delivery, Method, Notice, Payment, Rejected
from ledger.payments.stripe_notices import EVENTS
from tests.payments.stage import Lost, Stage
from tests.payments.stripe import openapi
from tests.payments.stripe.company import Company, Refusal
from tests.payments.stripe.emulator import Emulator, Fate
from tests.payments.stripe.line import SECRET, gateway_over
from tests.payments.stripe.typed import checked

TRIES = 3
"""How often the SDK sends one request."""


class BrokenLine:
    """Loses what matters of the next call: its request, or the answer to what it makes."""

    def __init__(self, what: Lost) -> None:
        self._what, self._left = what, TRIES

    def __call__(self, method: str, _path: str) -> Fate | None:
        if not self._left or (self._what == "answer" and method != "POST"):
            return None
        self._left -= 1
        return "call lost" if self._what == "call" else "answer lost"


class StripeStage(Stage):
    """The emulated Stripe, and whoever plays behind our back. Both checkers look on."""

    def __init__(self, clock: VirtualClock) -> None:
        self.emulator = Emulator(clock, api_version=stripe.api_version)
        self.stripe = checked(gateway_over(self.emulator, clock, watchers=[openapi.check]))
        self._told = 0
        super().__init__(self.stripe, clock)

    def card(self, name: str) -> str:
        """What the page's Payment Element makes of a test card."""
        return self._company.collect(name) if name.startswith("pm_card_") else name

    def confirm(self, action: str | None, *, approved: bool) -> None:
        """The page's script brings the person to their bank."""
        assert action is not None
        self._company.tick()
        self.emulator.intents.authenticate(action, approved=approved)

    def lose(self, what: Lost) -> None:
        """For as long as the SDK tries."""
        self.emulator.fate = BrokenLine(what)

    def refund_there(self, payment: Payment, amount: Money) -> str:
        """In Stripe's Dashboard."""
        self._company.tick()
        asked = {"payment_intent": payment.id, "amount": amount.minor}
        with _refused_there():
            return str(self.emulator.back.create_refund(asked)["id"])

    def pay_there(self, method: Method | None) -> str:
        """In the Dashboard, or by another system with marks of its own."""
        self._company.tick()
        asked = {
            "amount": 1200,
            "confirm": "true",
            "currency": "eur",
            "customer": self.customer_id if method else None,
            "payment_method": method.id if method else "pm_card_visa",
            "metadata": {} if method else {"ledger": "another"},
        }
        return str(self.emulator.intents.create_payment(asked)["id"])

    def dispute(self, payment: Payment) -> str:
        """As fraudulent."""
        self._company.tick()
        intent = self._company.get(payment.id, "payment_intent")
        return str(self.emulator.back.contest(self._company.kept[intent["latest_charge"]])["id"])

    def decide(self, dispute_id: str, outcome: Literal["won", "lost"]) -> None:
        """At once."""
        self._company.tick()
        self.emulator.back.decide(dispute_id, outcome)

    def move_again(self, dispute_id: str, amount: Money, *, fee: int = 0) -> None:
        """By another balance transaction."""
        self._company.tick()
        self.emulator.back.adjust(dispute_id, amount.minor, -fee)

    def get_dispute(self, dispute_id: str) -> Dispute:
        """By way of the adapter."""
        return self.stripe.get_dispute(dispute_id=dispute_id)

    def end_mandate(self, method: Method) -> None:
        """At once."""
        with _refused_there():
            mandate = self._company.get(self._company.mandates.get(method.id), "mandate")
        mandate["status"] = "inactive"
        self._company.tell("mandate.updated", mandate, status="active")

    def sent(self) -> Sequence[Delivery]:
        """What the endpoint asks for, since the last time."""
        self._company.tick()
        events, self._told = self._company.events[self._told :], len(self._company.events)
        asked_for = (event for event in events if event["type"] in EVENTS)
        return [self.signed(json.dumps(event).encode()) for event in asked_for]

    def notices_of(self, object_id: str) -> list[Notice]:
        """What was sent about one object since the last time."""
        mark = json.dumps({"id": object_id})[1:-1].encode()
        told = [each for each in self.sent() if mark in each.raw]
        return [self.stripe.verify_notice(each.raw, each.headers) for each in told]

    def signed(self, body: bytes, *, at: datetime | None = None) -> Delivery:
        """By the SDK's own hand, where that can sign it."""
        seconds = int((at or self.clock.now()).timestamp())
        text = body.decode("utf-8", "surrogateescape")
        try:
            header = stripe.WebhookSignature.generate_signature_header(text, SECRET, seconds)
        except UnicodeEncodeError:
            header = f"t={seconds},v1={'0' * 64}"
        return Delivery(body, {"Stripe-Signature": header})

    @property
    def settling(self) -> timedelta:
        """Stripe tells the fee with the payment."""
        return timedelta(0)

    @property
    def _company(self) -> Company:
        return self.emulator.company


@contextmanager
def _refused_there() -> Iterator[None]:
    """What Stripe's Dashboard refuses, in the words of the ledger."""
    try:
        yield
    except Refusal as refusal:
        raise Rejected(why="Stripe's Dashboard refuses it") from refusal
