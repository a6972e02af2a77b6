"""What happens in a life: stays in plans and what is paid for them, and how they end."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal
from uuid import UUID

from ledger.discount import DiscountCode
from ledger.facts import Stamp
from ledger.member.account import GATEWAY
from ledger.member.facts import Joined, SelfCancelled
from ledger.money import Money
from ledger.order import Moved, Order
from ledger.order.facts import DiscountUsed, PaymentFailed
from ledger.terms import period
from scripts.benches.big_letters import SCHEDULER, SECOND, Letters
from scripts.benches.big_lives import DAY, Calendar, Moment
from scripts.benches.big_site import POLICY, SITE, STAFF, TAX, ZONE, Code, Offer

NEVER_PAID = "The membership ended before it was paid."


@dataclass
class Stay:
    """A membership under way: its calendar, its orders, and the last charge that was paid."""

    offer: Offer
    calendar: int
    membership_id: UUID
    code: Code | None = None
    charge: int = 0
    orders: list[Order] = field(default_factory=list)

    def due(self, *, days: int = 0, after: timedelta = timedelta()) -> Moment:
        """So long after the next charge falls due."""
        return Moment(self.calendar, self.charge + 1, timedelta(days=days) + after)

    def since(self, *, days: int) -> Moment:
        """So many days after the last charge fell due."""
        return Moment(self.calendar, self.charge, timedelta(days=days))


class Story(Letters):
    """A life with stays in plans; saves are composed as the use cases compose them."""

    # --- joining ----------------------------------------------------------------------

    def join(self, offer: Offer, moment: Moment | None = None, code: Code | None = None) -> Stay:
        """Chooses a plan and pays; its periods are counted from that moment on."""
        start = moment or Moment(0, after=timedelta(minutes=7))
        self.calendars.append(Calendar(offer, start))
        number = len(self.calendars) - 1
        stay = Stay(offer, number, self.id(self.member_id, "stay", number), code)
        begun = Moment(number)
        stamp = self.stamp(begun, self.by_themself)
        order = self._place(stay, 0, stamp)
        if order.placed.amount.is_zero:
            self._join(stay, order, stamp)
            self.keep(begun, order, self.member)
            return stay
        attempt_id = self._attempt(order, stamp, off_session=False)
        self.keep(begun, order, *([_redeemed(code, order, stamp)] if code else []))
        self._settle_join(stay, order, attempt_id)
        return stay

    def _settle_join(self, stay: Stay, order: Order, attempt_id: UUID) -> None:
        settled = Moment(stay.calendar, after=9 * SECOND)
        stamp = self.stamp(settled, GATEWAY)
        # The payment company tells a little late what was true when the person joined.
        self._pay(order, attempt_id, self.stamp(settled, GATEWAY, late=8 * SECOND))
        self._join(stay, order, stamp)
        if self.member.method is None:
            self.save_method(stamp)
        self.keep(settled, order, self.member)
        self._keep_fee(order, Moment(stay.calendar, after=11 * SECOND))
        self.tell("welcome", Joined, Moment(stay.calendar, after=12 * SECOND))

    def decline(self, offer: Offer, code: Code) -> None:
        """A first payment fails: its order is withdrawn, the code's use given back."""
        start = Moment(0, after=timedelta(minutes=9))
        self.calendars.append(Calendar(offer, start))
        number = len(self.calendars) - 1
        stay = Stay(offer, number, self.id(self.member_id, "stay", number), code)
        stamp = self.stamp(Moment(number), self.by_themself)
        order = self._place(stay, 0, stamp)
        attempt_id = self._attempt(order, stamp, off_session=False)
        used = _redeemed(code, order, stamp)
        self.keep(Moment(number), order, used)
        failed = Moment(number, after=5 * SECOND)
        stamp = self.stamp(failed, GATEWAY)
        order.fail(attempt_id, category="soft", code="insufficient_funds", stamp=stamp)
        order.withdraw("first payment declined", stamp=stamp)
        used.release(order.id, stamp=stamp)
        self.keep(failed, order, used)

    # --- later charges ----------------------------------------------------------------

    def renew(self, stay: Stay, *, times: int = 1, late: timedelta = timedelta()) -> None:
        """So many charges are paid as they fall due; `late` says how late that is told."""
        for _ in range(times):
            order, attempt_id = self._try(stay, 40 * SECOND)
            self._settle(stay, order, attempt_id, 45 * SECOND + late, late=late)

    def fail(self, stay: Stay, *, tries: int = 1) -> None:
        """The charge that is due fails so often, on the days of the policy."""
        for number in range(tries):
            days = (0, *POLICY.retry_days)[number]
            order, attempt_id = self._try(stay, days * DAY + 60 * SECOND)
            failed = stay.due(after=days * DAY + 66 * SECOND)
            stamp = self.stamp(failed, GATEWAY)
            order.fail(attempt_id, category="soft", code="insufficient_funds", stamp=stamp)
            self.member.fall_past_due(
                stay.membership_id,
                order_id=order.id,
                due_at=order.placed.due_at,
                policy=POLICY,
                stamp=stamp,
            )
            self.keep(failed, order, self.member)
            later = stay.due(after=days * DAY + 70 * SECOND)
            self.tell("own_payment_failed", PaymentFailed, later)

    def need_action(self, stay: Stay) -> None:
        """The charge that is due fails in a way that only the member can mend, who does."""
        order, attempt_id = self._try(stay, 60 * SECOND)
        waiting = stay.due(after=61 * SECOND)
        order.pend(
            attempt_id,
            reference=f"py_{attempt_id}",
            waits_for="member",
            stamp=self.stamp(waiting, GATEWAY),
        )
        self.keep(waiting, order)
        failed = stay.due(days=1)
        stamp = self.stamp(failed, GATEWAY)
        order.fail(attempt_id, category="action_required", code="authentication", stamp=stamp)
        self.member.require_action(
            stay.membership_id,
            order_id=order.id,
            due_at=order.placed.due_at,
            why="authentication",
            policy=POLICY,
            stamp=stamp,
        )
        self.keep(failed, order, self.member)
        self.replace_method(stay.due(days=3))
        self.recover(stay, days=3)

    def recover(self, stay: Stay, *, days: int) -> None:
        """What failed is paid so many days after it fell due."""
        order, attempt_id = self._try(stay, days * DAY + 60 * SECOND)
        self._settle(stay, order, attempt_id, days * DAY + 66 * SECOND)

    def lose_sight(self, stay: Stay) -> None:
        """A try whose outcome nobody knows, which came to nothing; the next one is paid."""
        order, attempt_id = self._try(stay, 40 * SECOND)
        lost = stay.due(after=70 * SECOND)
        order.lose_sight(attempt_id, stamp=self.stamp(lost, GATEWAY))
        self.keep(lost, order)
        found = stay.due(days=1)
        order.abandon(attempt_id, proof="none under this key", stamp=self.stamp(found, GATEWAY))
        self.keep(found, order)
        order, attempt_id = self._try(stay, DAY + 60 * SECOND)
        self._settle(stay, order, attempt_id, DAY + 66 * SECOND)

    # --- endings ----------------------------------------------------------------------

    def lapse(self, stay: Stay) -> None:
        """The grace is over, which is noticed an hour later."""
        late = timedelta(hours=1)
        noticed = stay.due(after=POLICY.grace_days * DAY + late)
        stamp = self.stamp(noticed, SCHEDULER, late=late)
        order = stay.orders[-1]
        self.member.lapse(stay.membership_id, stamp=stamp)
        order.withdraw(NEVER_PAID, stamp=stamp)
        self.keep(noticed, self.member, order)

    def cancel(self, stay: Stay, *, days: int) -> None:
        """The member stops renewal."""
        moment = stay.since(days=days)
        self.member.self_cancel(stay.membership_id, stamp=self.stamp(moment, self.by_themself))
        self.keep(moment, self.member)
        later = moment._replace(after=moment.after + 2 * SECOND)
        self.tell("cancellation_confirmed", SelfCancelled, later)

    def think_again(self, stay: Stay, *, days: int) -> None:
        """The member renews after all."""
        moment = stay.since(days=days)
        stamp = self.stamp(moment, self.by_themself)
        self.member.withdraw_cancellation(stay.membership_id, policy=POLICY, stamp=stamp)
        self.keep(moment, self.member)

    def leave(self, stay: Stay, *, days: int) -> None:
        """The member leaves a free plan."""
        moment = stay.since(days=days)
        self.member.leave(stay.membership_id, stamp=self.stamp(moment, self.by_themself))
        self.keep(moment, self.member)

    def remove(self, stay: Stay, *, days: int) -> None:
        """Staff end the membership."""
        moment = stay.since(days=days)
        stamp = self.stamp(moment, STAFF)
        self.member.remove(stay.membership_id, "Asked by telephone.", stamp=stamp)
        self.keep(moment, self.member)

    # --- money back -------------------------------------------------------------------

    def refund(self, stay: Stay, *, days: int, parts: int = 1, comes_back: bool = False) -> None:
        """A part of the last payment goes back; perhaps the bank sends it back again."""
        order, moment = stay.orders[-1], stay.since(days=days)
        refund_id = self.id(order.id, "refund", len(order.refunds))
        order.request_refund(
            order.paid.split(parts)[0],
            "A kindness.",
            refund_id=refund_id,
            stamp=self.stamp(moment, STAFF),
        )
        self.keep(moment, order)
        reference, later = f"re_{refund_id}", stay.since(days=days + 1)
        stamp = self.stamp(later, GATEWAY)
        order.pend_refund(refund_id, reference=reference, stamp=stamp)
        order.settle_refund(refund_id, reference=reference, stamp=stamp)
        self.keep(later, order)
        if comes_back:
            later = stay.since(days=days + 4)
            order.fail_refund(refund_id, code="closed", stamp=self.stamp(later, GATEWAY))
            self.keep(later, order)

    def dispute(self, stay: Stay, *, days: int, outcome: Literal["won", "lost"]) -> None:
        """The bank contests the last payment, and decides a week later."""
        order, moment = stay.orders[-1], stay.since(days=days)
        [(reference, amount)] = order.payments.items()
        name = f"dp_{self.id(order.id, 'dispute')}"
        order.open_dispute(
            name,
            payment_reference=reference,
            amount=amount,
            reason="fraudulent",
            stamp=self.stamp(moment, GATEWAY),
        )
        self.keep(moment, order)
        later = stay.since(days=days + 7)
        order.close_dispute(name, outcome=outcome, stamp=self.stamp(later, GATEWAY))
        self.keep(later, order)

    # --- within -----------------------------------------------------------------------

    def _place(self, stay: Stay, charge: int, stamp: Stamp) -> Order:
        terms, full = stay.offer.terms, stay.offer.terms.amount
        amount = stay.code.discount.cut(full, charge) if stay.code else full
        used = None
        if stay.code is not None and amount != full:
            used = DiscountUsed(terms=stay.code.discount, cut=full - amount)
        later: Literal["instalment", "renewal"] = "renewal"
        if terms.model == "instalments":
            later = "instalment"
        self.id(stay.membership_id, "order", charge)
        start, end = period(terms, self.when.due(stay.calendar, 0), charge, ZONE)
        order = Order.place(
            member_id=self.member_id,
            membership_id=stay.membership_id,
            plan_id=stay.offer.id,
            plan_name=stay.offer.name,
            price_version=1,
            charge=later if charge else "first",
            charge_index=charge,
            list_price=full,
            amount=amount,
            discount=used,
            tax_basis_points=TAX,
            period_start=start,
            period_end=end,
            mode=SITE.mode,
            stamp=stamp,
        )
        stay.orders.append(order)
        return order

    def _attempt(self, order: Order, stamp: Stamp, *, off_session: bool) -> UUID:
        attempt_id = self.id(order.id, "attempt", len(order.attempts) + 1)
        order.start_attempt(method_id=self.method_id, off_session=off_session, stamp=stamp)
        return attempt_id

    def _try(self, stay: Stay, after: timedelta) -> tuple[Order, UUID]:
        """A try to collect the charge that is due, placed first if it is the first try."""
        tried, charge = stay.due(after=after), stay.charge + 1
        stamp = self.stamp(tried, SCHEDULER)
        order = stay.orders[-1]
        if order.placed.charge_index != charge:
            order = self._place(stay, charge, stamp)
        attempt_id = self._attempt(order, stamp, off_session=True)
        self.keep(tried, order)
        return order, attempt_id

    def _settle(
        self,
        stay: Stay,
        order: Order,
        attempt_id: UUID,
        after: timedelta,
        *,
        late: timedelta = timedelta(),
    ) -> None:
        settled = stay.due(after=after)
        stamp = self.stamp(settled, GATEWAY)
        self._pay(order, attempt_id, self.stamp(settled, GATEWAY, late=late))
        self.member.renew(
            stay.membership_id,
            order_id=order.id,
            charge_index=order.placed.charge_index,
            period_start=order.placed.period_start,
            period_end=order.placed.period_end,
            policy=POLICY,
            stamp=stamp,
        )
        self.keep(settled, order, self.member)
        self._keep_fee(order, stay.due(after=after + 2 * SECOND))
        stay.charge += 1

    def _pay(self, order: Order, attempt_id: UUID, stamp: Stamp) -> None:
        amount = order.placed.amount
        order.pay(attempt_id, reference=f"py_{attempt_id}", amount=amount, stamp=stamp)

    def _keep_fee(self, order: Order, moment: Moment) -> None:
        fee = Money(25 + order.paid.minor * 15 // 1000, order.paid.currency)
        stamp = self.stamp(moment, GATEWAY)
        kept = Moved(f"fee_{order.id}", -fee, stamp.occurred_at, is_fee=True)
        order.record_fee(next(iter(order.payments)), [kept], stamp=stamp)
        self.keep(moment, order)

    def _join(self, stay: Stay, order: Order, stamp: Stamp) -> None:
        self.member.join(
            stay.membership_id,
            plan_id=stay.offer.id,
            plan_name=stay.offer.name,
            terms=stay.offer.terms,
            price_version=1,
            order_id=order.id,
            discount=stay.code.discount if stay.code else None,
            began_free=False,
            period_end=order.placed.period_end,
            policy=POLICY,
            stamp=stamp,
        )


def _redeemed(code: Code, order: Order, stamp: Stamp) -> DiscountCode:
    """The code with one use pending; its stream is everybody's, and counted elsewhere."""
    made = DiscountCode.make(code.id, code=code.text, rules=code.rules, stamp=stamp)
    made.collect_events()
    made.redeem(
        order_id=order.id,
        member_id=order.member_id,
        plan_id=order.placed.plan_id,
        plan_name=order.placed.plan_name,
        currency=order.placed.amount.currency,
        stamp=stamp,
    )
    return made
