"""Joining a plan: the first order, and the membership that its settlement begins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ledger import ids
from ledger.application.batch import ATTEMPT, PAYMENT
from ledger.application.books import ACCOUNT_USED, Position
from ledger.application.members import MemberUseCases
from ledger.application.plans import DiscountUseCases, PlanUseCases
from ledger.application.use_case import follow_up, use_case
from ledger.discount import DiscountCode
from ledger.errors import EarlyAccessPasswordNeeded, PaymentMethodNeeded
from ledger.facts import Actor, Cause, Stamp
from ledger.member import Member
from ledger.money import Money
from ledger.order import Order
from ledger.order.facts import DiscountUsed
from ledger.plan import Plan, PriceVersion
from ledger.store.records import Claim
from ledger.terms import Discount, Terms, period

DUPLICATE_PAYMENT = "The membership was running already; the second payment goes back."


@dataclass(frozen=True, slots=True)
class Quote:
    """What joining a plan costs someone now, in minor units of the plan's currency."""

    list_price: Money
    first_charge: Money
    discount: Discount | None
    starts_free: bool
    price: PriceVersion

    @property
    def saves_method(self) -> bool:
        """Whether it starts free but will charge, so that a method is saved by setup (PL1)."""
        terms = self.price.terms
        waived = terms.free_start_without_method
        return self.first_charge.is_zero and terms.repeats and not waived


