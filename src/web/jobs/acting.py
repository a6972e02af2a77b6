"""The job that goes on with what staff do with many members at once."""

from __future__ import annotations

from web.jobs.job import Run
from web.running.bulk_acts import carry_on


def carry_on_acts(run: Run) -> None:
    """Bring every act that is not over to its end, whether anybody looks or not."""
    acts = run.parts.desk.bulk_acts
    for act_id in acts.unfinished():
        before = acts.one(act_id).done
        with run.alone(act_id):
            carry_on(run.parts, act_id, before_each=run.lead.require)
        run.count("seen to", acts.one(act_id).done - before)
