"""Jobs that let people be told: reminders, other prices, and what has happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from ledger import ids
from ledger.billing.news import Colleague, News, colleague
from ledger.billing.reminders import REMINDED_BEFORE, TOLD_BEFORE, Reminders
from ledger.facts import Cause
from ledger.store.records import FactRecord
from projections.queries.due import DueMembership, PriceMove
from web.jobs.job import EPOCH, Run
from web.parts import Parts
from web.sessions.job_runs import JobRun, JobRuns

NEWS = "news"
READ_AT_ONCE = 5_000
FIRST_LOOKS_BACK = timedelta(days=1)
"""How old a fact may be of which people are told where nobody was told of any before."""


def remind(run: Run) -> None:
    """Tell who is about to be charged after half a year or more, or after a free start (DU8)."""
    now, own = run.now, Reminders(run.parts.ledger)
    run.pages(
        lambda limit, skip: run.due.reminders(now, now + REMINDED_BEFORE, limit, skip=skip),
        _each(run, own.remind, "reminded"),
    )


def tell_prices(run: Run) -> None:
    """Tell who is about to renew at another price (PL4)."""
    now, own = run.now, Reminders(run.parts.ledger)
    for move in _moves(run, own):
        run.pages(
            lambda limit, skip, move=move: run.due.price_moves(  # type: ignore[misc]
                move, now, now + TOLD_BEFORE, limit, skip=skip
            ),
            _each(run, own.tell_price, "told"),
        )


def tell_news(run: Run) -> None:
    """Tell members and staff of what happened: joined, paid, failed, cancelled, refunded; once.

    It reads the books from where it left off; whom it had told before it broke off stays told, and
    what can't be told is tried again until it can. At first it leaves out what is long ago: nobody
    wants to hear of each payment of past years.
    """
    recorder, tell = run.parts.recorder, _Telling(run, News(run.parts.ledger), _staff(run)).of
    for position in run.left_until_now():
        tell(recorder.read(position - 1, 1)[:1])
    if not run.mark:
        horizon = recorder.horizon()
        topics = sorted(News(run.parts.ledger).topics)
        tell(recorder.recorded_since(run.now - FIRST_LOOKS_BACK, topics))
        run.move_mark(horizon)
    while records := recorder.read(run.mark, READ_AT_ONCE):
        tell(records)
        run.move_mark(records[-1].position)


def tell_from_now_on(parts: Parts) -> None:
    """Nobody is told of what is in the books by now, as of the past of a demonstration."""
    now = parts.clock.now()
    JobRuns(parts.pool).record(
        [
            JobRun(
                name=NEWS,
                slot=EPOCH,
                done_up_to=EPOCH,
                holder=ids.new(),
                began_at=now,
                ended_at=now,
                milliseconds=0,
                mark=parts.recorder.horizon(),
            )
        ]
    )


@dataclass(frozen=True)
class _Telling:
    run: Run
    news: News
    staff: Sequence[Colleague]

    def of(self, records: Iterable[FactRecord]) -> None:
        """Tell of those among some facts of which anybody is told, each alone."""
        for record in records:
            if record.topic in self.news.topics:
                with self.run.on_fact(record.position, record.stream_id):
                    self.run.count("told", self._one(record))

    def _one(self, record: FactRecord) -> int:
        (fact,) = self.run.parts.ledger.opened([record])
        cause = Cause(kind="job", id=ids.derived(self.run.cause.id, fact.fact_id))
        return self.news.tell(fact, self.staff, cause=cause)


def _each(
    run: Run, tell: Callable[..., int], outcome: str
) -> Callable[[Iterable[DueMembership]], None]:
    def all_of(found: Iterable[DueMembership]) -> None:
        for stay in found:
            cause = Cause(kind="job", id=ids.derived(run.cause.id, stay.membership_id))
            with run.alone(stay.membership_id):
                tell(stay.member_id, stay.membership_id, cause=cause)
                run.count(outcome)

    return all_of


def _moves(run: Run, own: Reminders) -> Iterable[PriceMove]:
    for plan in run.parts.queries.plans.all():
        moving = [price for price in plan.prices if price.effective_for_existing_from is not None]
        facts: dict[int, str] = own.price_facts(plan.plan_id) if moving else {}
        for price in moving:
            if price.version in facts and price.effective_for_existing_from is not None:
                effective, because_of = price.effective_for_existing_from, facts[price.version]
                yield PriceMove(plan.plan_id, price.version, effective, because_of)


def _staff(run: Run) -> list[Colleague]:
    """Everybody who is told what happens, as the books have them now."""
    rows = run.parts.queries.contributors.all()
    found = [colleague(run.parts.ledger, row.contributor_id) for row in rows if not row.removed_at]
    return [one for one in found if one is not None]
