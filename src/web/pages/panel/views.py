"""The views, for operators: how they are, rebuilding them, what was set aside; nothing personal."""

from __future__ import annotations

from collections.abc import Callable

from flask import make_response, render_template
from pydantic import Field
from werkzeug.wrappers import Response

from ledger.errors import LedgerError
from ledger.texts import LONGEST_REASON
from projections.catalogue import all_views
from projections.parking import Parked, ask_again, parked
from projections.rebuild import Rebuilder
from projections.status import ViewsStatus
from web.api.models import Query
from web.identity.auth import parts, requires
from web.identity.permissions import Permission
from web.pages.filling import signed
from web.pages.forms import read_form
from web.pages.frame import UNPROCESSABLE, group, onward, reason, told
from web.running.rebuilding import rebuilder
from web.wording.languages import gettext

pages = group("views", url_prefix="/panel/views")

Act = Callable[[Rebuilder, str], object]

MOST_SHOWN = 8
AGAIN_SECONDS = "1"


class ViewForm(Query):
    """Which view."""

    view: str = Field(max_length=100)


class SkipForm(Query):
    """Which fact is left out, and why."""

    position: int = Field(ge=1)
    reason: str = Field(max_length=4 * LONGEST_REASON)


@pages.get("")
@requires(Permission.READ_VIEWS)
def listing() -> Response:
    """How each view is, and how the rebuild under way is going: looks again every second."""
    return _page()


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
    return onward("views.listing", gettext("The rebuild is given up; the old rows go on serving."))


@pages.post("/retry")
@requires(Permission.RUN_VIEWS)
def retry() -> Response:
    """Try again what was set aside."""
    with parts().pool.connection() as connection:
        ask_again(connection)
    return onward("views.listing", gettext("What was set aside is tried again."))


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


def _asked(act: Act, notice: str) -> Response:
    filled = read_form(ViewForm)
    if filled.value is None:
        return _page(told(next(iter(filled.faults.values()))))
    try:
        act(rebuilder(parts()), filled.value.view)
    except LedgerError as refused:
        return _page(reason(refused))
    return onward("views.listing", notice)


def _page(wrong: str = "") -> Response:
    site, reports = parts(), rebuilder(parts()).latest(MOST_SHOWN)
    shown = render_template(
        "panel/views.html",
        views=ViewsStatus(site.pool, all_views(site.site), site.clock).all(with_digests=False),
        reports=reports,
        under_way=next((one for one in reports if one.rebuild.is_under_way), None),
        parked=_parked(),
        wrong=wrong,
    )
    answer = make_response(shown, UNPROCESSABLE if wrong else 200)
    if not wrong and any(one.rebuild.is_under_way for one in reports):
        answer.headers["Refresh"] = AGAIN_SECONDS
    return answer


def _parked() -> list[Parked]:
    with parts().pool.connection() as connection:
        return parked(connection)
