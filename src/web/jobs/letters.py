"""The job that sends letters: a payment failed, to its member and to who runs the site."""

from __future__ import annotations

from web.jobs.job import Run
from web.mails.failure_letters import send_waiting


def send_failure_letters(run: Run) -> None:
    """Put the letters that wait for it in the mailbox, each once (DU2, DU3)."""
    sent = send_waiting(run.parts, cause=run.cause, before_each=run.lead.require)
    run.count("sent", sent.letters)
    run.broken += sent.broken
