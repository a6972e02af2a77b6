"""What a mailed link opens after a payment failed: it pays one order, without signing in (DU3).

It shows the least that is needed: plan, amount, dates, and the last digits of the saved card.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import after_this_request, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from ledger.billing.dues import Dues, next_charge
from ledger.errors import LedgerError
from web.identity.auth import parts, requires
from web.identity.permissions import Permission
from web.mails.recovery import Recovery, read_link
from web.pages.filling import LONGEST_TYPED, blame
from web.pages.forms import Filled, cause, read_form
from web.pages.frame import UNPROCESSABLE, group, settled
from web.pages.paying import PayForm, asks_bank, elements, pay_due, wants_another
from web.payments.bank import bank_answered
from web.problems import Problem
from web.wording.next_steps import after_paying

pages = group("recovery", url_prefix="/pay")


@pages.get("")
@requires(Permission.PUBLIC)
def show() -> Response | str:
    """What is due, and how to pay it; or that nothing is left to do."""
    token = _token()
    recovery = read_link(parts(), token)
    if recovery.standing != "due":
        return _done(recovery)
    if recovery.due and recovery.due.state == "confirming" and not wants_another():
        return redirect(url_for("recovery.confirm", token=token))
    return _page(recovery)


@pages.post("")
@requires(Permission.PUBLIC)
def pay() -> Response | str | tuple[str, int]:
    """Pay it now; the link is used up by that."""
    token, filled, wrong = _token(), read_form(PayForm), ""
    recovery = read_link(parts(), token)
    if recovery.standing == "due" and filled.value is not None:
        try:
            [first, *_] = pay_due(
                parts(),
                recovery.member.id,
                recovery.membership.membership_id,
                filled.value,
                by=recovery.actor,
                cause=cause(),
            )
        except (LedgerError, Problem) as refused:
            filled, wrong = blame(filled, refused)
        else:
            settled(first.position)
            if asks_bank(first):
                return redirect(url_for("recovery.confirm", token=token), HTTPStatus.SEE_OTHER)
            if first.outcome != "declined":
                return redirect(url_for("recovery.show", token=token), HTTPStatus.SEE_OTHER)
            wrong = after_paying(parts(), first)
    recovery = read_link(parts(), token)
    if recovery.standing != "due":
        return _done(recovery)
    return _page(recovery, filled, wrong), UNPROCESSABLE


@pages.get("/confirm")
@requires(Permission.PUBLIC)
def confirm() -> Response | str:
    """The bank asks; in test mode, this page plays the bank."""
    token = _token()
    recovery = read_link(parts(), token)
    if recovery.due is None or recovery.due.state != "confirming":
        return redirect(url_for("recovery.show", token=token))
    secret = Dues(parts().collection).action(recovery.order.id)
    return render_template(
        "public/confirm.html",
        order=recovery.order,
        elements=elements(parts(), recovery.order.placed.amount, secret=secret),
        token=token,
        another=url_for("recovery.show", token=token, another="yes"),
    )


@pages.post("/confirm")
@requires(Permission.PUBLIC)
def confirmed() -> Response | tuple[str, int]:
    """The bank's answer."""
    token, filled = _token(), read_form(PayForm)
    recovery = read_link(parts(), token)
    approved = bool(filled.value and filled.value.approve)
    collected = bank_answered(
        parts(), recovery.member.id, recovery.order.id, approved=approved, cause=cause()
    )
    settled(collected.position)
    if collected.outcome == "declined" and recovery.standing == "due":
        again = read_link(parts(), token)
        return _page(again, wrong=after_paying(parts(), collected)), UNPROCESSABLE
    return redirect(url_for("recovery.show", token=token), HTTPStatus.SEE_OTHER)


def _token() -> str:
    """Of the link, kept out of every cache."""

    @after_this_request
    def _unstored(answer: Response) -> Response:
        answer.headers["Cache-Control"] = "no-store"
        return answer

    return request.values.get("token", "")[:LONGEST_TYPED]


def _page(recovery: Recovery, filled: Filled[PayForm] | None = None, wrong: str = "") -> str:
    return render_template(
        "public/recovery.html",
        due=recovery.due,
        method=recovery.member.method,
        elements=elements(parts(), recovery.order.placed.amount),
        token=_token(),
        form=filled,
        wrong=wrong,
    )


def _done(recovery: Recovery) -> str:
    """Paid, or no longer wanted."""
    return render_template(
        "public/recovery_done.html",
        standing=recovery.standing,
        order=recovery.order,
        membership=recovery.membership,
        is_running=recovery.membership.is_running(parts().clock.now()),
        following=next_charge(parts().ledger, recovery.membership),
    )


@pages.errorhandler(Problem)
def _unusable(problem: Problem) -> Response:
    """A link that was sent again since, or is too old, says where to go instead."""
    unusable = problem.code == "link_unusable"
    page = "public/recovery_unusable.html" if unusable else "problem.html"
    answer = make_response(render_template(page, problem=problem), problem.status)
    answer.headers.update(problem.headers)
    return answer