class JoinUseCases(PlanUseCases, DiscountUseCases, MemberUseCases):
    """From choosing a plan to the first paid period."""

    def quote(
        self, plan_id: UUID, *, discount_code: str | None = None, member_id: UUID | None = None
    ) -> Quote:
        """What the first charge would be; raises what joining would raise of plan and code."""
        plan = self.plan(plan_id)
        plan.require_joinable(self.clock.now())
        return self._quote(plan, self._usable(discount_code, plan, member_id))

    @use_case
    def begin_join(
        self,
        member_id: UUID,
        plan_id: UUID,
        *,
        membership_id: UUID,
        method_token: str | None,
        discount_code: str | None = None,
        password_matches: bool = False,
        by: Actor,
        cause: Cause,
    ) -> Position:
        """Place the first order and write down the try to charge it; join at once if it is free.

        The person's own act (AC1). Each join mints its own membership id (AC12). Plan and member
        must not have changed, and the code's last use goes to one (DI3), in one transaction.
        Without a token a charge is made to the saved method.
        """
        stamp = self.own_stamp(member_id, by, cause)
        member, plan = self.member(member_id), self.plan(plan_id)
        _require_doors_open(plan, stamp, password_matches=password_matches)
        code = self._usable(discount_code, plan, member_id)
        quote = self._quote(plan, code)
        method_id = _method_for(member, plan, quote, method_token, stamp)
        self._redeem(code, plan, member_id, ids.order(membership_id, 0), stamp)
        order = self._place_first(member, plan, quote, membership_id, stamp)
        if quote.first_charge.is_zero:
            self._join(member, order, plan, stamp)
        else:
            order.start_attempt(method_id=method_id, off_session=False, stamp=stamp)
        return self.append(
            order,
            *((code,) if code else ()),
            *((member,) if member.pending_events else ()),
            claims=[*self._first_use(member), *attempt_claims(order)],
            relies_on=[plan] if member.pending_events else [plan, member],
            command=cause.id,
        )

    @follow_up
    def settle_join(
        self,
        order_id: UUID,
        attempt_id: UUID,
        *,
        reference: str,
        amount: Money,
        method: dict[str, str] | None,
        paid_at: datetime | None = None,
        by: Actor,
        cause: Cause,
    ) -> Position:
        """The first payment came in, at `paid_at` or now: the membership begins.

        If it had begun before, or another runs in this plan (two tabs paid), the money is in the
        books all the same, and a refund of it is asked for in the same transaction (AC12).
        """
        order, stamp = self.load(Order, order_id), self.stamp(by, cause)
        if reference in order.references:
            return 0
        member, plan = self.member(order.member_id), self.plan(order.placed.plan_id)
        paid = self.stamp(by, cause, occurred_at=paid_at)
        order.pay(attempt_id, reference=reference, amount=amount, stamp=paid)
        claims = [Claim(PAYMENT, reference.encode(), order_id)]
        if _is_superfluous(order, member, stamp):
            give_back(order, reference, amount, DUPLICATE_PAYMENT, stamp)
            return self.append(order, claims=claims, relies_on=[member])
        self._join(member, order, plan, stamp)
        if method is not None:
            self._keep_method(member, method, stamp)
        codes = self._used_after_all(order, stamp)
        return self.append(order, member, *codes, claims=[*claims, *self.method_claims(member)])

    @follow_up
    def fail_join(
        self,
        order_id: UUID,
        attempt_id: UUID,
        *,
        category: str,
        code: str,
        by: Actor,
        cause: Cause,
    ) -> Position:
        """The first payment was declined: no membership; the code's use goes back (DU6, DI4)."""
        order, stamp = self.load(Order, order_id), self.stamp(by, cause)
        order.fail(attempt_id, category=category, code=code, stamp=stamp)
        return self._drop_join(order, "first payment declined", stamp)

    @follow_up
    def abandon_join(
        self, order_id: UUID, attempt_id: UUID, *, proof: str, by: Actor, cause: Cause
    ) -> Position:
        """The first payment was never made: as if it had been declined (DI4)."""
        order, stamp = self.load(Order, order_id), self.stamp(by, cause)
        order.abandon(attempt_id, proof=proof, stamp=stamp)
        return self._drop_join(order, "first payment abandoned", stamp)

    # --- within -----------------------------------------------------------------------

    def _usable(
        self, discount_code: str | None, plan: Plan, member_id: UUID | None
    ) -> DiscountCode | None:
        if not discount_code:
            return None
        code = self.discount_by_code(discount_code)
        code.require_usable(
            member_id=member_id,
            plan_id=plan.id,
            plan_name=plan.name,
            currency=plan.price.terms.amount.currency,
            instant=self.clock.now(),
        )
        return code

    def _quote(self, plan: Plan, code: DiscountCode | None) -> Quote:
        price, discount = plan.price, code.terms() if code else None
        listed = price.terms.amount
        starts_free = price.terms.takes_money and plan.starts_free(self.clock.now())
        first = discount.cut(listed, 0) if discount else listed
        return Quote(
            list_price=listed,
            first_charge=Money.zero(listed.currency) if starts_free else first,
            discount=discount,
            starts_free=starts_free,
            price=price,
        )

    def _redeem(
        self,
        code: DiscountCode | None,
        plan: Plan,
        member_id: UUID,
        order_id: UUID,
        stamp: Stamp,
    ) -> None:
        if code is not None:
            code.redeem(
                order_id=order_id,
                member_id=member_id,
                plan_id=plan.id,
                plan_name=plan.name,
                currency=plan.price.terms.amount.currency,
                stamp=stamp,
            )

    def _used_after_all(self, order: Order, stamp: Stamp) -> list[DiscountCode]:
        """The code of a payment that was given up, and whose use went back too early (DI4)."""
        if order.withdrawn_at is None or order.placed.discount is None:
            return []
        code = self.discount(order.placed.discount.terms.code_id)
        code.redeem_after_all(order.id, member_id=order.member_id, stamp=stamp)
        return [code]

    def _place_first(
        self, member: Member, plan: Plan, quote: Quote, membership_id: UUID, stamp: Stamp
    ) -> Order:
        start, end = self._first_period(quote.price.terms, stamp)
        cut = quote.list_price - quote.first_charge
        used = DiscountUsed(terms=quote.discount, cut=cut) if quote.discount else None
        return Order.place(
            member_id=member.id,
            membership_id=membership_id,
            plan_id=plan.id,
            plan_name=plan.name,
            price_version=quote.price.number,
            charge="first",
            charge_index=0,
            list_price=quote.list_price,
            amount=quote.first_charge,
            discount=used,
            tax_basis_points=plan.tax_basis_points,
            period_start=start,
            period_end=end,
            mode=self.rules.mode,
            stamp=stamp,
        )

    def _join(self, member: Member, order: Order, plan: Plan, stamp: Stamp) -> None:
        placed = order.placed
        terms = plan.price_version(placed.price_version).terms
        # The period begins with the membership, not with the order: a payment may take a day.
        _start, end = self._first_period(terms, stamp)
        member.join(
            placed.membership_id,
            plan_id=placed.plan_id,
            plan_name=placed.plan_name,
            terms=terms,
            price_version=placed.price_version,
            order_id=order.id,
            discount=placed.discount.terms if placed.discount else None,
            began_free=placed.amount.is_zero and terms.takes_money,
            period_end=end,
            policy=self.rules.policy,
            stamp=stamp,
        )

    def _first_period(self, terms: Terms, stamp: Stamp) -> tuple[datetime, datetime | None]:
        return period(terms, stamp.occurred_at, 0, self.rules.zone)

    def _keep_method(self, member: Member, method: dict[str, str], stamp: Stamp) -> None:
        if member.method is None or member.method.method_id != method["method_id"]:
            member.save_method(stamp=stamp, **method)

    def _first_use(self, member: Member) -> list[Claim]:
        # Closing the account claims the same key: whichever is first, the other is refused.
        key = member.id.bytes
        if member.memberships or self.owner_of(ACCOUNT_USED, key, about=member.id) == member.id:
            return []
        return [Claim(ACCOUNT_USED, key, member.id)]

    def _drop_join(self, order: Order, reason: str, stamp: Stamp) -> Position:
        changed: list[Order | DiscountCode] = [order]
        if order.open_attempt is None and order.paid.is_zero:
            order.withdraw(reason, stamp=stamp)
            if order.placed.discount:
                code = self.discount(order.placed.discount.terms.code_id)
                code.release(order.id, stamp=stamp)
                changed.append(code)
        return self.append(*changed)


