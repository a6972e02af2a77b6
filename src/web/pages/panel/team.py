"""Staff signing in and out."""

from __future__ import annotations

from http import HTTPStatus

from flask import render_template, request
from werkzeug.wrappers import Response

from web.identity import second_step
from web.identity.auth import client_address, parts, requires, sign_in, sign_out
from web.identity.permissions import Permission
from web.origins import own_path
from web.pages.forms import Filled, read_args, read_form
from web.pages.frame import UNPROCESSABLE, group, onward_to, reason
from web.pages.panel import second_step as step_pages
from web.pages.sign_in import SignInForm
from web.pages.sign_up import NextArgs
from web.problems import Problem
from web.sessions.sessions import Kind
from web.wording import languages
from web.wording.languages import gettext, locale

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
    languages.remember(answer, locale())  # the page's, which whoever reads it could change
    return answer


@pages.post("/sign-out")
@requires(Permission.PUBLIC)
def leave() -> Response:
    """The session ends here, not only in the browser."""
    answer = onward_to("/team/sign-in", gettext("You are signed out."))
    sign_out(answer, Kind.CONTRIBUTOR)
    return answer


def _form(filled: Filled[SignInForm] | None = None, wrong: str = "", next_path: str = HOME) -> str:
    if filled:
        next_path = own_path(next(iter(filled.given.get("next", [])), None), otherwise=HOME)
    return render_template("panel/sign_in.html", form=filled, wrong=wrong, next_path=next_path)
