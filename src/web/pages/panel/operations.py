"""The running of the house, for operators: views, rebuilds, facts set aside, jobs (NO5)."""

from __future__ import annotations

from collections.abc import Callable

from flask import make_response, render_template, url_for
from pydantic import Field
from werkzeug.wrappers import Response

from ledger.errors import LedgerError
from ledger.texts import LONGEST_REASON
from projections.catalogue import all_views
from projections.parking import Parked, ask_again, parked
from projections.rebuild import Rebuilder, Report
from projections.status import ViewsStatus
from web.api.models import Query
from web.identity.auth import parts, requires
from web.identity.permissions import Permission
from web.jobs.standing import ScheduleStanding
from web.pages.filling import Args, signed
from web.pages.forms import read_args, read_form
from web.pages.frame import UNPROCESSABLE, group, onward, reason, told
from web.pages.mailbox import mail_states
from web.pages.panel.operations_jobs import shown
from web.running.rebuilding import rebuilder
from web.wording.languages import gettext

pages = group("operations", url_prefix="/panel/operations")

Act = Callable[[Rebuilder, str], object]

MOST_SHOWN = 8


class OperationsArgs(Args):
    """Digests are sums over every row, and take their time."""

    digests: bool = False


class ViewForm(Query):
    """Which view."""

    view: str = Field(max_length=100)


class SkipForm(Query):
    """Which fact is left out, and why."""

    position: int = Field(ge=1)
    reason: str = Field(max_length=4 * LONGEST_REASON)


@pages.get("")
@requires(Permission.READ_VIEWS)
def page() -> Response:
    """How views, rebuilds and jobs are, and what waits for somebody."""
    return _page()


@pages.get("/progress")
@requires(Permission.READ_VIEWS)
def progress() -> Response:
    """How far the rebuild under way is, to be put into the page; at its end, the page anew."""
    under_way = _under_way(_reports())
    answer = make_response(render_template("panel/operations_progress.html", under_way=under_way))
    if under_way is None:
        answer.headers["HX-Refresh"] = "true"
    return answer


@pages.post("/rebuild")
@requires(Permission.RUN_VIEWS)
def rebuild() -> Response:
    """Ask for a view to be folded anew; the worker carries it out."""
    return _asked(lambda own, name: own.plan([name]), gettext("The rebuild begins."))


@pages.post("/rollback")
@requires(Permission.RUN_VIEWS)
def roll_back() -> Response:
    """Put back what the last rebuild of a view replaced."""
    return _asked(lambda own, name: own.roll_back(name), gettext("The rows before serve again."))


@pages.post("/cancel")
@requires(Permission.RUN_VIEWS)
def cancel() -> Response:
    """Give up the rebuild under way."""
    try:
        rebuilder(parts()).cancel()
    except LedgerError as refused:
        return _page(reason(refused))
    notice = gettext("The rebuild is given up; the old rows go on serving.")
    return onward("operations.page", notice)


@pages.post("/retry")
@requires(Permission.RUN_VIEWS)
def retry() -> Response:
    """Try again what was set aside."""
    with parts().pool.connection() as connection:
        ask_again(connection)
    return onward("operations.page", gettext("What was set aside is tried again."))


@pages.post("/skip")
@requires(Permission.RUN_VIEWS)
def skip() -> Response:
    """Leave a fact out that was set aside; that it is left out is a fact itself."""
    filled = read_form(SkipForm)
    if filled.value is None:
        return _page(told(next(iter(filled.faults.values()))))
    asked = filled.value
    try:
        if asked.position in {one.position for one in _parked()}:
            parts().ledger.skip_fact(asked.position, asked.reason, **signed())
    except LedgerError as refused:
        return _page(reason(refused))
    return retry()


# --- within -------------------------------------------------------------------------------


def _asked(act: Act, notice: str) -> Response:
    filled = read_form(ViewForm)
    if filled.value is None:
        return _page(told(next(iter(filled.faults.values()))))
    try:
        act(rebuilder(parts()), filled.value.view)
    except LedgerError as refused:
        return _page(reason(refused))
    return onward("operations.page", notice)


def _page(wrong: str = "") -> Response:
    site, reports = parts(), _reports()
    asked = read_args(OperationsArgs).value or OperationsArgs()
    views = ViewsStatus(site.pool, all_views(site.site), site.clock)
    schedule = ScheduleStanding.of(site)
    page = render_template(
        "panel/operations.html",
        views=views.all(with_digests=asked.digests, estimates=not asked.digests),
        digests=asked.digests,
        reports=reports,
        under_way=_under_way(reports),
        parked=_parked(),
        is_led=schedule.is_led,
        jobs=[shown(job) for job in schedule.jobs],
        post=site.desk.outbox.figures(),
        mail_states=mail_states(),
        server_is_set=site.settings.mail_server is not None,
        progress_url=url_for("operations.progress"),
        wrong=wrong,
    )
    return make_response(page, UNPROCESSABLE if wrong else 200)


def _reports() -> list[Report]:
    return rebuilder(parts()).latest(MOST_SHOWN)


def _under_way(reports: list[Report]) -> Report | None:
    return next((one for one in reports if one.rebuild.is_under_way), None)


def _parked() -> list[Parked]:
    with parts().pool.connection() as connection:
        return parked(connection)