def attempt_claims(order: Order) -> list[Claim]:
    """Lets the payment company's word of an attempt that begins now find its order."""
    begun = [fact for fact in order.pending_events if isinstance(fact, Order.AttemptStarted)]
    return [Claim(ATTEMPT, fact.attempt_id.bytes, order.id) for fact in begun]


def give_back(order: Order, reference: str, amount: Money, why: str, stamp: Stamp) -> None:
    """Ask for the refund of a payment that came in and is not wanted; once for each payment."""
    order.request_refund(
        amount,
        why,
        refund_id=unwanted(order.id, reference),
        payment_reference=reference,
        stamp=stamp,
    )


def unwanted(order_id: UUID, reference: str) -> UUID:
    """The refund of a payment that came in and is not wanted."""
    return ids.derived(order_id, "unwanted", reference)


def _is_superfluous(order: Order, member: Member, stamp: Stamp) -> bool:
    placed = order.placed
    begun = placed.membership_id in member.memberships
    running = member.running_in(placed.plan_id, stamp.occurred_at)
    return begun or running is not None or member.closed_at is not None


def _require_doors_open(plan: Plan, stamp: Stamp, *, password_matches: bool) -> None:
    plan.require_joinable(stamp.occurred_at)
    if plan.asks_password(stamp.occurred_at) and not password_matches:
        raise EarlyAccessPasswordNeeded(plan_name=plan.name)


def _method_for(member: Member, plan: Plan, quote: Quote, token: str | None, stamp: Stamp) -> str:
    """What the first charge is made to; empty where there is none. Raises PaymentMethodNeeded."""
    member.require_may_join(
        plan.id, plan.name, needs_method=quote.saves_method, instant=stamp.occurred_at
    )
    if quote.first_charge.is_zero:
        return ""
    method_id = token or (member.method.method_id if member.method else None)
    if method_id is None:
        raise PaymentMethodNeeded(plan_name=plan.name)
    return method_id
