"""Jobs about the machine's own keeping."""

from __future__ import annotations

import logging

from web.jobs.job import Run
from web.running.checking import checker

log = logging.getLogger(__name__)


def purge(run: Run) -> None:
    """Remove sessions, links and the like that have expired."""
    run.count("purged", run.parts.desk.purge())


def check(run: Run) -> None:
    """Hold some rows of the views against the books."""
    for wrong in checker(run.parts).turn():
        run.count("wrong")
        log.error("check: %s %s %s", wrong.view, wrong.key, ", ".join(wrong.columns))
