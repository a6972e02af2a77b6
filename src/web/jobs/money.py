"""Jobs about money: what is due is charged, what broke off is taken up, what nobody paid ends."""

from __future__ import annotations

from datetime import timedelta

from ledger.billing.sweep import Sweep
from ledger.dunning import PENDING_STARTS_AHEAD, PENDS
from web.jobs.job import Run

MAY_COME_BACK = timedelta(days=35)
"""How long after it was made a refund is looked at again (OR2)."""


def resume(run: Run) -> None:
    """Take up attempts and refunds whose outcome is not known; give up what waited too long."""
    run.sweep(lambda limit, skip: run.due.undecided(limit, skip=skip), Sweep.resume)


def charge(run: Run) -> None:
    """Charge what is due: renewals, instalments, and what failed and has its day again (DU1).

    Of several missed periods only the latest (DU10): the books decide which.
    """
    now = run.now
    run.sweep(lambda limit, skip: run.due.charges(now, limit, skip=skip), Sweep.charge)


def charge_early(run: Run) -> None:
    """Begin the charges of cards whose banks may take a day to answer (DU4)."""
    now = run.now
    run.sweep(
        lambda limit, skip: run.due.early_charges(
            now, PENDING_STARTS_AHEAD, PENDS, limit, skip=skip
        ),
        Sweep.charge,
    )


def lapse(run: Run) -> None:
    """End what nobody paid for within its grace (DU1).

    A self-cancellation that takes effect needs no fact: the instant stands in the one it has.
    """
    now = run.now
    run.sweep(lambda limit, skip: run.due.lapses(now, limit, skip=skip), Sweep.lapse)


def look_at_refunds(run: Run) -> None:
    """Look again at refunds that were made and may still come back (OR2)."""
    since = run.now - MAY_COME_BACK
    run.sweep(
        lambda limit, skip: run.due.lately_refunded(since, limit, skip=skip), Sweep.look_again
    )
