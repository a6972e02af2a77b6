"""Jobs about what the payment company tells: fetched where it got lost, and worked off."""

from __future__ import annotations

from ledger.billing.inbox import AT_ONCE
from ledger.payments.gateway import Delivery, NoticeRejected
from ledger.payments.sandbox import Sandbox
from web.jobs.job import Run
from web.payments.reconciling import by_schedule


def post(run: Run) -> None:
    """Let the sandbox post its notices, as a real company does by itself."""
    gateway, inbox = run.parts.collection.gateway, run.parts.inbox

    def deliver(delivery: Delivery) -> bool:
        run.lead.require()
        try:
            run.count(inbox.receive(delivery.raw, delivery.headers))
        except NoticeRejected:
            run.count("rejected")
        return True

    if isinstance(gateway, Sandbox):
        gateway.post(deliver)


def fetch(run: Run) -> None:
    """Fetch notices that were never posted to us, or got lost."""
    run.count("fetched", run.parts.inbox.catch_up())


def work(run: Run) -> None:
    """Make facts of the notices that wait, as far as the payment company answers."""
    taken = AT_ONCE
    while taken == AT_ONCE and not run.is_silent:
        run.lead.require()
        report = run.parts.inbox.work()
        run.outcomes.update(report.outcomes)
        run.is_silent, taken = report.is_silent, report.outcomes.total()


def forget(run: Run) -> None:
    """Let go of what was sent long ago and is done."""
    run.count("forgotten", run.parts.inbox.forget_bodies())


def reconcile(run: Run) -> None:
    """Hold the books against the payment company's own list of what moved."""
    report = by_schedule(run.parts)
    run.count("mended", report.receipt.mended)
    run.count("differences", len(report.found))
    run.count("open", len(report.open))
