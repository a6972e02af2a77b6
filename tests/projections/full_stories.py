"""Stories in which everything happens that a view folds, often told late; for the oracle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

from ledger import ids
from ledger.contributor import Contributor
from ledger.discount import DiscountCode, DiscountRules
from ledger.dunning import STANDARD
from ledger.errors import LedgerError
from ledger.facts import Actor, Aggregate, Stamp
from ledger.mailing_list import MailingList
from ledger.member import Member
from ledger.money import Money
from ledger.notification import Notification, Recipient
from ledger.order import Order
from ledger.order.facts import Attempt
from ledger.plan import Plan
from ledger.segment import SegmentFilter
from ledger.site import Site
from ledger.terms import Terms, period
from tests.projections.stories import METHOD, ZONE, Story, tell

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
WORDS = ("Winter", "Été", "Alumni", "Board")


@dataclass
class Try:
    """A first charge whose end nobody knows."""

    order: Order
    attempt: Attempt
    code: DiscountCode | None


@dataclass
class FullStory(Story):
    """A story with staff, lists and notices, abandoned tries, other prices, and late news."""

    staff: list[Contributor] = field(default_factory=list)
    codes: list[DiscountCode] = field(default_factory=list)
    tries: list[Try] = field(default_factory=list)
    lists: list[MailingList] = field(default_factory=list)
    notices: list[Notification] = field(default_factory=list)

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
        """More plans and codes, and the site's own stream."""
        for save in super().found():
            self.staff += [one for one in save if isinstance(one, Contributor)]
            yield save
        for number, terms in enumerate(MORE_TERMS):
            yield [self.new_plan(f"{WORDS[number]} club", terms)]
        self.codes = [self.code, *(self.new_code(rules) for rules in MORE_RULES)]
        yield [*self.codes]
        self.site = Site.found(stamp=self.stamp())
        yield [self.site]

    def step(self) -> list[Aggregate]:
        """Any code may be tried, and some orders are of the sandbox."""
        self.code = self.random.choice(self.codes)
        self.mode = "test" if self.random.random() < 0.15 else "live"
        return super().step()

    def acts(self) -> list[Callable[[], list[Aggregate]]]:
        """What may happen besides."""
        more = [self.employ, self.discount, self.arrange, self.reprice, self.move_price]
        more += [self.change_account, self.change_method, self.correct, self.start_free]
        more += [self.try_once, self.try_once, self.hear_of_try, self.hear_of_try]
        return [*super().acts(), *more, self.mail, self.notify, self.save_segment]

    # --- the house --------------------------------------------------------------------

    def employ(self) -> list[Aggregate]:
        """Somebody becomes staff, changes roles, becomes the owner or leaves."""
        someone, chance = self.random.choice(self.staff), self.random.random()
        owner = next(one for one in self.staff if one.is_owner)
        if chance < 0.4:
            someone = Contributor.add(
                self.id(),
                email=f"s{len(self.staff)}@example.org",
                name=f"Zoé {len(self.staff)}",
                roles=frozenset({"auditor"}),
                locale="en",
                stamp=self.stamp(),
            )
            self.staff.append(someone)
        elif chance < 0.7:
            roles = frozenset({self.random.choice(("administrator", "store_manager"))})
            someone.change_roles(roles, stamp=self.stamp())  # type: ignore[arg-type]
        elif chance < 0.85:
            someone.receive_ownership(owner, stamp=self.stamp())
            return [owner, someone]
        else:
            someone.remove(stamp=self.stamp())
        return [someone]

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

    # --- lists, notices, segments -------------------------------------------------------

    def mail(self) -> list[Aggregate]:
        """A list is made, fills, empties, or is over."""
        if not self.lists or self.random.random() < 0.15:
            name = f"{self.random.choice(WORDS)} {len(self.lists)}"
            self.lists.append(MailingList.create(self.id(), name=name, stamp=self.stamp()))
        one, chance = self.random.choice(self.lists), self.random.random()
        if chance < 0.5:
            one.add_contact(self.member().id, stamp=self.stamp())
        elif chance < 0.7:
            address = f"old{self.random.randrange(9)}@example.org"
            one.add_addresses({self.id(): address}, stamp=self.stamp())
        elif chance < 0.95 and one.entries:
            leave = self.random.choice((one.take_off, one.unsubscribe))
            leave(self.random.choice(sorted(one.entries)), stamp=self.stamp())
        else:
            one.end(stamp=self.stamp())
        return [one]

    def notify(self) -> list[Aggregate]:
        """Somebody is told something, or is to be; mails fail, are given up, come back."""
        if not self.notices or self.random.random() < 0.5:
            member = self.member()
            told = Notification.queue(
                Recipient(kind="member", id=member.id, role="member"),
                "welcome",
                because_of=f"{member.id}/{self.random.randrange(1, 9)}",
                about=member.id,
                locale="fr",
                stamp=self.stamp(),
            )
            if all(told.id != one.id for one in self.notices):
                self.notices.append(told)
        one, number = self.random.choice(self.notices), 0
        match self.random.randrange(5):
            case 0:
                one.record_sent(attempt=one.attempts + 1, message_id="m1", stamp=self.stamp())
            case 1:
                number, again = one.attempts + 1, self.now + timedelta(hours=1)
                one.record_failed(attempt=number, why="timeout", retry_at=again, stamp=self.stamp())
            case 2:
                one.give_up("too_often", stamp=self.stamp())
            case 3:
                one.record_bounced("unknown", stamp=self.stamp())
        return [one]

    def save_segment(self) -> list[Aggregate]:
        """A filter is saved, changed or removed."""
        known: list[UUID] = sorted(self.site.known_segments)
        if known and self.random.random() < 0.3:
            self.site.remove_segment(self.random.choice(known), stamp=self.stamp())
            return [self.site]
        segment_id = self.random.choice([*known, self.id()])
        self.site.save_segment(
            segment_id,
            name=f"{self.random.choice(WORDS)} {self.commands}",
            asked=self.filter(),
            text=self.random.choice(("", "zoë", "example")),
            currency="EUR",
            stamp=self.stamp(),
        )
        return [self.site]

    def filter(self) -> SegmentFilter:
        """Any filter."""
        plan, since = self.random.choice(self.plans), self.now - timedelta(days=60)
        asked: list[dict[str, Any]] = [
            {"statuses": ("member", "former")},
            {"segment": "customers", "tag": "vip"},
            {"plan_id": plan.id},
            {"joined_from": since, "spent_from": Money(100, "EUR")},
            {"joined_before": since, "spent_to": Money(9000, "EUR")},
            {"last_order_from": since, "method_country": "FR"},
            {"last_order_before": since, "segment": "possible_duplicates"},
        ]
        return SegmentFilter(**self.random.choice(asked))


def told_fully(seed: int, commands: int) -> Iterator[list[Aggregate]]:
    """The saves of a full story, one after another."""
    return tell(FullStory(Random(seed)), commands)  # noqa: S311 -- a story, not a secret
