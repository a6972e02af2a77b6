"""Payments: what is due, what was not paid, whether books and payment company agree (DU10, OR7)."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

from flask import render_template
from pydantic import Field
from werkzeug.wrappers import Response

from ledger.errors import LedgerError
from ledger.texts import LONGEST_REASON
from projections.queries.agenda import AgendaQueries
from projections.queries.due import DueQueries
from web.api.models import Query
from web.identity.auth import parts, requires
from web.identity.permissions import Permission
from web.pages.filling import Args, signed
from web.pages.forms import principal, read_args, read_form
from web.pages.frame import UNPROCESSABLE, group, onward, reason, told
from web.payments.reconciling import Standing, reconcile
from web.reading.agenda import due_days, today_of
from web.sessions.limits import RECONCILE_BY
from web.wording.languages import gettext, message, ngettext
from web.wording.words import DRIFT

pages = group("payments", url_prefix="/panel/payments")

SHOWN = 25
MOST_MISSED = 200
LOOKED_BACK = timedelta(days=90)
AHEAD = (7, 14, 30)

INBOX_STATE = {
    "received": message("waits"),
    "retrying": message("is tried again"),
    "dead": message("given up"),
}


class PaymentsArgs(Args):
    """How many days ahead."""

    days: Literal[7, 14, 30] = 14


class AcceptForm(Query):
    """Why the difference may stay."""

    reason: str = Field(max_length=4 * LONGEST_REASON)


class RetryForm(Query):
    """Which notice; all that were given up, unless told."""

    number: Annotated[int | None, Field(ge=1)] = None


@pages.get("")
@requires(Permission.READ_ORDERS)
def page() -> str:
    """What is due, what was not paid, what differs, what was told and waits."""
    return _page()


@pages.get("/missed")
@requires(Permission.READ_ORDERS)
def missed() -> str:
    """After an absence only the latest period is charged; staff decide about the earlier ones."""
    since = parts().clock.now() - LOOKED_BACK
    found = DueQueries(parts().pool).missed(since, MOST_MISSED)
    return render_template("panel/payments_missed.html", found=found, days=LOOKED_BACK.days)


@pages.post("/reconcile")
@requires(Permission.RECONCILE)
def reconcile_now() -> Response | tuple[str, int]:
    """Hold the books against the payment company, the last three days."""
    parts().desk.limits.spend(RECONCILE_BY, principal().key)
    try:
        report = reconcile(parts(), **signed())
    except LedgerError as refused:
        return _page(reason(refused)), UNPROCESSABLE
    count = len(report.open)
    if not count:
        return onward("payments.page", gettext("Books and payment company agree."))
    differs = ngettext("%(num)s difference is open.", "%(num)s differences are open.", count)
    return onward("payments.page", differs % {"num": count}, tone="bad")


@pages.post("/drifts/<uuid:drift_id>/accept")
@requires(Permission.RECONCILE)
def accept(drift_id: UUID) -> Response | tuple[str, int]:
    """Let a difference stay; the reason stays in the books."""
    filled = read_form(AcceptForm)
    if filled.value is None:
        return _page(told(next(iter(filled.faults.values())))), UNPROCESSABLE
    try:
        parts().ledger.accept_drift(drift_id, filled.value.reason, **signed())
    except LedgerError as refused:
        return _page(reason(refused)), UNPROCESSABLE
    return onward("payments.page", gettext("The difference may stay."))


@pages.post("/inbox/retry")
@requires(Permission.RECONCILE)
def retry() -> Response | tuple[str, int]:
    """Work again on a notice that was given up, or on all of them."""
    filled = read_form(RetryForm)
    if filled.value is None:
        return _page(told(next(iter(filled.faults.values())))), UNPROCESSABLE
    again = parts().inbox.retry(filled.value.number)
    said = ngettext("%(num)s notice is tried again.", "%(num)s notices are tried again.", again)
    return onward("payments.page", said % {"num": again}, tone="good" if again else "bad")


# --- within -------------------------------------------------------------------------------


def _page(wrong: str = "") -> str:
    args = read_args(PaymentsArgs).value or PaymentsArgs()
    agenda, inbox = AgendaQueries(parts().pool), parts().inbox
    return render_template(
        "panel/payments.html",
        days=args.days,
        ahead=AHEAD,
        due=due_days(parts(), args.days),
        today=today_of(parts()),
        owing=agenda.owing(),
        unpaid={
            "past_due": agenda.past_due(SHOWN),
            "action_required": agenda.action_required(SHOWN),
        },
        standing=Standing.of(parts()),
        drift_words=DRIFT,
        shown=SHOWN,
        dead=inbox.left_to_people(SHOWN),
        waiting=inbox.table.listed(["received", "retrying"], limit=SHOWN),
        unanswered=inbox.unanswered(),
        state_words=INBOX_STATE,
        wrong=wrong,
    )
