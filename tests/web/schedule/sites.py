"""The site that tests of the schedule are about: people who join, and time that passes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from ledger import ids
from ledger.billing.dues import Dues
from ledger.billing.outcomes import Collected
from ledger.clock import VirtualClock
from ledger.discount import DiscountRules
from ledger.dunning import DunningPolicy
from ledger.facts import Actor, Cause
from ledger.member import Membership
from ledger.money import Money
from ledger.terms import Terms, Unit
from projections.queries.due import DueQueries, MissedPeriods
from web.jobs.every import JOBS
from web.jobs.job import AlwaysLeads
from web.jobs.runner import Ran, Runner
from web.jobs.travelling import Traveller
from web.parts import Parts
from web.running.first_start import make_owner
from web.sessions.job_runs import JobState

JANUARY = datetime(2026, 1, 31, 10, tzinfo=UTC)
MACHINE = Actor(kind="machine")
INDIAN, INDIAN_DECLINED = "pm_card_in", "pm_card_inDeclined"
VISA, MASTERCARD = "pm_card_visa", "pm_card_mastercard"
DECLINES_LATER = "pm_card_chargeCustomerFail"
ASKS_THE_PERSON = "pm_card_authenticationRequired"
MONEY = ("attempts", "early charges", "charges", "lapses")
"""The jobs that charge and end."""
TELLING = ("prices", "reminders", "news", "letters")
"""Those that let people be told. The rest has tests of its own, and takes its time."""
NEEDS_A_MANDATE = "pm_card_mandateInvalid"


def cause() -> Cause:
    """A request of its own."""
    return Cause(kind="request", id=ids.new())


def eur(minor: int) -> Money:
    """Cents of euros."""
    return Money(minor, "EUR")


def every(unit: Unit, count: int = 1, amount: int = 1_200) -> Terms:
    """A recurring price."""
    return Terms(model="recurring", amount=eur(amount), unit=unit, every=count)


@dataclass
class Stay:
    """Somebody and one of their memberships."""

    member_id: UUID
    membership_id: UUID
    plan_id: UUID
    site: Site

    @property
    def now(self) -> Membership:
        """As the books have it."""
        return self.site.parts.ledger.member(self.member_id).membership(self.membership_id)

    @property
    def billing(self) -> str:
        """How it is paid for."""
        return self.now.billing

    @property
    def person(self) -> Actor:
        """The member, acting for themself."""
        return Actor(kind="member", id=self.member_id)

    @property
    def opens(self) -> bool:
        """Whether the content is open to them at this moment."""
        return self.site.parts.ledger.access(self.member_id, self.plan_id).allowed

    def cancel(self) -> None:
        """The member stops renewal."""
        self.site.parts.ledger.self_cancel(
            self.member_id, self.membership_id, by=self.person, cause=cause()
        )

    def withdraw(self) -> None:
        """The member wants to go on after all."""
        self.site.parts.ledger.withdraw_cancellation(
            self.member_id, self.membership_id, by=self.person, cause=cause()
        )

    def remove(self) -> None:
        """Staff remove them."""
        self.site.parts.ledger.remove_memberships(
            self.member_id, [self.membership_id], "rude", by=MACHINE, cause=cause()
        )

    def bring(self, card: str) -> None:
        """The member saves another card, with which what is due is charged at once."""
        collection = self.site.parts.collection
        saved = collection.save_method(
            self.member_id, method_token=card, by=self.person, cause=cause()
        )
        assert saved.status == "succeeded"
        Dues(collection).pay_all(self.member_id, by=self.person, cause=cause())

    def order(self, index: int) -> UUID:
        """The id of the order of their nth charge."""
        return ids.order(self.membership_id, index)

    def told(self, kind: str) -> int:
        """How many notices of a kind the member was sent."""
        return self.site.told(kind, self.member_id)


@dataclass
class Site:
    """Parts on a virtual clock, with the jobs of the schedule."""

    parts: Parts
    clock: VirtualClock
    dsn: str
    catch_up: Callable[[], None]
    ran: list[Ran] = field(default_factory=list)

    # --- given ------------------------------------------------------------------------

    def plan(self, terms: Terms | None = None) -> UUID:
        """An open plan; twelve euros a month unless told."""
        plan_id, ledger = ids.new(), self.parts.ledger
        ledger.draft_plan(plan_id, name="Gold", description="", by=MACHINE, cause=cause())
        ledger.set_price(plan_id, terms or every("month"), by=MACHINE, cause=cause())
        ledger.open_plan(plan_id, by=MACHINE, cause=cause())
        return plan_id

    def code(self, text: str, **rules: Any) -> None:
        """A discount code."""
        self.parts.ledger.make_discount(
            ids.new(), code=text, rules=DiscountRules(**rules), by=MACHINE, cause=cause()
        )

    def person(self) -> UUID:
        """Somebody with an account."""
        member_id = ids.new()
        self.parts.ledger.open_account(
            member_id,
            email=f"{member_id.hex}@example.org",
            name="Ada",
            locale="en",
            by=Actor(kind="member", id=member_id),
            cause=cause(),
        )
        return member_id

    def try_to_join(
        self, member_id: UUID, plan_id: UUID, card: str | None, code: str | None = None
    ) -> Collected:
        """Somebody tries to join a plan."""
        return self.parts.collection.join(
            member_id,
            plan_id,
            method_token=card,
            discount_code=code,
            by=Actor(kind="member", id=member_id),
            cause=cause(),
        )

    def join(
        self, card: str | None = VISA, terms: Terms | None = None, code: str | None = None
    ) -> Stay:
        """Somebody joins a plan of their own."""
        member_id, plan_id = self.person(), self.plan(terms)
        self.try_to_join(member_id, plan_id, card, code)
        membership_id = next(iter(self.parts.ledger.member(member_id).memberships))
        return Stay(member_id, membership_id, plan_id, self)

    def found(self) -> UUID:
        """The site has an owner."""
        make_owner(self.parts)
        self.catch_up()
        (owner,) = self.parts.queries.contributors.all()
        return owner.contributor_id

    def keep_to(self, policy: DunningPolicy) -> None:
        """Another dunning policy from now on."""
        rules = replace(self.parts.ledger.rules, policy=policy)
        self.parts.ledger.rules = rules

    # --- when -------------------------------------------------------------------------

    def live(self, days: float = 0, *, hours: float = 0, step_hours: float = 12) -> dict[str, int]:
        """Time passes and the jobs run; what those about money did, by outcome. Nothing broke."""
        target = self.clock.now() + timedelta(days=days, hours=hours)
        return self.live_until(target, step_hours=step_hours)

    def live_until(self, target: datetime, *, step_hours: float = 12) -> dict[str, int]:
        """The same, up to an instant."""
        jobs = [job for job in JOBS if job.name in (*MONEY, *TELLING)]
        traveller = Traveller(self.parts, self.clock, AlwaysLeads(), self.catch_up, jobs=jobs)
        before = self._totals()
        traveller.go(target, step=timedelta(hours=step_hours))
        self.catch_up()
        after = self._totals()
        wrong = [(state.name, state.error) for state in self.states() if state.failures]
        assert wrong == []
        return dict(after - before)

    def sleep(self, days: float) -> None:
        """Time passes and nobody runs anything."""
        self.clock.advance(timedelta(days=days))

    def run(self, name: str) -> dict[str, int]:
        """One job runs now."""
        job = next(job for job in JOBS if job.name == name)
        self.catch_up()
        runner = Runner(self.parts, AlwaysLeads())
        ran = runner.work(job, job.slot(self.clock.now()))
        runner.keep([ran])
        assert ran.error is None
        assert not ran.run.broken
        return dict(ran.run.outcomes)

    # --- then -------------------------------------------------------------------------

    def topics(self, stream_id: UUID) -> list[str]:
        """What happened, by stored names."""
        return [fact.TOPIC for fact in self.parts.ledger.facts_of(stream_id)]

    def told(self, kind: str, recipient_id: UUID) -> int:
        """How many notices of a kind somebody was sent."""
        with self.parts.pool.connection() as connection:
            row = connection.execute(
                "SELECT count(*) FROM notices WHERE kind = %s AND recipient_id = %s",
                (kind, recipient_id),
            ).fetchone()
        return int(row[0]) if row else 0

    def missed(self) -> list[MissedPeriods]:
        """Periods that were passed over."""
        return DueQueries(self.parts.pool).missed(JANUARY, 10)

    def moved(self) -> Money:
        """What the payment company holds of ours, fees apart."""
        movements = self.parts.sandbox.list_movements(
            since=datetime.min.replace(tzinfo=UTC), until=datetime.max.replace(tzinfo=UTC)
        )
        return sum((one.amount for one in movements if one.kind != "fee"), eur(0))

    def states(self) -> list[JobState]:
        """How every job ran."""
        return Runner(self.parts, AlwaysLeads()).runs.all()

    def _totals(self) -> Counter[str]:
        own = (Counter(state.total) for state in self.states() if state.name in MONEY)
        return sum(own, Counter[str]())
