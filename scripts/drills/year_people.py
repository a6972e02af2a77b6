"""The people of the drill's months: who joins what with which card, and what they do later."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Literal
from uuid import UUID

from ledger import ids
from ledger.billing.dues import Dues
from ledger.billing.outcomes import Collected
from ledger.discount import DiscountRules
from ledger.errors import LedgerError
from ledger.facts import Actor, Cause
from ledger.money import Money
from ledger.payments.sandbox_cards import token_for
from ledger.terms import Terms, Unit
from web.parts import Parts

STAFF = Actor(kind="machine")
ARRIVE_DAYS = 60
"""Everybody joins within these first days, so that most of them live through all the months."""

CARDS = {
    "pm_card_visa": 50,
    "pm_card_mastercard": 15,
    "pm_card_fr": 5,
    "pm_card_in": 6,
    "pm_card_inDeclined": 2,
    "pm_card_chargeCustomerFail": 7,
    "pm_card_mandateInvalid": 2,
    "pm_card_authenticationRequired": 2,
    "pm_card_authenticationRequiredOnSetup": 1,
    "pm_card_outcomeLost": 2,
    "pm_card_noticeTwice": 2,
    "pm_card_refundFail": 2,
    "pm_card_pendingRefund": 2,
    "pm_card_createDispute": 1,
    "pm_card_createDisputeProductNotReceived": 1,
}
"""By how often each is met in a hundred people."""

CODES = {
    "TENTH": DiscountRules(percent=10, every_payment=True),
    "FIRSTFREE": DiscountRules(percent=100),
    "FIVE": DiscountRules(amount=Money(500, "EUR")),
}
HAS_A_CODE, STOPS, THINKS_AGAIN, IS_REMOVED = 0.2, 0.25, 0.2, 0.05
IS_REFUNDED, MENDS, REJOINS = 0.1, 0.5, 0.4


def _every(amount: int, unit: Unit, count: int = 1) -> Terms:
    return Terms(model="recurring", amount=Money(amount, "EUR"), unit=unit, every=count)


PLANS: dict[str, tuple[Terms, int]] = {
    "free": (Terms(model="free", amount=Money.zero("EUR")), 8),
    "once": (Terms(model="one_time", amount=Money(19_900, "EUR")), 6),
    "course": (
        Terms(model="instalments", amount=Money(4_500, "EUR"), unit="month", every=1, payments=6),
        10,
    ),
    "week": (_every(500, "week"), 6),
    "month": (_every(1_200, "month"), 40),
    "quarter": (_every(3_000, "month", 3), 12),
    "half-year": (_every(5_500, "month", 6), 6),
    "year": (_every(10_000, "year"), 12),
}
"""Every price model, each with how often it is chosen."""


@dataclass(order=True)
class Planned:
    """Something that somebody will do."""

    at: datetime
    number: int
    act: Callable[[], None] = field(compare=False)


class People:
    """Acts what they had in mind whenever time has passed; the same seed makes the same people."""

    def __init__(self, parts: Parts, *, seed: int) -> None:
        self.parts = parts
        self.dice = random.Random(seed)  # noqa: S311 -- a drill, no secret
        self.namespace = ids.derived(ids.SITE, "drill", seed)
        self.plans: dict[str, UUID] = {}
        self.refused = 0
        self._agenda: list[Planned] = []
        self._count = 0

    def build(self) -> None:
        """Plans of every kind, and codes."""
        ledger = self.parts.ledger
        for name, (terms, _) in PLANS.items():
            plan_id = self.plans[name] = ids.derived(self.namespace, name)
            ledger.draft_plan(plan_id, name=name, description="", by=STAFF, cause=self._cause())
            ledger.set_price(plan_id, terms, by=STAFF, cause=self._cause())
            ledger.open_plan(plan_id, by=STAFF, cause=self._cause())
        for code, rules in CODES.items():
            own = ids.derived(self.namespace, code)
            ledger.make_discount(own, code=code, rules=rules, by=STAFF, cause=self._cause())
        self._in(200, 201, self._move_prices)

    def arrive(self, members: int) -> None:
        """So many people come within the first days."""
        for number in range(members):
            self._in(0, ARRIVE_DAYS, lambda number=number: self._sign_up(number))  # type: ignore[misc]

    def act(self, now: datetime) -> None:
        """Do all that was planned up to now."""
        while self._agenda and self._agenda[0].at <= now:
            planned = heappop(self._agenda)
            try:
                planned.act()
            except LedgerError:  # it is no longer possible, and they are told so
                self.refused += 1

    # --- acts -------------------------------------------------------------------------

    def _sign_up(self, number: int) -> None:
        member_id = ids.derived(self.namespace, "member", number)
        self.parts.ledger.open_account(
            member_id,
            email=f"person{number}@example.org",
            name=f"Person {number}",
            locale=self.dice.choice(("en", "fr")),
            by=Actor(kind="member", id=member_id),
            cause=self._cause(),
        )
        self._join(member_id)

    def _join(self, member_id: UUID) -> None:
        names = list(PLANS)
        (name,) = self.dice.choices(names, [PLANS[one][1] for one in names])
        (card,) = self.dice.choices(list(CARDS), list(CARDS.values()))
        code = self.dice.choice(list(CODES)) if self.dice.random() < HAS_A_CODE else None
        cause = self._cause()
        joined = self.parts.collection.join(
            member_id,
            self.plans[name],
            method_token=None if name == "free" else _own(card, member_id),
            discount_code=code if PLANS[name][0].takes_money else None,
            by=Actor(kind="member", id=member_id),
            cause=cause,
        )
        self._confirm(joined)
        membership_id = ids.derived(cause.id, "membership")
        self._live(member_id, membership_id, joined.order_id)

    def _live(self, member_id: UUID, membership_id: UUID, order_id: UUID) -> None:
        roll = self.dice.random()
        if roll < STOPS:
            self._in(10, 400, lambda: self._stop(member_id, membership_id))
        elif roll < STOPS + IS_REMOVED:
            self._in(10, 400, lambda: self._remove(member_id, membership_id))
        if self.dice.random() < IS_REFUNDED:
            self._in(1, 90, lambda: self._refund(order_id))
        if self.dice.random() < MENDS:
            for month in range(1, 18, 4):
                self._in(30 * month, 30 * month + 30, lambda: self._mend(member_id))

    def _confirm(self, collected: Collected) -> None:
        """Their bank asks, and they answer, mostly."""
        if collected.outcome == "waiting" and collected.action and self.dice.random() < MENDS:
            self.parts.sandbox.authenticate(action=collected.action, approved=True)
            self.parts.collection.resume(collected.order_id, cause=self._cause())

    def _stop(self, member_id: UUID, membership_id: UUID) -> None:
        person, ledger = Actor(kind="member", id=member_id), self.parts.ledger
        ledger.self_cancel(member_id, membership_id, by=person, cause=self._cause())
        if self.dice.random() < THINKS_AGAIN:
            cause = self._cause()
            ledger.withdraw_cancellation(member_id, membership_id, by=person, cause=cause)
        elif self.dice.random() < REJOINS:
            self._in(30, 90, lambda: self._join(member_id))

    def _remove(self, member_id: UUID, membership_id: UUID) -> None:
        self.parts.ledger.remove_memberships(
            member_id, [membership_id], "asked at the desk", by=STAFF, cause=self._cause()
        )

    def _refund(self, order_id: UUID) -> None:
        left = self.parts.ledger.order(order_id).refundable
        amount = left if self.dice.random() < MENDS else left.split(2)[0]
        self.parts.collection.refund(order_id, amount, "sorry", by=STAFF, cause=self._cause())

    def _mend(self, member_id: UUID) -> None:
        """Another card where a payment failed, with which what is due is charged at once."""
        member = self.parts.ledger.member(member_id)
        if any(membership.is_unpaid for membership in member.memberships.values()):
            person, collection = Actor(kind="member", id=member_id), self.parts.collection
            collection.save_method(
                member_id,
                method_token=_own("pm_card_mastercard", member_id),
                by=person,
                cause=self._cause(),
            )
            Dues(collection).pay_all(member_id, by=person, cause=self._cause())

    def _move_prices(self) -> None:
        """The monthly plan costs more, also for those who are members (PL4)."""
        self.parts.ledger.set_price(
            self.plans["month"],
            _every(1_300, "month"),
            effective_for_existing_from=self.parts.clock.now() + timedelta(days=60),
            by=STAFF,
            cause=self._cause(),
        )

    # --- within -----------------------------------------------------------------------

    def _in(self, least_days: int, most_days: int, act: Callable[[], None]) -> None:
        self._count += 1
        minutes = self.dice.randrange(least_days * 1440, most_days * 1440)
        at = self.parts.clock.now() + timedelta(minutes=minutes)
        heappush(self._agenda, Planned(at, self._count, act))

    def _cause(self, kind: Literal["request"] = "request") -> Cause:
        self._count += 1
        return Cause(kind=kind, id=ids.derived(self.namespace, "cause", self._count))


def _own(card: str, member_id: UUID) -> str:
    return token_for(card, exp_year=2039, exp_month=12, serial=member_id.hex)
