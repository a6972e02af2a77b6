"""The job that sends letters: of what is about to be charged, and of what failed."""

from __future__ import annotations

from web.jobs.job import Run
from web.mails.notice_letters import send_waiting


def send_letters(run: Run) -> None:
    """Put the letters that wait for it in the mailbox, each once (DU2, DU3, DU8, PL4)."""
    sent = send_waiting(run.parts, cause=run.cause, before_each=run.lead.require)
    run.count("sent", sent.letters)
    run.count("written", sent.written)
    run.count("not told", sent.not_told)
    run.broken += sent.broken
