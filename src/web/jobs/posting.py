"""The job that hands mails over to the mail server."""

from __future__ import annotations

from web.jobs.job import Run
from web.mails.post_office import send_due


def post_mails(run: Run) -> None:
    """Send the mails that are due, each once or reported (NO2)."""
    posted = send_due(run.parts, cause=run.cause, before_each=run.lead.require)
    for outcome, times in posted.outcomes.items():
        run.count(outcome, times)
    run.broken += posted.broken
