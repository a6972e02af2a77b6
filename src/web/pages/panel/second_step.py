"""The second step of signing in: a code, after the password was right."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from flask import make_response, redirect, render_template, request, url_for
from pydantic import Field
from werkzeug.wrappers import Response

from ledger.member.facts import Locale
from web.api.models import Query
from web.identity import second_step
from web.identity.auth import parts, requires, sign_in
from web.identity.permissions import Permission
from web.origins import own_path
from web.pages.filling import LONGEST_TYPED
from web.pages.forms import Filled, read_args, read_form
from web.pages.frame import UNPROCESSABLE, group, onward_to, reason
from web.pages.sign_up import NextArgs
from web.problems import Problem
from web.sessions.links import LIFETIME, Purpose
from web.sessions.sessions import Kind
from web.wording import languages
from web.wording.languages import gettext, locale

pages = group("second_step", url_prefix="/team/sign-in")
HOME = "/panel"
COOKIE = "step"


class CodeForm(Query):
    """A code, and the page the person is on their way to."""

    code: str = Field(max_length=LONGEST_TYPED)
    next: str | None = None


def ask(waiting: second_step.Waiting, next_path: str) -> Response:
    """On to the code; this browser alone may show one."""
    answer = redirect(url_for("second_step.form", next=next_path), HTTPStatus.SEE_OTHER)
    secure = parts().settings.secure
    answer.set_cookie(
        _cookie(),
        waiting.token,
        max_age=LIFETIME[Purpose.SECOND_STEP],
        secure=secure,
        httponly=True,
        samesite="Lax",
        path="/",
    )
    return answer


@pages.get("/code")
@requires(Permission.PUBLIC)
def form() -> Response | str:
    """Which code?"""
    asked = read_args(NextArgs).value
    try:
        second_step.require_waiting(parts(), _token())
    except Problem:
        return redirect(url_for("team.form"))
    return _form(next_path=own_path(asked.next if asked else None, otherwise=HOME))


@pages.post("/code")
@requires(Permission.PUBLIC)
def enter() -> Response | tuple[str, int]:
    """Sign in with it, once."""
    filled = read_form(CodeForm)
    if filled.value is None:
        return _form(filled), UNPROCESSABLE
    try:
        done = second_step.finish_sign_in(parts(), _token(), filled.value.code)
    except Problem as refused:
        if refused.status == HTTPStatus.GONE:
            return onward_to("/team/sign-in", gettext("That took too long; sign in again."))
        if refused.status != HTTPStatus.UNAUTHORIZED:
            raise
        return _form(filled, reason(refused)), refused.status
    answer = make_response(onward_to(own_path(filled.value.next, otherwise=HOME)))
    sign_in(answer, Kind.CONTRIBUTOR, done.session)
    answer.delete_cookie(_cookie(), secure=parts().settings.secure, httponly=True, path="/")
    languages.remember(answer, language_of(done.account_id))
    return answer


def language_of(contributor_id: UUID) -> Locale:
    """What they chose; else the page's, which whoever reads it could change."""
    contributor = parts().ledger.contributor(contributor_id)
    return contributor.locale if contributor.has_chosen_locale else locale()


def _token() -> str:
    return request.cookies.get(_cookie(), "")


def _cookie() -> str:
    return f"__Host-{COOKIE}" if parts().settings.secure else COOKIE


def _form(filled: Filled[CodeForm] | None = None, wrong: str = "", next_path: str = HOME) -> str:
    if filled:
        next_path = own_path(next(iter(filled.given.get("next", [])), None), otherwise=HOME)
    return render_template("panel/sign_in_code.html", form=filled, wrong=wrong, next_path=next_path)
