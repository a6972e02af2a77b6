"""The list of jobs: to add one, write a function of a run and a line here."""

from __future__ import annotations

from datetime import timedelta

from web.jobs import acting, campaigns, letters, money, notices_in, posting, telling, upkeep
from web.jobs.job import Job

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TWO_AT_NIGHT = timedelta(hours=2)

JOBS = (
    # On the way through time all notices are fetched: to post each would take as long as the rest.
    Job("post", 10 * SECOND, notices_in.post, travels=False),
    Job("missed notices", 15 * MINUTE, notices_in.fetch),
    Job("inbox", 5 * SECOND, notices_in.work),
    # Told before charged, where both are due: a moved price is told first (PL4).
    Job("prices", 5 * MINUTE, telling.tell_prices),
    Job("reminders", HOUR, telling.remind),
    Job("attempts", MINUTE, money.resume),
    Job("early charges", 15 * MINUTE, money.charge_early),
    Job("charges", MINUTE, money.charge),
    Job("lapses", MINUTE, money.lapse),
    Job(telling.NEWS, MINUTE, telling.tell_news, reads=True),
    Job("letters", MINUTE, letters.send_letters),
    # The world outside lives in the machine's time, wherever a test site's clock is moved.
    Job("posting", 5 * SECOND, posting.post_mails, travels=False),
    Job("messages", MINUTE, campaigns.send_messages),
    Job("acts", 5 * SECOND, acting.carry_on_acts, travels=False),
    Job("refunds", DAY, money.look_at_refunds, after=TWO_AT_NIGHT),
    Job("reconciliation", DAY, notices_in.reconcile, after=TWO_AT_NIGHT, alone=True),
    Job("old notices", DAY, notices_in.forget, after=TWO_AT_NIGHT),
    Job("check", MINUTE, upkeep.check, travels=False),
    Job("purge", HOUR, upkeep.purge, travels=False),
)
"""In the order in which they run where several are due."""
