"""The job that sends letters: to members whose payment failed, with the link that mends it."""

from __future__ import annotations

from web.jobs.job import Run
from web.recovery import send_waiting


def send_failure_letters(run: Run) -> None:
    """Put the letters that wait for it in the mailbox, each once (DU2, DU3)."""
    sent = send_waiting(run.parts, cause=run.cause, before_each=run.lead.require)
    run.count("sent", sent)
