"""The job that sends messages to mailing lists."""

from __future__ import annotations

from web.jobs.job import Run
from web.mails.campaign_sending import Sending, waiting


def send_messages(run: Run) -> None:
    """Put each message that waits in the box of everybody who agreed to it, once (NO4)."""
    for list_id, message_id in waiting(run.parts):
        with run.alone(message_id):
            for outcome in Sending(run.parts, list_id, message_id, alone=run.alone).send():
                run.count(outcome)
