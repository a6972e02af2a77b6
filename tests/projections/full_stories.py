"""Stories in which everything happens that a view folds, often told late; for the oracle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from ledger import ids
from ledger.discount import DiscountCode, DiscountRules
from ledger.dunning import STANDARD
from ledger.errors import LedgerError
from ledger.facts import Actor, Aggregate, Stamp
from ledger.member import Member
from ledger.money import Money
from ledger.order import Attempt, Moved, Order
from ledger.plan import Plan
from ledger.terms import Terms, period
from tests.projections.office_stories import WORDS, OfficeStory
from tests.projections.stories import METHOD, ZONE, tell

MORE_TERMS = (
    Terms(model="recurring", amount=Money(700, "EUR"), unit="week", every=2),
    Terms(model="recurring", amount=Money(2500, "EUR"), unit="month", every=3),
    Terms(model="recurring", amount=Money(12345, "JPY"), unit="year", every=2),
)
MORE_RULES = (
    DiscountRules(percent=33, every_payment=True, once_per_person=False),
    DiscountRules(amount=Money(250, "EUR"), every_payment=True, once_per_person=False),
    DiscountRules(amount=Money(99_999, "EUR"), once_per_person=False),
)


@dataclass
class Try:
    """A first charge whose end nobody knows."""

    order: Order
    attempt: Attempt
    code: DiscountCode | None


@dataclass
class FullStory(OfficeStory):
    """A story with abandoned tries, other prices, and late news."""

    codes: list[DiscountCode] = field(default_factory=list)
    tries: list[Try] = field(default_factory=list)

    def stamp(self, *, late_days: int = 0) -> Stamp:
        """Some things are learned long after they were true."""
        late = self.random.randrange(1, 60) if self.random.random() < 0.1 else 0
        return super().stamp(late_days=late_days or late)

    def own_stamp(self, member: Member) -> Stamp:
        """The member did it."""
        stamp = self.stamp()
        actor = Actor(kind="member", id=member.id)
        return Stamp(actor, stamp.cause, stamp.occurred_at, stamp.recorded_at)

    def found(self) -> Iterator[list[Aggregate]]:
        """More plans and codes."""
        yield from super().found()
        for number, terms in enumerate(MORE_TERMS):
            yield [self.new_plan(f"{WORDS[number]} club", terms)]
        self.codes = [self.code, *(self.new_code(rules) for rules in MORE_RULES)]
        yield [*self.codes]

    def step(self) -> list[Aggregate]:
        """Any code may be tried, and some orders are of the sandbox."""
        self.code = self.random.choice(self.codes)
        self.mode = "test" if self.random.random() < 0.15 else "live"
        return super().step()

    def acts(self) -> list[Callable[[], list[Aggregate]]]:
        """What may happen besides."""
        more = [self.discount, self.arrange, self.reprice, self.move_price]
        more += [self.change_account, self.change_method, self.correct, self.start_free]
        more += [
            self.clear,
            self.clear,
            self.try_once,
            self.try_once,
            self.hear_of_try,
            self.hear_of_try,
        ]
        more += [self.contest, self.contest, self.take_back]
        return [*super().acts(), *more, self.refund_all, self.think_again, self.leave_free]

    # --- the house --------------------------------------------------------------------

    def new_code(self, rules: DiscountRules) -> DiscountCode:
        """Another code."""
        word = f"CODE-{self.commands}"
        return DiscountCode.make(self.id(), code=word, rules=rules, stamp=self.stamp())

    def discount(self) -> list[Aggregate]:
        """A code is made, changed or ended."""
        rules = self.random.choice(MORE_RULES)
        if self.random.random() < 0.3:
            self.code = self.new_code(rules)
            self.codes.append(self.code)
        elif self.random.random() < 0.7 or len(self.codes) < 3:
            self.code.change(rules.model_copy(update={"total_uses": 50}), stamp=self.stamp())
        else:
            self.code.end(stamp=self.stamp())
        return [self.code]

    def new_plan(self, name: str, terms: Terms) -> Plan:
        """Another plan that can be joined."""
        plan = Plan.draft(
            self.id(), name=name, description="", tax_basis_points=None, stamp=self.stamp()
        )
        plan.set_price(terms, effective_for_existing_from=None, stamp=self.stamp())
        plan.open(stamp=self.stamp())
        self.plans.append(plan)
        return plan

    def arrange(self) -> list[Aggregate]:
        """A plan is described again, closed, opened for a while, or begins early."""
        plan, later = self.random.choice(self.plans), self.now + timedelta(days=90)
        match self.random.randrange(5):
            case 0:
                plan.describe(
                    name=f"{plan.name}!",
                    description="new",
                    tax_basis_points=550,
                    stamp=self.stamp(),
                )
            case 1:
                plan.close(stamp=self.stamp())
            case 2:
                plan.open(opens_at=self.now, closes_at=later, stamp=self.stamp())
            case 3:
                plan.set_early_access(password_until=later, free_until=None, stamp=self.stamp())
            case _:
                plan = Plan.draft(
                    self.id(), name="Old", description="", tax_basis_points=1, stamp=self.stamp()
                )
                plan.retire(stamp=self.stamp())
        return [plan]

    def reprice(self) -> list[Aggregate]:
        """A plan costs something else, for those who are in it too."""
        plan = self.random.choice([one for one in self.plans if one.price.terms.repeats])
        terms = plan.price.terms
        moves = terms.model == "recurring"
        amount = Money(self.random.randrange(500, 9000), terms.amount.currency)
        plan.set_price(
            terms.model_copy(update={"amount": amount}),
            effective_for_existing_from=self.now + timedelta(days=100) if moves else None,
            stamp=super().stamp(),
        )
        return [plan]

    def move_price(self) -> list[Aggregate]:
        """A membership is about to renew at its plan's newest price."""
        member, membership_id = self.membership()
        stay = member.memberships[membership_id]
        plan = next(plan for plan in self.plans if plan.id == stay.plan_id)
        if stay.terms.model != "recurring" or stay.period_end is None:
            raise LedgerError
        self.now = max(self.now, stay.period_end)
        member.move_price(
            membership_id,
            price_version=plan.price.number,
            terms=plan.price.terms,
            stamp=super().stamp(),
        )
        return [member]

    def clear(self) -> list[Aggregate]:
        """What waited for the member is mended, or paid and waits for a bank."""
        member, membership_id = self.membership()
        stamp = super().stamp()
        if self.random.random() < 0.5:
            member.clear_action(membership_id, why="another card", stamp=stamp)
        else:
            until = stamp.occurred_at + timedelta(days=2)
            member.wait_for_bank(membership_id, until=until, stamp=stamp)
        return [member]

    # --- people -----------------------------------------------------------------------

    def change_account(self) -> list[Aggregate]:
        """Somebody has another address, or reads another language."""
        member = self.member()
        if self.random.random() < 0.5:
            member.change_email(f"Ünal{self.commands}@Example.org", stamp=self.stamp())
        else:
            member.choose_locale("en" if member.locale == "fr" else "fr", stamp=self.stamp())
        return [member]

    def change_method(self) -> list[Aggregate]:
        """Somebody saves, replaces or removes their payment method."""
        member = self.member()
        if member.method and self.random.random() < 0.3:
            member.remove_method(stamp=self.own_stamp(member))
        else:
            member.save_method(
                stamp=self.own_stamp(member),
                method_id=f"pm_{self.commands}",
                customer_id=f"cu_{member.id}",
                last_four="4242",
                fingerprint=f"fp_{self.random.randrange(40)}",
                **METHOD,
            )
        return [member]

    def think_again(self) -> list[Aggregate]:
        """Somebody cancels and withdraws the cancellation."""
        member, membership_id = self.membership()
        if not member.memberships[membership_id].cancelled_at:
            member.self_cancel(membership_id, stamp=super().stamp())
        member.withdraw_cancellation(membership_id, policy=STANDARD, stamp=super().stamp())
        return [member]

    def leave_free(self) -> list[Aggregate]:
        """Somebody leaves a plan that costs nothing."""
        member, membership_id = self.membership()
        free = [one for one, stay in member.memberships.items() if stay.terms.model == "free"]
        member.leave(free[-1] if free else membership_id, stamp=self.stamp())
        return [member]

    def correct(self) -> list[Aggregate]:
        """Staff correct a note."""
        member = self.random.choice([one for one in self.members if one.notes] or [self.member()])
        note_id = self.random.choice(sorted(member.notes) or [self.id()])
        member.correct_note(note_id, "Wrote.", stamp=self.stamp())
        return [member]

    def start_free(self) -> list[Aggregate]:
        """Somebody's first period costs nothing."""
        member = self.member()
        plan = self.random.choice([one for one in self.plans if one.price.terms.repeats])
        membership_id, stamp, terms = self.id(), self.stamp(), plan.price.terms
        start, end = period(terms, stamp.occurred_at, 0, ZONE)
        member.require_may_join(plan.id, plan.name, needs_method=False, instant=start)
        nothing = Money.zero(terms.amount.currency)
        order = self.place(member, membership_id, plan, 0, nothing, start, end, stamp)
        member.join(
            membership_id,
            plan_id=plan.id,
            plan_name=plan.name,
            terms=terms,
            price_version=plan.price.number,
            order_id=order.id,
            discount=None,
            began_free=True,
            period_end=end,
            policy=STANDARD,
            stamp=stamp,
        )
        return [member, order]

    # --- tries that come to nothing -----------------------------------------------------

    def try_once(self) -> list[Aggregate]:
        """Somebody begins to pay and does not come back."""
        member = self.member()
        plan = self.random.choice([one for one in self.plans if one.price.terms.takes_money])
        membership_id, stamp, terms = self.id(), self.stamp(), plan.price.terms
        start, end = period(terms, stamp.occurred_at, 0, ZONE)
        code = self.code if self.random.random() < 0.5 else None
        cut = code and code.redeem(
            order_id=ids.order(membership_id, 0),
            member_id=member.id,
            plan_id=plan.id,
            plan_name=plan.name,
            currency=terms.amount.currency,
            stamp=stamp,
        )
        price = cut.cut(terms.amount, 0) if cut else terms.amount
        order = self.place(member, membership_id, plan, 0, price, start, end, stamp, cut)
        attempt = order.start_attempt(method_id="pm_1", off_session=False, stamp=stamp)
        self.tries.append(Try(order, attempt, code))
        return [order, *([code] if code else [])]

    def hear_of_try(self) -> list[Aggregate]:
        """Something more is heard of it, or nothing and it is given up; money may come after."""
        if not self.tries:
            raise LedgerError
        one = self.random.choice(self.tries)
        order, known = one.order, one.attempt.attempt_id
        match self.random.randrange(6):
            case 0:
                order.pend(known, reference="py", waits_for="bank", stamp=self.stamp())
            case 1:
                order.lose_sight(known, stamp=self.stamp())
            case 2:
                order.abandon(known, proof="nothing there", stamp=self.stamp())
            case 3:
                order.fail(known, category="declined", code="no", stamp=self.stamp())
            case 4:
                order.withdraw("not wanted", stamp=self.stamp())
                if one.code:
                    one.code.release(order.id, stamp=self.stamp())
                    return [order, one.code]
            case _:
                amount = order.placed.amount
                order.pay(known, reference=f"late_{order.id}", amount=amount, stamp=self.stamp())
        return [order]

    def refund_all(self) -> list[Aggregate]:
        """All of a payment goes back."""
        if not self.orders:
            raise LedgerError
        order = self.orders[self.random.choice(sorted(self.orders))]
        if not order.payments:
            raise LedgerError
        reference, amount = next(iter(order.payments.items()))
        refund_id, stamp = self.id(), self.stamp()
        order.request_refund(
            amount, "all", refund_id=refund_id, payment_reference=reference, stamp=stamp
        )
        order.settle_refund(refund_id, reference=f"re_{refund_id}", stamp=stamp)
        return [order]

    def contest(self) -> list[Aggregate]:
        """A bank contests a payment, or contests something else than before, and takes money."""
        order, reference, stamp = *self.payment(), self.stamp()
        name, reason = f"dp_{reference}", self.random.choice(("fraud", "inquiry"))
        amount = Money(self.random.randrange(1, 2_000), order.placed.amount.currency)
        refundable = self.random.choice((True, False, None))
        order.open_dispute(
            name,
            payment_reference=reference,
            amount=amount,
            reason=reason,
            refundable=refundable,
            stamp=stamp,
        )
        order.update_dispute(name, amount=amount, reason=reason, refundable=refundable, stamp=stamp)
        moved = Moved(f"{name}_{self.random.choice((0, 1))}", -amount, stamp.occurred_at)
        order.move_dispute_funds(name, [moved], stamp=stamp)
        if self.random.random() < 0.3:
            outcome = self.random.choice(("won", "lost"))
            order.close_dispute(name, outcome=outcome, stamp=stamp)  # type: ignore[arg-type]
            if order.id.int % 2:  # what was lost is won after all
                order.close_dispute(name, outcome="won", stamp=stamp)
        return [order]

    def take_back(self) -> list[Aggregate]:
        """The payment company takes a payment back."""
        if self.random.random() < 0.5:
            raise LedgerError
        order, reference = self.payment()
        order.reverse_payment(reference, code="returned", stamp=self.stamp())
        return [order]

    def payment(self) -> tuple[Order, str]:
        """Any payment of anybody."""
        if not self.orders:
            raise LedgerError
        order = self.orders[self.random.choice(sorted(self.orders))]
        if not order.payments:
            raise LedgerError
        return order, self.random.choice(sorted(order.payments))


def told_fully(seed: int, commands: int) -> Iterator[list[Aggregate]]:
    """The saves of a full story, one after another."""
    return tell(FullStory(Random(seed)), commands)  # noqa: S311 -- a story, not a secret
