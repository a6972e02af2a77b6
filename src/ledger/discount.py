"""DiscountCode: a price cut, the rules of its use, and every use of it (DI1 to DI6)."""

from __future__ import annotations

import re
from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID

from ledger.errors import (
    CodeAlreadyUsed,
    CodeExpired,
    CodeNotForPlan,
    CodeNotYetValid,
    CodeUsedUp,
    CodeWrongCurrency,
    DiscountMalformed,
)
from ledger.facts import Aggregate, Fact, FirstFact, Instant, Stamp, Value
from ledger.money import Money, require_charge
from ledger.terms import Discount

MOST_PERCENT = 100
MOST_USES = 1_000_000
_CODE = re.compile(r"[A-Z0-9][A-Z0-9_-]{1,38}[A-Z0-9]")


class DiscountRules(Value):
    """What a code cuts and who may use it.

    Exactly one of `percent` (whole, 1 to 100) and `amount`. `plan_ids` empty means any plan.
    `total_uses` None means as often as wanted; `every_payment` False means the first one only.
    """

    percent: int | None = None
    amount: Money | None = None
    plan_ids: tuple[UUID, ...] = ()
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    total_uses: int | None = None
    once_per_person: bool = True
    every_payment: bool = False


class DiscountCode(Aggregate):
    """A code that people type when they join."""

    TOPIC: ClassVar[str] = "discount"
    Event = Fact

    class Made(FirstFact):
        """A code was created."""

        TOPIC: ClassVar[str] = "discount.created"
        code: str
        rules: DiscountRules

        def apply(self, discount: DiscountCode) -> None:
            """A code that can be used."""
            discount.code, discount.rules = self.code, self.rules

    Created = Made

    class Changed(Fact):
        """The rules of later uses changed; earlier uses keep theirs."""

        TOPIC: ClassVar[str] = "discount.changed"
        rules: DiscountRules

        def apply(self, discount: DiscountCode) -> None:
            """Other rules."""
            discount.rules = self.rules

    class Redeemed(Fact):
        """Someone used the code for an order."""

        TOPIC: ClassVar[str] = "discount.redeemed"
        order_id: UUID

        def apply(self, discount: DiscountCode) -> None:
            """One use less."""
            discount.redemptions[self.order_id] = self.member_id

    class Released(Fact):
        """The first payment came to nothing: the use is given back (DI4)."""

        TOPIC: ClassVar[str] = "discount.released"
        order_id: UUID

        def apply(self, discount: DiscountCode) -> None:
            """One use more."""
            discount.redemptions.pop(self.order_id, None)

    class Ended(Fact):
        """Nobody can use the code any more."""

        TOPIC: ClassVar[str] = "discount.ended"

        def apply(self, discount: DiscountCode) -> None:
            """Over."""
            discount.ended_at = self.occurred_at

    def __init__(self) -> None:
        self.code = ""
        self.rules = DiscountRules()
        self.redemptions: dict[UUID, UUID | None] = {}
        self.ended_at: datetime | None = None

    @classmethod
    def make(cls, discount_id: UUID, *, code: str, rules: DiscountRules, stamp: Stamp) -> Self:
        """A new code. Two spellings that differ by case are one code."""
        return cls.begin(
            cls.Made, discount_id, stamp=stamp, code=normal_code(code), rules=_checked(rules)
        )

    def change(self, rules: DiscountRules, *, stamp: Stamp) -> None:
        """Change the rules of later uses."""
        self._require_not_ended()
        if rules != self.rules:
            self.record(self.Changed, stamp=stamp, rules=_checked(rules))

    def end(self, *, stamp: Stamp) -> None:
        """Let nobody use it any more. Ending twice is no news."""
        if self.ended_at is None:
            self.record(self.Ended, stamp=stamp)

    def redeem(
        self,
        *,
        order_id: UUID,
        member_id: UUID,
        plan_id: UUID,
        plan_name: str,
        currency: str,
        stamp: Stamp,
    ) -> Discount:
        """Use it for an order, or say which rule forbids that (DI5). An order uses it once."""
        if order_id in self.redemptions:
            return self.terms()
        self.require_usable(
            member_id=member_id,
            plan_id=plan_id,
            plan_name=plan_name,
            currency=currency,
            instant=stamp.occurred_at,
        )
        self.record(self.Redeemed, stamp=stamp, member_id=member_id, order_id=order_id)
        return self.terms()

    def redeem_after_all(self, order_id: UUID, *, member_id: UUID, stamp: Stamp) -> None:
        """A payment that was given up came in all the same: its use counts again (DI4).

        No rule asks: the money came in at the lower price. Twice is no news.
        """
        if order_id not in self.redemptions:
            self.record(self.Redeemed, stamp=stamp, member_id=member_id, order_id=order_id)

    def terms(self) -> Discount:
        """The cut, as a membership keeps it."""
        return Discount(
            code_id=self.id,
            code=self.code,
            percent=self.rules.percent,
            amount=self.rules.amount,
            every_payment=self.rules.every_payment,
        )

    def release(self, order_id: UUID, *, stamp: Stamp) -> None:
        """Give a use back. One that is not held is no news."""
        if order_id in self.redemptions:
            self.record(
                self.Released,
                stamp=stamp,
                member_id=self.redemptions[order_id],
                order_id=order_id,
            )

    def require_usable(
        self,
        *,
        member_id: UUID | None,
        plan_id: UUID,
        plan_name: str,
        currency: str,
        instant: datetime,
    ) -> None:
        """Refuse with the sentence of the first rule that forbids the use (DI5)."""
        rules = self.rules
        self._require_in_time(instant)
        if rules.plan_ids and plan_id not in rules.plan_ids:
            raise CodeNotForPlan(discount_code=self.code, plan_name=plan_name)
        if rules.amount is not None and rules.amount.currency != currency:
            raise CodeWrongCurrency(
                discount_code=self.code, currency=rules.amount.currency, plan_name=plan_name
            )
        known = member_id is not None and member_id in self.redemptions.values()
        if rules.once_per_person and known:
            raise CodeAlreadyUsed(discount_code=self.code)
        if rules.total_uses is not None and len(self.redemptions) >= rules.total_uses:
            raise CodeUsedUp(discount_code=self.code)

    def _require_in_time(self, instant: datetime) -> None:
        self._require_not_ended()
        if self.rules.starts_at is not None and instant < self.rules.starts_at:
            raise CodeNotYetValid(discount_code=self.code, starts_at=self.rules.starts_at)
        if self.rules.ends_at is not None and instant >= self.rules.ends_at:
            raise CodeExpired(discount_code=self.code, ends_at=self.rules.ends_at)

    def _require_not_ended(self) -> None:
        if self.ended_at is not None:
            raise CodeExpired(discount_code=self.code, ends_at=self.ended_at)


def normal_code(text: str) -> str:
    """A code as it is compared and shown: capitals, digits, - and _; else DiscountMalformed."""
    code = text.strip().upper()
    if not _CODE.fullmatch(code):
        raise DiscountMalformed(why="a code has 3 to 40 letters, digits, - or _")
    return code


def _checked(rules: DiscountRules) -> DiscountRules:
    window = (rules.starts_at, rules.ends_at)
    faults = {
        "give either a percentage or an amount": (rules.percent is None) == (rules.amount is None),
        "a percentage is a whole number from 1 to 100": rules.percent is not None
        and not 1 <= rules.percent <= MOST_PERCENT,
        "a code ends after it starts": None not in window and window[1] <= window[0],  # type: ignore[operator]
        "total uses are 1 to 1,000,000": rules.total_uses is not None
        and not 1 <= rules.total_uses <= MOST_USES,
    }
    why = next((why for why, found in faults.items() if found), None)
    if why:
        raise DiscountMalformed(why=why)
    if rules.amount is not None:
        require_charge(rules.amount)
    return rules
