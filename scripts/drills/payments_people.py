"""Who acts on the drilled site: members, staff, and whoever acts at the payment company itself."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from ledger.facts import Actor
from ledger.money import Money
from ledger.payments.gateway import Payment, Rejected
from ledger.terms import Terms
from scripts.drills.payments_browser import Said
from scripts.drills.payments_site import Site
from tests.payments.stripe.company import Refusal
from web.sessions.sessions import Kind

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
ANSWERS = (*["yes"] * 6, *["yes and away"] * 2, "no", "nothing")
"""What people do when their bank asks; some confirm and close the window."""
RUNNING = """
SELECT member_id, membership_id, billing IN ('past_due', 'action_required') FROM memberships
 WHERE runs_until > %(now)s ORDER BY joined_at, membership_id
"""
SMALL = 400
"""Refunds in minor units: small, so that one payment is refunded several times."""


@dataclass(frozen=True)
class Person:
    """Someone with an account, the plan they want, and the card they pay with first."""

    member_id: UUID
    plan_id: UUID
    card: str


class Stay(NamedTuple):
    """A membership that runs."""

    membership_id: UUID
    is_unpaid: bool


class Cast:
    """All who act. Members and staff do so over HTTP: one wish, sent again until it is answered."""

    def __init__(self, site: Site, members: int) -> None:
        self.site, self.luck = site, site.luck
        self.payments: list[Payment] = []
        """What was paid, as the payment company lists it."""
        self.foreign: set[str] = set()
        self._looked_at = site.clock.now()
        self._refunded_there: list[Payment] = []
        with self.luck.calmed():
            self.owner_id, plans = self._owner(), self._plans()
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
        ledger, cause = self.site.parts.ledger, self.site.cause
        ledger.draft_plan(plan_id, name=name, description="", by=machine, cause=cause())
        ledger.set_price(plan_id, terms, by=machine, cause=cause())
        ledger.open_plan(plan_id, by=machine, cause=cause())
        return plan_id

    def _owner(self) -> UUID:
        owner_id = self.luck.id()
        self.site.parts.ledger.found_site(
            owner_id,
            email="owner@example.org",
            name="Owner",
            locale="en",
            by=Actor(kind="machine"),
            cause=self.site.cause(),
        )
        return owner_id

    def _person(self, number: int, plans: list[UUID]) -> Person:
        dice = self.luck.dice
        # The first few cover what goes most wrong, however few they are.
        plan_id = plans[min(2, number % 7 // 2)] if number % 7 > 1 else plans[0]
        person = Person(self.luck.id(), plan_id, dice.choice(CARDS))
        self.site.parts.ledger.open_account(
            person.member_id,
            email=f"drill{number}@example.org",
            name=f"Drill {number}",
            locale="en",
            by=Actor(kind="member", id=person.member_id),
            cause=self.site.cause(),
        )
        return person

    # --- members ----------------------------------------------------------------------

    def act(self) -> None:
        """Everybody who happens to do something now."""
        running = self._running()
        for person in self.people:
            self._act_of(person, running.get(person.member_id, []))
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
        running = self._running()
        for person in self.people:
            stays = [str(stay.membership_id) for stay in running.get(person.member_id, [])]
            if stays and (self._country(person) == "IN" or self.luck.dice.randrange(3) == 0):
                path = f"/members/{person.member_id}/removals"
                self._as_staff(path, {"membership_ids": stays, "reason": "drill"})

    def _act_of(self, person: Person, running: Sequence[Stay]) -> None:
        if not running:
            if self.luck.chance(40):
                self._join(person)
        elif unpaid := [stay for stay in running if stay.is_unpaid]:
            if self.luck.chance(15):
                self._replace_card(person)
            elif self.luck.chance(15):
                self._pay(person, unpaid[0])
        elif self.luck.chance(1):
            path = f"/account/memberships/{running[0].membership_id}/self-cancel"
            self._ask(person, path, None, self.luck.id())

    def _join(self, person: Person) -> None:
        token, key = self.site.stage.card(person.card), self.luck.id()
        body = {"plan_id": str(person.plan_id), "method_token": token}
        self._answer_bank(person, self._ask(person, "/account/memberships", body, key).body)

    def _replace_card(self, person: Person) -> None:
        """Another card; where their bank asks about it, it is saved once they have answered."""
        body, key = {"method_token": self._better_card()}, self.luck.id()
        said = self._ask(person, "/account/method", body, key)
        if said.code == "confirmation_needed":
            self._confirm_card(person, str(said.body["action"]))
            said = self._ask(person, "/account/method", body, key)
        for payment in said.body.get("payments", []):
            self._answer_bank(person, payment)

    def _pay(self, person: Person, stay: Stay) -> None:
        """What is due, with another card."""
        path, body = f"/account/memberships/{stay.membership_id}/pay", self._better_card()
        said = self._ask(person, path, {"method_token": body}, self.luck.id())
        self._answer_bank(person, said.body)

    def _better_card(self) -> str:
        return self.site.stage.card(self.luck.dice.choice(BETTER_CARDS))

    def _answer_bank(self, person: Person, payment: dict[str, Any]) -> None:
        """Their bank asks them; most confirm and come back, and some never do anything."""
        action = payment.get("action")
        if action is None:
            return
        answer = self.luck.dice.choice(ANSWERS)
        if answer == "yes and away" or (answer == "yes" and not self.site.plays_bank):
            self.site.stage.confirm(action, approved=True)
        if answer in {"yes", "no"}:
            path = f"/account/orders/{payment['order_id']}/confirm"
            self._ask(person, path, {"approved": answer == "yes"}, self.luck.id())

    def _confirm_card(self, person: Person, action: str) -> None:
        approved = self.luck.dice.choice(ANSWERS).startswith("yes")
        if self.site.plays_bank:
            body = {"action": action, "approved": approved}
            self._ask(person, "/account/method/confirm", body, self.luck.id())
        else:
            self.site.stage.confirm(action, approved=approved)

    def _ask(self, person: Person, path: str, body: object | None, key: UUID) -> Said:
        return self.site.ask(Kind.MEMBER, person.member_id, path, body, key=key)

    def _running(self) -> dict[UUID, list[Stay]]:
        """Everybody's memberships, as the pages show them."""
        self.site.follow()
        with self.site.parts.pool.connection() as connection:
            rows = connection.execute(RUNNING, {"now": self.site.clock.now()}).fetchall()
        running: dict[UUID, list[Stay]] = {}
        for member_id, membership_id, is_unpaid in rows:
            running.setdefault(member_id, []).append(Stay(membership_id, is_unpaid))
        return running

    def _country(self, person: Person) -> str | None:
        method = self.site.parts.ledger.member(person.member_id).method
        return method.country if method else None

    # --- staff ------------------------------------------------------------------------

    def _refund_by_staff(self) -> None:
        if not self.payments:
            return
        payment = self.luck.dice.choice(self.payments[-60:])
        order_id = self.site.parts.ledger.order_of_payment(payment.id)
        minor = self.luck.dice.randint(1, SMALL)
        if order_id is not None:
            amount = {"minor": minor, "currency": payment.amount.currency}
            self._as_staff(f"/orders/{order_id}/refunds", {"amount": amount, "reason": "drill"})

    def _as_staff(self, path: str, body: object) -> None:
        self.site.ask(Kind.CONTRIBUTOR, self.owner_id, path, body, key=self.luck.id())

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
