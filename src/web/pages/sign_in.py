"""Members signing in and out, and a forgotten password."""

from __future__ import annotations

from http import HTTPStatus

from flask import make_response, render_template, request
from pydantic import Field
from werkzeug.wrappers import Response

from ledger.errors import LedgerError
from ledger.texts import LONGEST_EMAIL
from web.api.models import Query
from web.identity import accounts
from web.identity.auth import client_address, parts, requires, sign_in, sign_out
from web.identity.permissions import Permission
from web.origins import own_path
from web.pages.filling import LONGEST_TYPED, blame
from web.pages.forms import Filled, read_args, read_form
from web.pages.frame import UNPROCESSABLE, group, onward_to, reason
from web.pages.sign_up import NextArgs, PasswordForm
from web.problems import Problem
from web.sessions.sessions import Kind
from web.wording import languages
from web.wording.languages import gettext, locale

pages = group("sign_in")
HOME = "/account"


class SignInForm(Query):
    """An address, a password, and the page the person is on their way to."""

    email: str = Field(max_length=LONGEST_EMAIL)
    password: str = Field(max_length=LONGEST_TYPED)
    next: str | None = None


class EmailForm(Query):
    """Where a link is to be sent."""

    email: str = Field(max_length=LONGEST_EMAIL)


@pages.get("/sign-in")
@requires(Permission.PUBLIC)
def form() -> str:
    """Who are you?"""
    asked = read_args(NextArgs).value
    return _form(next_path=own_path(asked.next if asked else None, otherwise=HOME))


@pages.post("/sign-in")
@requires(Permission.PUBLIC)
def enter() -> Response | tuple[str, int]:
    """Sign in; wrong is wrong, whether or not the address has an account (AC10)."""
    filled = read_form(SignInForm)
    if filled.value is None:
        return _form(filled), UNPROCESSABLE
    asked = filled.value
    try:
        done = accounts.sign_in_person(
            parts(), asked.email, asked.password, client_address(request)
        )
    except Problem as refused:
        if refused.status != HTTPStatus.UNAUTHORIZED:
            raise
        return _form(filled, reason(refused)), refused.status
    answer = onward_to(own_path(asked.next, otherwise=HOME))
    sign_in(answer, Kind.MEMBER, done.session)
    languages.remember(answer, parts().ledger.member(done.account_id).locale)
    return answer


@pages.post("/sign-out")
@requires(Permission.PUBLIC)
def leave() -> Response:
    """The session ends here, not only in the browser."""
    answer = onward_to("/", gettext("You are signed out."))
    sign_out(answer, Kind.MEMBER)
    return answer


@pages.get("/password/forgotten")
@requires(Permission.PUBLIC)
def forgotten() -> str:
    """Where should the link go?"""
    return render_template("account/forgotten.html", form=None, wrong="")


@pages.post("/password/forgotten")
@requires(Permission.PUBLIC)
def ask_reset() -> str | tuple[str, int]:
    """Send it; the answer is the same whoever has an account (AC10)."""
    filled = read_form(EmailForm)
    wrong = ""
    if filled.value is not None:
        email = filled.value.email
        try:
            accounts.start_password_reset(parts(), email, locale(), client_address(request))
        except LedgerError as refused:
            filled, wrong = blame(filled, refused)
        else:
            return render_template("account/sent.html", email=email)
    return render_template("account/forgotten.html", form=filled, wrong=wrong), UNPROCESSABLE


@pages.get("/password/reset")
@requires(Permission.PUBLIC)
def reset() -> str:
    """The link's page."""
    token = request.args.get("token", "")
    accounts.require_reset_link(parts(), token)
    return render_template("account/reset.html", token=token, form=None, wrong="")


@pages.post("/password/reset")
@requires(Permission.PUBLIC)
def set_password() -> Response:
    """Another password; every other browser is signed out."""
    filled = read_form(PasswordForm)
    token, wrong = request.form.get("token", ""), ""
    if filled.value is not None:
        try:
            done = accounts.finish_password_reset(parts(), token, filled.value.password)
        except Problem as refused:
            if refused.code != "password_unfit":
                raise
            filled, wrong = blame(filled, refused)
        else:
            answer = onward_to(HOME, gettext("Your password is changed."))
            sign_in(answer, Kind.MEMBER, done.session)
            return answer
    page = render_template("account/reset.html", token=token, form=filled, wrong=wrong)
    return make_response(page, UNPROCESSABLE)


def _form(filled: Filled[SignInForm] | None = None, wrong: str = "", next_path: str = HOME) -> str:
    if filled:
        next_path = own_path(next(iter(filled.given.get("next", [])), None), otherwise=HOME)
    return render_template("account/sign_in.html", form=filled, wrong=wrong, next_path=next_path)
