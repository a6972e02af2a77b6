"""`ledger schedule`: what the worker's jobs did last."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from web.cli.context import counted, opened

if TYPE_CHECKING:
    from datetime import timedelta

    from web.jobs.standing import JobStanding

UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a job and line.")
def schedule(*, as_json: bool) -> None:
    """The schedule: each job's last run, how long it took, what it did and what went wrong."""
    from web.jobs.standing import ScheduleStanding

    with opened() as (_settings, _dsn, parts):
        found = ScheduleStanding.of(parts)
    if as_json:
        for job in found.jobs:
            click.echo(json.dumps(asdict(job), default=str))
        return
    click.echo("A worker leads." if found.is_led else "No worker leads: nothing runs.")
    heads = ("every", "last began (UTC)", "seconds", "runs", "failed")
    click.echo(_line("job", *heads) + "  last did")
    for job in found.jobs:
        click.echo(_told(job))


def _told(job: JobStanding) -> str:
    if job.state is None:
        return _line(job.name, _span(job.every), "never", "", "", "")
    state = job.state
    seconds = "running" if state.ended_at is None else f"{state.milliseconds / 1000:.2f}"
    began = f"{state.began_at:%Y-%m-%d %H:%M:%S}"
    did = ", ".join(f"{count} {name}" for name, count in sorted(state.outcomes.items()))
    line = _line(job.name, _span(job.every), began, seconds, state.runs, state.failures)
    if left := len(state.left_facts):
        did = f"{did or '-'}; {counted(left, 'fact')} left to try again"
    wrong = f"  (last error {state.error_at:%Y-%m-%d %H:%M}: {state.error})" if state.error else ""
    return f"{line}  {did or '-'}{wrong}"


def _span(every: timedelta) -> str:
    seconds = int(every.total_seconds())
    size, unit = next(unit for unit in UNITS if seconds % unit[0] == 0)
    return counted(seconds // size, unit)


def _line(name: str, every: str, began: str, *rest: str | int) -> str:
    return f"{name:<16}{every:>16}  {began:<19}" + "".join(f"{one:>9}" for one in rest)
