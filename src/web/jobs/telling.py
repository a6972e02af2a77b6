"""Jobs that let people be told: reminders, other prices, failures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import cast

from ledger import ids
from ledger.billing.reminders import (
    REMINDED_BEFORE,
    TOLD_BEFORE,
    TOLD_OF_FAILURES,
    Colleague,
    Reminders,
)
from ledger.facts import Cause
from ledger.member.facts import ActionRequired
from ledger.notification import Locale, Recipient
from ledger.order.facts import AttemptAbandoned, PaymentFailed
from ledger.store.records import FactRecord
from projections.queries.due import DueMembership, PriceMove
from web.jobs.job import Run

READ_AT_ONCE = 5_000
FIRST_LOOKS_BACK = timedelta(days=1)
"""How old a failure may be of which people are told where nobody was told of any before."""


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


def tell_failures(run: Run) -> None:
    """Tell member and contributors of each renewal or instalment that failed unseen, once (DU2).

    It reads the books from where it left off; whom it had told before it broke off stays told, and
    what can't be told is tried again until it can. At first it leaves out what is long ago: nobody
    wants to hear of each failure of past years.
    """
    own, recorder = Reminders(run.parts.ledger), run.parts.recorder
    tells = {
        PaymentFailed.TOPIC: own.tell_failure,
        AttemptAbandoned.TOPIC: own.tell_failure,
        ActionRequired.TOPIC: own.tell_action,
    }
    tell = partial(_tell_of, run, tells, _staff(run))
    for position in run.left_until_now():
        tell(recorder.read(position - 1, 1)[:1])
    if not run.mark:
        horizon = recorder.horizon()
        tell(recorder.recorded_since(run.now - FIRST_LOOKS_BACK, [*tells]))
        run.move_mark(horizon)
    while records := recorder.read(run.mark, READ_AT_ONCE):
        tell(records)
        run.move_mark(records[-1].position)


def _tell_of(
    run: Run,
    tells: Mapping[str, Callable[..., int]],
    staff: Sequence[Colleague],
    records: Iterable[FactRecord],
) -> None:
    for record in records:
        if record.topic in tells:
            fact_id = f"{record.stream_id}/{record.version}"
            cause = Cause(kind="job", id=ids.derived(run.cause.id, fact_id))
            with run.on_fact(record.position, record.stream_id):
                told = tells[record.topic](record.stream_id, fact_id, staff, cause=cause)
                run.count("told", told)


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
    told: list[Colleague] = []
    for row in run.parts.queries.contributors.all():
        role = next((role for role in TOLD_OF_FAILURES if role in row.roles), None)
        if role is not None:
            recipient = Recipient(kind="contributor", id=row.contributor_id, role=role)
            told.append((recipient, cast("Locale", row.locale)))
    return told
