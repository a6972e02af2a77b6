"""The demo's story: months of sign-ups, charges, failures and endings, day by day.

The same members, months, seed and last day tell the same story: every id is derived from the
seed, every instant from the virtual clock.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush
from uuid import UUID

from ledger import ids
from ledger.application import Known, Ledger
from ledger.billing.collection import Collected, Collection
from ledger.clock import VirtualClock
from ledger.errors import Refused
from ledger.facts import Actor, Cause
from ledger.order import Order
from ledger.payments.sandbox import Sandbox
from ledger.payments.sandbox_books import SandboxBatch
from web.demo import catalogue
from web.demo.people import DECLINED_CARDS, Person, own_card, person

MINUTES_A_DAY = 1440
TAGS = ("press", "volunteer", "board", "workshop", "2025 fair")

# How likely things are, in a life of the story.
LOOKS_ONLY, JOINS_TWICE, HAS_A_CODE, CARD_DECLINED = 0.03, 0.08, 0.15, 0.04
IS_TAGGED, IS_NOTED = 0.12, 0.05
STOPS, THINKS_AGAIN, IS_REMOVED, COMES_BACK = 0.22, 0.15, 0.05, 0.25
MENDS, IS_REFUNDED, WHOLE_REFUND = 0.2, 0.06, 0.5

STAFF = Actor(kind="machine")
SCHEDULER = Actor(kind="scheduler")

Due = tuple[datetime, int, Callable[[], None]]


class SiteNotEmpty(Refused):
    """The demo needs empty books: this site has plans already."""

    code = "site_not_empty"


@dataclass
class DemoReport:
    """How much happened."""

    members: int = 0
    joins: int = 0
    charges: int = 0
    failures: int = 0
    refunds: int = 0
    endings: int = 0
    days: int = 0


class Story:
    """Tells one story; holds what is due next."""

    def __init__(self, ledger: Ledger, sandbox: Sandbox, clock: VirtualClock, *, seed: int) -> None:
        self.ledger, self.clock = ledger, clock
        self.sandbox = sandbox
        self.collection = Collection(ledger, sandbox)
        self.namespace = ids.derived(ids.SITE, "demo", seed)
        self.dice = random.Random(seed)  # noqa: S311 -- a story, no secret
        self.report = DemoReport()
        self.plan_ids: dict[str, UUID] = {}
        self._due: list[Due] = []
        self._acts = 0
        self._known = Known()

    def run(self, *, members: int, until: datetime, progress: Callable[[int], None]) -> None:
        """Live through every day from the clock's to the last; `progress` hears the days so far."""
        opened_at = self.clock.now()
        self.plan_ids = catalogue.build(self.ledger, self.namespace, opened_at, by=STAFF)
        days = max(1, (until - opened_at).days)
        minutes = sorted(self.dice.randrange(days * MINUTES_A_DAY) for _ in range(members))
        arrivals = deque(enumerate(minutes))
        with self.sandbox.batch() as shelf:
            for day in range(1, days + 1):
                with self._saved_together(shelf):
                    while arrivals and arrivals[0][1] < day * MINUTES_A_DAY:
                        number, minute = arrivals.popleft()
                        self._live_until(opened_at + timedelta(minutes=minute))
                        self._arrive(person(self.dice, self.namespace, number))
                    self._live_until(opened_at + timedelta(days=day))
                self.report.days = day
                progress(day)
        catalogue.wind_up(self.ledger, self.namespace, self.plan_ids, by=STAFF)

    # --- time -------------------------------------------------------------------------

    @contextmanager
    def _saved_together(self, sandbox: SandboxBatch) -> Iterator[None]:
        with self.ledger.batch(known=self._known):
            yield
            # The sandbox's side is written first: the books never say more than it knows.
            sandbox.flush()
        self._known.put_away(Order)  # one is hardly asked for again, and there are many

    def _live_until(self, instant: datetime) -> None:
        while self._due and self._due[0][0] <= instant:
            due_at, _, act = heappop(self._due)
            self.clock.advance_to(max(due_at, self.clock.now()))
            act()
        self.clock.advance_to(max(instant, self.clock.now()))

    def _later(self, instant: datetime, act: Callable[[], None]) -> None:
        self._acts += 1
        heappush(self._due, (instant, self._acts, act))

    def _in_days(self, least: int, most: int, act: Callable[[], None]) -> None:
        minutes = self.dice.randrange(least * MINUTES_A_DAY, most * MINUTES_A_DAY)
        self._later(self.clock.now() + timedelta(minutes=minutes), act)

    def _cause(self, kind: str = "request") -> Cause:
        self._acts += 1
        made = ids.derived(self.namespace, "cause", self._acts)
        return Cause(kind=kind, id=made)  # type: ignore[arg-type]

    # --- people -----------------------------------------------------------------------

    def _arrive(self, who: Person) -> None:
        by = Actor(kind="member", id=who.member_id)
        self.ledger.open_account(
            who.member_id,
            email=who.email,
            name=who.name,
            locale=who.locale,
            by=by,
            cause=self._cause(),
        )
        self.ledger.verify_email(who.member_id, by=by, cause=self._cause())
        self.report.members += 1
        if self.dice.random() < LOOKS_ONLY:
            return  # an account without a plan
        self._join(who)
        if self.dice.random() < JOINS_TWICE:
            self._in_days(1, 60, lambda: self._join(who))
        self._write(who)

    def _write(self, who: Person) -> None:
        member_id = who.member_id
        if self.dice.random() < IS_TAGGED:
            tag = self.dice.choice(TAGS)
            self.ledger.tag(member_id, tag, by=STAFF, cause=self._cause())
        if self.dice.random() < IS_NOTED:
            cause = self._cause()
            note_id = ids.derived(cause.id, "note")
            text = "Met at the fair; wants an invoice by post."
            self.ledger.write_note(member_id, note_id, text, by=STAFF, cause=cause)

    def _join(self, who: Person) -> None:
        choices = [p for p in catalogue.plans(self.ledger.rules.currency) if p.weight]
        plan = self.dice.choices(choices, [p.weight for p in choices])[0]
        roll = self.dice.random()
        code = self.dice.choice(catalogue.CODES).code if roll < HAS_A_CODE else None
        card = self.dice.choice(DECLINED_CARDS) if roll > 1 - CARD_DECLINED else who.card
        cause = self._cause()
        try:
            joined = self.collection.join(
                who.member_id,
                self.plan_ids[plan.slug],
                method_token=card if plan.terms.takes_money else None,
                discount_code=code,
                by=Actor(kind="member", id=who.member_id),
                cause=cause,
            )
        except Refused:
            return  # the code is used up or expired, a free start lacks a card: they give up
        if joined.outcome not in {"settled", "nothing_to_collect"}:
            self.report.failures += 1
            return
        self.report.joins += 1
        membership_id = ids.derived(cause.id, "membership")
        self._follow(who, membership_id)
        self._plan_a_fate(who, membership_id, joined)

    def _follow(self, who: Person, membership_id: UUID) -> None:
        """See to the next charge, retry or lapse of a membership."""
        membership = self.ledger.member(who.member_id).membership(membership_id)
        if membership.ended_at is not None or membership.cancelled_at is not None:
            return
        if membership.is_unpaid:
            over_at = membership.access_until or self.clock.now()
            self._later(over_at, lambda: self._lapse(who, membership_id))
        due_at = membership.retry_at if membership.is_unpaid else membership.period_end
        if due_at is not None:
            self._later(due_at, lambda: self._charge(who, membership_id))

    def _charge(self, who: Person, membership_id: UUID, *, mended: bool = False) -> None:
        membership = self.ledger.member(who.member_id).membership(membership_id)
        now = self.clock.now()
        if not membership.is_running(now) or membership.cancelled_at is not None:
            return
        due_at = membership.retry_at if membership.is_unpaid else membership.period_end
        if not mended and (due_at is None or now < due_at):
            return
        charged = self.collection.charge_due(who.member_id, membership_id, cause=self._cause("job"))
        self.report.charges += 1
        self.report.failures += charged.outcome == "declined"
        if charged.outcome == "declined" and self.dice.random() < MENDS:
            self._in_days(1, 4, lambda: self._mend(who, membership_id))
        self._follow(who, membership_id)

    def _mend(self, who: Person, membership_id: UUID) -> None:
        """The member brings another card, and what is due is charged with it."""
        membership = self.ledger.member(who.member_id).membership(membership_id)
        if not membership.is_running(self.clock.now()) or not membership.is_unpaid:
            return
        self.collection.save_method(
            who.member_id,
            method_token=own_card("pm_card_mastercard", who.member_id),
            by=Actor(kind="member", id=who.member_id),
            cause=self._cause(),
        )
        self._charge(who, membership_id, mended=True)

    def _lapse(self, who: Person, membership_id: UUID) -> None:
        before = self.ledger.member(who.member_id).membership(membership_id).ended_at
        self.ledger.lapse(who.member_id, membership_id, by=SCHEDULER, cause=self._cause("job"))
        after = self.ledger.member(who.member_id).membership(membership_id).ended_at
        if before is None and after is not None:
            self._ended(who)

    # --- endings ----------------------------------------------------------------------

    def _plan_a_fate(self, who: Person, membership_id: UUID, joined: Collected) -> None:
        roll = self.dice.random()
        if roll < STOPS:
            self._in_days(5, 200, lambda: self._stop(who, membership_id))
        elif roll < STOPS + IS_REMOVED:
            self._in_days(2, 120, lambda: self._remove(who, membership_id))
        if joined.outcome == "settled" and self.dice.random() < IS_REFUNDED:
            self._in_days(1, 40, lambda: self._refund(joined.order_id))

    def _stop(self, who: Person, membership_id: UUID) -> None:
        by = Actor(kind="member", id=who.member_id)
        membership = self.ledger.member(who.member_id).membership(membership_id)
        if not membership.is_running(self.clock.now()):
            return
        if membership.terms.model == "free":
            self.ledger.leave(who.member_id, membership_id, by=by, cause=self._cause())
            self._ended(who)
        elif membership.terms.model == "recurring" and membership.cancelled_at is None:
            self.ledger.self_cancel(who.member_id, membership_id, by=by, cause=self._cause())
            if self.dice.random() < THINKS_AGAIN:
                self._in_days(0, 5, lambda: self._go_on(who, membership_id))
            else:
                self._ended(who)

    def _go_on(self, who: Person, membership_id: UUID) -> None:
        by = Actor(kind="member", id=who.member_id)
        membership = self.ledger.member(who.member_id).membership(membership_id)
        if membership.is_running(self.clock.now()) and membership.cancelled_at is not None:
            self.ledger.withdraw_cancellation(
                who.member_id, membership_id, by=by, cause=self._cause()
            )
            self._follow(who, membership_id)

    def _remove(self, who: Person, membership_id: UUID) -> None:
        membership = self.ledger.member(who.member_id).membership(membership_id)
        if membership.is_running(self.clock.now()):
            self.ledger.remove_memberships(
                who.member_id,
                [membership_id],
                "Asked at the desk.",
                by=STAFF,
                cause=self._cause(),
            )
            self._ended(who)

    def _ended(self, who: Person) -> None:
        self.report.endings += 1
        if self.dice.random() < COMES_BACK:
            self._in_days(10, 120, lambda: self._join(who))

    def _refund(self, order_id: UUID) -> None:
        refundable = self.ledger.order(order_id).refundable
        if refundable.is_zero:
            return
        whole = self.dice.random() < WHOLE_REFUND
        amount = refundable if whole else refundable.split(2)[0]
        self.collection.refund(
            order_id, amount, "Not what they expected.", by=STAFF, cause=self._cause()
        )
        self.report.refunds += 1


def tell(
    ledger: Ledger,
    sandbox: Sandbox,
    clock: VirtualClock,
    *,
    members: int,
    until: datetime,
    seed: int,
    progress: Callable[[int], None],
) -> DemoReport:
    """Fill empty books with a story that ends at `until`; the ledger must run on `clock`.

    Raises SiteNotEmpty if the site has plans already.
    """
    if ledger.taken_slots("plan_slot"):
        raise SiteNotEmpty
    story = Story(ledger, sandbox, clock, seed=seed)
    story.run(members=members, until=until, progress=progress)
    return story.report
