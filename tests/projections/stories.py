"""Random but sensible lives of members, made with the aggregates; the same seed, the same facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from ledger import ids
from ledger.contributor import Contributor
from ledger.discount import DiscountCode, DiscountRules
from ledger.dunning import STANDARD
from ledger.errors import LedgerError
from ledger.facts import Actor, Aggregate, Cause, Stamp
from ledger.member import Member
from ledger.money import Mode, Money
from ledger.order import Moved, Order
from ledger.order.facts import DiscountUsed
from ledger.plan import Plan
from ledger.terms import Terms, period

START = datetime(2025, 1, 31, 9, 30, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Paris")
SITE = ids.SITE
FIRST_NAMES = ("Zoë", "Amélie", "Jürgen", "Ana", "Bob", "Chloé", "Łukasz", "Nguyễn", "zoe")
LAST_NAMES = ("Müller", "Martin", "O'Neil", "Ångström", "Dupont", "Ünal", "Smith")
TERMS = (
    Terms(model="free", amount=Money(0, "EUR")),
    Terms(model="one_time", amount=Money(9900, "EUR")),
    Terms(model="recurring", amount=Money(1200, "EUR"), unit="month", every=1),
    Terms(model="recurring", amount=Money(5000, "USD"), unit="year", every=1),
    Terms(model="instalments", amount=Money(3000, "EUR"), unit="month", every=1, payments=3),
)
METHOD = {"brand": "visa", "expires": "2030-01", "country": "FR"}


@dataclass
class Story:
    """What happens on a site; every command is one save, and the clock only goes forward."""

    random: Random
    mode: Mode = "live"
    now: datetime = START
    saves: list[list[Aggregate]] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    orders: dict[UUID, Order] = field(default_factory=dict)
    commands: int = 0

    def id(self, *words: object) -> UUID:
        """An identifier that the next story of the same seed has too."""
        return ids.derived(SITE, self.random.random(), *words)

    def stamp(self, *, late_days: int = 0) -> Stamp:
        """The scheduler did it, now; `late_days` says that it was true before."""
        self.now += timedelta(seconds=self.random.randrange(1, 7200))
        self.commands += 1
        return Stamp(
            actor=Actor(kind="scheduler"),
            cause=Cause(kind="job", id=self.id("command")),
            occurred_at=self.now - timedelta(days=late_days),
            recorded_at=self.now,
        )

    def found(self) -> Iterator[list[Aggregate]]:
        """Staff, plans and a code."""
        owner = Contributor.add(
            self.id(),
            email="owner@example.org",
            name="Olive Owner",
            roles=frozenset({"owner"}),
            locale="fr",
            stamp=self.stamp(),
        )
        yield [owner]
        for terms in TERMS:
            plan = Plan.draft(
                self.id(),
                name=f"{terms.model} {terms.unit or ''}".strip().title(),
                description="A plan",
                tax_basis_points=2000,
                stamp=self.stamp(),
            )
            plan.set_price(terms, effective_for_existing_from=None, stamp=self.stamp())
            plan.open(stamp=self.stamp())
            self.plans.append(plan)
            yield [plan]
        self.code = DiscountCode.make(
            self.id(), code="HALF", rules=DiscountRules(percent=50), stamp=self.stamp()
        )
        yield [self.code]

    def step(self) -> list[Aggregate]:
        """One more thing that happens, whatever the rules allow; the aggregates to save."""
        try:
            return self.random.choice(self.acts())() if self.members else self.open_account()
        except LedgerError:
            return []

    def acts(self) -> list[Callable[[], list[Aggregate]]]:
        """What may happen; often named, often told."""
        return [
            self.open_account,
            *[self.join] * 3,
            *[self.renew] * 3,
            self.fail,
            self.fail,
            self.end,
            self.cancel,
            self.refund,
            self.dispute,
            self.write,
            self.touch_account,
            self.lapse,
        ]

    # --- acts -------------------------------------------------------------------------

    def open_account(self) -> list[Aggregate]:
        """Somebody signs up."""
        number = len(self.members)
        name = f"{self.random.choice(FIRST_NAMES)} {self.random.choice(LAST_NAMES)}"
        member = Member.open_account(
            self.id(), email=f"P{number}@Example.org", name=name, locale="fr", stamp=self.stamp()
        )
        self.members.append(member)
        return [member]

    def member(self) -> Member:
        """Anybody."""
        return self.random.choice(self.members)

    def membership(self) -> tuple[Member, UUID]:
        """Any membership of anybody."""
        member = self.member()
        if not member.memberships:
            raise LedgerError
        return member, self.random.choice(sorted(member.memberships))

    def join(self) -> list[Aggregate]:
        """Somebody joins a plan and pays, sometimes with the code."""
        member, plan = self.member(), self.random.choice(self.plans)
        membership_id, stamp, terms = self.id(), self.stamp(), plan.price.terms
        changed: list[Aggregate] = [member]
        start, end = period(terms, stamp.occurred_at, 0, ZONE)
        member.require_may_join(plan.id, plan.name, needs_method=False, instant=start)
        discount, price = None, terms.amount
        if terms.takes_money and self.random.random() < 0.2:
            discount = self.code.redeem(
                order_id=ids.order(membership_id, 0),
                member_id=member.id,
                plan_id=plan.id,
                plan_name=plan.name,
                currency=terms.amount.currency,
                stamp=stamp,
            )
            price = discount.cut(price, 0)
            changed.append(self.code)
        order = self.place(member, membership_id, plan, 0, price, start, end, stamp, discount)
        changed.append(order)
        if not price.is_zero:
            self.pay(order, stamp)
        member.join(
            membership_id,
            plan_id=plan.id,
            plan_name=plan.name,
            terms=terms,
            price_version=plan.price.number,
            order_id=order.id,
            discount=discount,
            began_free=False,
            period_end=end,
            policy=STANDARD,
            stamp=stamp,
        )
        return changed

    def place(
        self,
        member: Member,
        membership_id: UUID,
        plan: Plan,
        index: int,
        price: Money,
        start: datetime,
        end: datetime | None,
        stamp: Stamp,
        discount: Any = None,
    ) -> Order:
        """An order for a charge."""
        full = plan.price.terms.amount
        order = Order.place(
            member_id=member.id,
            membership_id=membership_id,
            plan_id=plan.id,
            plan_name=plan.name,
            price_version=plan.price.number,
            charge="first" if index == 0 else "renewal",
            charge_index=index,
            list_price=full,
            amount=price,
            discount=discount and DiscountUsed(terms=discount, cut=full - price),
            tax_basis_points=2000,
            period_start=start,
            period_end=end,
            mode=self.mode,
            stamp=stamp,
        )
        self.orders[order.id] = order
        return order

    def pay(self, order: Order, stamp: Stamp) -> None:
        """The money comes in, sometimes twice (OR6)."""
        attempt = order.start_attempt(method_id="pm_1", off_session=True, stamp=stamp)
        for number in range(2 if self.random.random() < 0.03 else 1):
            order.pay(
                attempt.attempt_id,
                reference=f"py_{order.id}_{number}",
                amount=order.placed.amount,
                stamp=stamp,
            )
        kept = Money(30, "CHF" if order.id.int % 3 == 0 else order.paid.currency)
        order.record_fee(
            f"py_{order.id}_0", [Moved(f"fee_{order.id}", -kept, stamp.occurred_at)], stamp=stamp
        )

    def due(self) -> tuple[Member, UUID, Order]:
        """A membership whose next charge falls due, with the order of that charge."""
        member, membership_id = self.membership()
        membership = member.memberships[membership_id]
        plan = next(plan for plan in self.plans if plan.id == membership.plan_id)
        if membership.period_end is None:
            raise LedgerError
        self.now = max(self.now, membership.period_end)
        stamp, index = self.stamp(), membership.charge_index + 1
        membership.require_charge_due(stamp.occurred_at)
        found = self.orders.get(ids.order(membership_id, index))
        if found is None:
            start, end = period(membership.terms, membership.joined_at, index, ZONE)
            found = self.place(
                member, membership_id, plan, index, membership.terms.amount, start, end, stamp
            )
        return member, membership_id, found

    def renew(self) -> list[Aggregate]:
        """A charge that is due is paid."""
        member, membership_id, order = self.due()
        stamp = self.stamp()
        if not order.is_settled:
            self.pay(order, stamp)
        member.renew(
            membership_id,
            order_id=order.id,
            charge_index=order.placed.charge_index,
            period_start=order.placed.period_start,
            period_end=order.placed.period_end,
            policy=STANDARD,
            stamp=stamp,
        )
        return [member, order]

    def fail(self) -> list[Aggregate]:
        """A charge that is due fails, in one of two ways."""
        member, membership_id, order = self.due()
        stamp = self.stamp()
        attempt = order.start_attempt(method_id="pm_1", off_session=True, stamp=stamp)
        order.fail(attempt.attempt_id, category="declined", code="no_funds", stamp=stamp)
        due_at = order.placed.due_at
        if self.random.random() < 0.5:
            member.fall_past_due(
                membership_id, order_id=order.id, due_at=due_at, policy=STANDARD, stamp=stamp
            )
        else:
            member.require_action(
                membership_id,
                order_id=order.id,
                due_at=due_at,
                why="authentication",
                policy=STANDARD,
                stamp=stamp,
            )
        return [member, order]

    def lapse(self) -> list[Aggregate]:
        """The grace is over; noticed late."""
        member, membership_id = self.membership()
        until = member.memberships[membership_id].access_until
        if until is None:
            raise LedgerError
        self.now = max(self.now, until + timedelta(days=1))
        stamp = self.stamp()
        member.lapse(
            membership_id,
            stamp=Stamp(stamp.actor, stamp.cause, until, stamp.recorded_at),
        )
        return [member]

    def end(self) -> list[Aggregate]:
        """Somebody leaves, or is removed."""
        member, membership_id = self.membership()
        if self.random.random() < 0.5:
            member.leave(membership_id, stamp=self.stamp())
        else:
            member.remove(membership_id, "moved away", stamp=self.stamp())
        return [member]

    def cancel(self) -> list[Aggregate]:
        """Somebody cancels, or thinks again."""
        member, membership_id = self.membership()
        if member.memberships[membership_id].cancelled_at and self.random.random() < 0.5:
            member.withdraw_cancellation(membership_id, policy=STANDARD, stamp=self.stamp())
        else:
            member.self_cancel(membership_id, stamp=self.stamp())
        return [member]

    def refund(self) -> list[Aggregate]:
        """Money goes back, at once, later, or not after all."""
        if not self.orders:
            raise LedgerError
        order = self.orders[self.random.choice(sorted(self.orders))]
        refund_id = self.id()
        amount = Money(self.random.randrange(1, 2000), order.placed.amount.currency)
        order.request_refund(amount, "kindness", refund_id=refund_id, stamp=self.stamp())
        fate = self.random.random()
        if fate < 0.2:
            order.pend_refund(refund_id, reference=f"re_{refund_id}", stamp=self.stamp())
        elif fate < 0.9:
            order.settle_refund(refund_id, reference=f"re_{refund_id}", stamp=self.stamp())
        if self.random.random() < 0.2:
            order.fail_refund(refund_id, code="closed", stamp=self.stamp())
        return [order]

    def dispute(self) -> list[Aggregate]:
        """A bank contests a payment."""
        if not self.orders:
            raise LedgerError
        order = self.orders[self.random.choice(sorted(self.orders))]
        if order.paid.is_zero:
            raise LedgerError
        name = f"dp_{order.id}"
        if name not in order.disputes:
            order.open_dispute(
                name,
                payment_reference=f"py_{order.id}_0",
                amount=Money(100, order.paid.currency),
                reason="fraud",
                stamp=self.stamp(),
            )
        else:
            outcome = self.random.choice(("won", "lost"))
            order.close_dispute(name, outcome=outcome, stamp=self.stamp())  # type: ignore[arg-type]
        return [order]

    def write(self) -> list[Aggregate]:
        """Staff tag somebody and write a note."""
        member, tag = self.member(), self.random.choice(("vip", "press", "été"))
        if tag in member.tags:
            member.untag(tag, stamp=self.stamp())
        else:
            member.tag(tag, stamp=self.stamp())
        member.write_note(self.id(), "Called.", stamp=self.stamp())
        return [member]

    def touch_account(self) -> list[Aggregate]:
        """Somebody verifies, renames, or saves a method."""
        member, chance = self.member(), self.random.random()
        if chance < 0.4:
            member.verify_email(stamp=self.stamp())
        elif chance < 0.6:
            member.rename(self.random.choice(FIRST_NAMES), stamp=self.stamp())
        elif chance < 0.8:
            member.save_method(
                stamp=self.stamp(),
                method_id=f"pm_{member.id}",
                customer_id=f"cu_{member.id}",
                last_four="4242",
                fingerprint=f"fp_{self.random.randrange(40)}",
                **METHOD,
            )
        else:
            member.close_account("a mistake", has_orders=False, stamp=self.stamp())
        return [member]


def told(seed: int, commands: int, mode: Mode = "live") -> Iterator[list[Aggregate]]:
    """The saves of a story, one after another."""
    return tell(Story(Random(seed), mode), commands)  # noqa: S311 -- a story, not a secret


def tell(story: Story, commands: int) -> Iterator[list[Aggregate]]:
    """The saves of any story."""
    yield from story.found()
    while story.commands < commands:
        changed = story.step()
        if changed:
            yield changed
