"""Staff signing in and out, and choosing their first password."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from flask import render_template, request
from werkzeug.wrappers import Response

from web.identity import second_step, staff
from web.identity.auth import client_address, parts, requires, sign_in, sign_out
from web.identity.permissions import Permission
from web.origins import own_path
from web.pages.filling import LONGEST_TYPED, blame
from web.pages.forms import Filled, read_args, read_form
from web.pages.frame import UNPROCESSABLE, group, onward_to, reason
from web.pages.panel import second_step as step_pages
from web.pages.sign_in import SignInForm
from web.pages.sign_up import NextArgs, PasswordForm
from web.problems import Problem
from web.sessions.links import Purpose
from web.sessions.sessions import Kind
from web.wording import languages
from web.wording.languages import gettext

pages = group("team", url_prefix="/team")
HOME = "/panel"


@pages.get("/sign-in")
@requires(Permission.PUBLIC)
def form() -> str:
    """Who are you?"""
    asked = read_args(NextArgs).value
    return _form(next_path=own_path(asked.next if asked else None, otherwise=HOME))


@pages.post("/sign-in")
@requires(Permission.PUBLIC)
def enter() -> Response | tuple[str, int]:
    """Sign in, for twelve hours."""
    filled = read_form(SignInForm)
    if filled.value is None:
        return _form(filled), UNPROCESSABLE
    asked = filled.value
    try:
        done = second_step.begin_sign_in(
            parts(), asked.email, asked.password, client_address(request)
        )
    except Problem as refused:
        if refused.status != HTTPStatus.UNAUTHORIZED:
            raise
        return _form(filled, reason(refused)), refused.status
    if isinstance(done, second_step.Waiting):
        return step_pages.ask(done, own_path(asked.next, otherwise=HOME))
    answer = onward_to(own_path(asked.next, otherwise=HOME))
    sign_in(answer, Kind.CONTRIBUTOR, done.session)
    languages.remember(answer, step_pages.language_of(done.account_id))
    return answer


@pages.get("/welcome")
@requires(Permission.PUBLIC)
def welcome() -> str:
    """What the link of an invitation opens; it uses nothing up by being opened."""
    return _welcome(request.args.get("token", "")[:LONGEST_TYPED])


@pages.post("/welcome")
@requires(Permission.PUBLIC)
def accept() -> Response | tuple[str, int]:
    """The password is set, and its contributor signed in, unless a code is asked for too."""
    filled = read_form(PasswordForm)
    token = request.form.get("token", "")[:LONGEST_TYPED]
    if filled.value is None:
        return _welcome(token, filled), UNPROCESSABLE
    try:
        done = staff.accept_invitation(parts(), token, filled.value.password)
    except Problem as refused:
        if refused.code == "code_needed":
            return onward_to("/team/sign-in", reason(refused))
        if refused.code != "password_unfit":
            raise
        filled, wrong = blame(filled, refused)
        return _welcome(token, filled, wrong), UNPROCESSABLE
    answer = onward_to(HOME, gettext("Your password is set."))
    sign_in(answer, Kind.CONTRIBUTOR, done.session)
    languages.remember(answer, parts().ledger.contributor(done.account_id).locale)
    return answer


@pages.post("/sign-out")
@requires(Permission.PUBLIC)
def leave() -> Response:
    """The session ends here, not only in the browser."""
    answer = onward_to("/team/sign-in", gettext("You are signed out."))
    sign_out(answer, Kind.CONTRIBUTOR)
    return answer


def _welcome(token: str, filled: Filled[PasswordForm] | None = None, wrong: str = "") -> str:
    carried = parts().desk.links.peek(Purpose.INVITE_CONTRIBUTOR, token)
    invited = parts().ledger.contributor(UUID(carried["contributor_id"]))
    return render_template(
        "panel/welcome.html", invited=invited, token=token, form=filled, wrong=wrong
    )


def _form(filled: Filled[SignInForm] | None = None, wrong: str = "", next_path: str = HOME) -> str:
    if filled:
        next_path = own_path(next(iter(filled.given.get("next", [])), None), otherwise=HOME)
    return render_template("panel/sign_in.html", form=filled, wrong=wrong, next_path=next_path)
