"""Who acts on the drilled site: members, staff, and whoever acts at the payment company itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ledger.billing.dues import Dues
from ledger.errors import LedgerError
from ledger.facts import Actor, Cause
from ledger.member import Membership
from ledger.money import Money
from ledger.payments.gateway import OutcomeUnknown, Payment, Rejected
from ledger.terms import Terms
from scripts.drills.payments_site import Site
from tests.payments.stripe.company import Refusal

STAFF = Actor(kind="contributor", id=UUID(int=7))
CARDS = (
    *["pm_card_visa"] * 8,
    *["pm_card_chargeCustomerFail"] * 2,
    *["pm_card_authenticationRequired"] * 2,
    *["pm_card_in"] * 3,
    "pm_card_inDeclined",
    "pm_card_mastercard",
    "pm_card_authenticationRequiredOnSetup",
    "pm_card_outcomeLost",
    "pm_card_refundFail",
    "pm_card_pendingRefund",
    "pm_card_createDispute",
    "pm_card_createDisputeProductNotReceived",
    "pm_card_noticeTwice",
    "pm_card_visa:2026-11",
)
BETTER_CARDS = (
    "pm_card_visa",
    "pm_card_mastercard",
    "pm_card_in",
    "pm_card_authenticationRequired",
)
SMALL = 400
"""Refunds in minor units: small, so that one payment is refunded several times."""


@dataclass(frozen=True)
class Person:
    """Someone with an account, the plan they want, and the card they pay with first."""

    member_id: UUID
    plan_id: UUID
    card: str

    @property
    def actor(self) -> Actor:
        """The person."""
        return Actor(kind="member", id=self.member_id)


class Cast:
    """All who act. Each act is one wish, repeated until nothing crashes."""

    def __init__(self, site: Site, members: int) -> None:
        self.site, self.luck = site, site.luck
        self.payments: list[Payment] = []
        """What was paid, as the payment company lists it."""
        self.foreign: set[str] = set()
        self._looked_at = site.clock.now()
        self._refunded_there: list[Payment] = []
        self._tokens: dict[UUID, str] = {}
        plans = self._plans()
        self.people = [self._person(number, plans) for number in range(members)]

    # --- before -----------------------------------------------------------------------

    def _plans(self) -> list[UUID]:
        euros = self.site.parts.settings.currency

        def monthly(minor: int) -> Terms:
            return Terms(model="recurring", amount=Money(minor, euros), unit="month", every=1)

        shared = Terms(
            model="instalments", amount=Money(9_000, euros), unit="month", every=1, payments=6
        )
        return [self._plan(terms) for terms in (monthly(1_200), monthly(2_345), shared)]

    def _plan(self, terms: Terms) -> UUID:
        plan_id, machine = self.luck.id(), Actor(kind="machine")
        name = f"Plan {plan_id.hex[:6]}"
        with self.luck.calmed():
            ledger, cause = self.site.parts.ledger, self.site.cause
            ledger.draft_plan(plan_id, name=name, description="", by=machine, cause=cause())
            ledger.set_price(plan_id, terms, by=machine, cause=cause())
            ledger.open_plan(plan_id, by=machine, cause=cause())
        return plan_id

    def _person(self, number: int, plans: list[UUID]) -> Person:
        dice = self.luck.dice
        # The first few cover what goes most wrong, however few they are.
        plan_id = plans[min(2, number % 7 // 2)] if number % 7 > 1 else plans[0]
        person = Person(self.luck.id(), plan_id, dice.choice(CARDS))
        with self.luck.calmed():
            self.site.parts.ledger.open_account(
                person.member_id,
                email=f"drill{number}@example.org",
                name=f"Drill {number}",
                locale="en",
                by=person.actor,
                cause=self.site.cause(),
            )
        return person

    # --- members ----------------------------------------------------------------------

    def act(self) -> None:
        """Everybody who happens to do something now."""
        for person in self.people:
            self._act_of(person)
        self._look_at_payments()
        if self.luck.chance(35):
            self._refund_by_staff()
        if self.luck.chance(60):
            self._refund_there()
        if self.luck.chance(4):
            with self.luck.calmed():
                self.foreign.add(self.site.stage.pay_there(None))
        if self.luck.chance(4):
            self._end_a_mandate()

    def leave(self) -> None:
        """Staff end memberships: of all whose banks take their time, and of some others."""
        for person in self.people:
            if self._country(person) == "IN" or self.luck.dice.randrange(3) == 0:
                running = [stay.membership_id for stay in self._running(person)]
                if running:
                    self.site.parts.ledger.remove_memberships(
                        person.member_id, running, "drill", by=STAFF, cause=self.site.cause()
                    )

    def _act_of(self, person: Person) -> None:
        running = self._running(person)
        if not running:
            if self.luck.chance(40):
                self._try(lambda cause: self._join(person, cause))
        elif any(stay.is_unpaid for stay in running):
            if self.luck.chance(30):
                card = self.luck.dice.choice(BETTER_CARDS)
                self._try(lambda cause: self._mend(person, card, cause))
        elif self.luck.chance(1):
            stay, ledger = running[0], self.site.parts.ledger
            self._try(
                lambda cause: ledger.self_cancel(
                    person.member_id, stay.membership_id, by=person.actor, cause=cause
                )
            )

    def _join(self, person: Person, cause: Cause) -> None:
        collected = self.site.parts.collection.join(
            person.member_id,
            person.plan_id,
            method_token=self._token(person.card, cause),
            by=person.actor,
            cause=cause,
        )
        self._answer(collected.action)

    def _mend(self, person: Person, card: str, cause: Cause) -> None:
        for _ in range(2):
            setup = self.site.parts.collection.save_method(
                person.member_id,
                method_token=self._token(card, cause),
                by=person.actor,
                cause=cause,
            )
            self._answer(setup.action)
        dues = Dues(self.site.parts.collection)
        for paid in dues.pay_all(person.member_id, by=person.actor, cause=cause):
            self._answer(paid.action)

    def _token(self, card: str, cause: Cause) -> str:
        """What the page made of the card: one token a wish, however often it is sent."""
        if cause.id not in self._tokens:
            self._tokens[cause.id] = self.site.stage.card(card)
        return self._tokens[cause.id]

    def _answer(self, action: str | None) -> None:
        """The person's bank asks them; most confirm, and some never do anything."""
        answer = self.luck.dice.choice(["yes"] * 8 + ["no", "nothing"])
        if action is not None and answer != "nothing":
            with self.luck.calmed():
                self.site.stage.confirm(action, approved=answer == "yes")

    def _running(self, person: Person) -> list[Membership]:
        now, member = self.site.clock.now(), self.site.parts.ledger.member(person.member_id)
        return [stay for stay in member.memberships.values() if stay.is_running(now)]

    def _country(self, person: Person) -> str | None:
        method = self.site.parts.ledger.member(person.member_id).method
        return method.country if method else None

    # --- staff ------------------------------------------------------------------------

    def _refund_by_staff(self) -> None:
        if not self.payments:
            return
        payment = self.luck.dice.choice(self.payments[-60:])
        order_id = self.site.parts.ledger.order_of_payment(payment.id)
        amount = Money(self.luck.dice.randint(1, SMALL), payment.amount.currency)
        if order_id is not None:
            self._try(
                lambda cause: self.site.parts.collection.refund(
                    order_id, amount, "drill", by=STAFF, cause=cause
                )
            )

    # --- at the payment company -------------------------------------------------------

    def _look_at_payments(self) -> None:
        now: datetime = self.site.clock.now()
        with self.luck.calmed():
            gateway = self.site.stage.gateway
            moved = gateway.list_movements(since=self._looked_at, until=now)
            for movement in moved:
                if movement.kind == "payment" and movement.payment_id not in self.foreign:
                    self.payments.append(gateway.get_payment(payment_id=movement.payment_id))
        self._looked_at = now

    def _refund_there(self) -> None:
        again = self._refunded_there[-3:]
        chosen = again if again and self.luck.dice.randrange(2) else self.payments[-60:]
        if not chosen:
            return
        payment = self.luck.dice.choice(chosen)
        amount = Money(self.luck.dice.randint(1, SMALL), payment.amount.currency)
        with self.luck.calmed(), suppress(Rejected, Refusal):
            self.site.stage.refund_there(payment, amount)
            self._refunded_there.append(payment)
            self.luck.counts["refunds there"] += 1

    def _end_a_mandate(self) -> None:
        indian = [paid for paid in self.payments[-60:] if paid.method.country == "IN"]
        if indian:
            method = self.luck.dice.choice(indian).method
            with self.luck.calmed(), suppress(Rejected, Refusal):
                self.site.stage.end_mandate(method)

    # --- within -----------------------------------------------------------------------

    def _try(self, act: Callable[[Cause], object]) -> None:
        """Somebody's wish: what is refused they leave, what is unknown the worker takes up."""
        cause = self.site.cause()
        try:
            self.site.insist(lambda: act(cause))
        except OutcomeUnknown:
            self.luck.counts["wishes unanswered"] += 1
        except LedgerError as refusal:
            self.luck.counts[f"refused {refusal.code}"] += 1
