"""`/metrics` for Prometheus: how schedule and views stand; to operators, and on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from web.identity.auth import parts, require, requires
from web.identity.permissions import Permission
from web.jobs.standing import JobStanding, ScheduleStanding
from web.sessions.outbox import MailFigures

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

LOOPBACK = frozenset({"127.0.0.1", "::1"})


class Standings:
    """What is asked at each scrape: it stands in the database, whichever process answers."""

    def collect(self) -> Iterator[Metric]:
        """Every metric; none names a person."""
        from prometheus_client.core import GaugeMetricFamily

        found, fresh = ScheduleStanding.of(parts()), parts().views.freshness()
        inbox, post = parts().inbox, parts().desk.outbox.figures()
        for name, said, value in (
            ("ledger_schedule_led", "Whether a worker leads the schedule", int(found.is_led)),
            ("ledger_views_position", "The last fact that the views have read", fresh.position),
            ("ledger_views_lag", "Facts that the views have not read", fresh.lag),
            ("ledger_views_age_seconds", "How long the first of them waits", fresh.age_seconds),
            ("ledger_inbox_dead", "Notices that are left to a person", inbox.given_up()),
            ("ledger_inbox_unanswered", "Notices without answer for a day", inbox.unanswered()),
            ("ledger_mails_waiting", "Mails that are to be sent", post.waiting),
            ("ledger_mails_failed", "Those of them that failed before", post.failed),
            ("ledger_mails_age_seconds", "How long the first of them waits", _age(post)),
            (
                "ledger_mails_unknown",
                "Mails that were perhaps sent: left to a person",
                post.unknown,
            ),
            ("ledger_mails_given_up", "Mails that were given up in a day", post.given_up),
            ("ledger_mails_bounced", "Mails that came back in a day", post.bounced),
            ("ledger_mail_server_up", "Whether the server answers", int(not post.silent_from)),
        ):
            yield GaugeMetricFamily(name, said, value)
        yield from _of_jobs([job for job in found.jobs if job.state is not None])


def blueprint() -> Blueprint:
    """The one page."""
    metrics = Blueprint("metrics", __name__)

    @metrics.get("/metrics")
    @requires(Permission.PUBLIC)
    def read_metrics() -> Response:
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.exposition import CONTENT_TYPE_LATEST

        if not _is_from_here():
            require(Permission.READ_VIEWS)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(Standings())
        answer = Response(generate_latest(registry))
        answer.headers["Content-Type"] = CONTENT_TYPE_LATEST
        return answer

    return metrics


def _of_jobs(jobs: list[JobStanding]) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    began = GaugeMetricFamily(
        "ledger_job_began_timestamp_seconds", "When the job last began", labels=["job"]
    )
    took = GaugeMetricFamily(
        "ledger_job_duration_seconds", "How long its last run took", labels=["job"]
    )
    runs = CounterMetricFamily("ledger_job_runs", "Runs", labels=["job"])
    failures = CounterMetricFamily(
        "ledger_job_failures", "Runs in which something went wrong", labels=["job"]
    )
    items = CounterMetricFamily(
        "ledger_job_items", "Items, by what they came to", labels=["job", "outcome"]
    )
    left = GaugeMetricFamily(
        "ledger_job_left", "Facts that it could not work on yet", labels=["job"]
    )
    for job in jobs:
        if (state := job.state) is None:
            continue
        began.add_metric([job.name], state.began_at.timestamp())
        took.add_metric([job.name], state.milliseconds / 1000)
        runs.add_metric([job.name], state.runs)
        failures.add_metric([job.name], state.failures)
        left.add_metric([job.name], len(state.left_facts))
        for outcome, count in sorted(state.total.items()):
            items.add_metric([job.name, outcome], count)
    yield from (began, took, runs, failures, left, items)


def _age(post: MailFigures) -> float:
    if post.oldest_at is None:
        return 0
    return (parts().desk.outbox.clock.now() - post.oldest_at).total_seconds()


def _is_from_here() -> bool:
    """Whether a program on this machine asks; not somebody whom a proxy here speaks for.

    A site with an address of its own may lie behind one.
    """
    direct = parts().settings.base_url is None and not any(
        name.startswith(("X-Forwarded", "Forwarded", "Via")) for name, _ in request.headers
    )
    return direct and (request.remote_addr or "") in LOOPBACK
