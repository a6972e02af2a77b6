"""Signing up: a name and an address, a link by mail, a password (AC1, AC10)."""

from __future__ import annotations

from typing import Literal

from flask import render_template, request
from pydantic import Field
from werkzeug.wrappers import Response

from ledger.errors import EmailTaken, LedgerError
from ledger.texts import LONGEST_EMAIL, LONGEST_NAME
from web.api.models import Query
from web.identity import accounts
from web.identity.auth import client_address, parts, requires, sign_in
from web.identity.permissions import Permission
from web.origins import own_path
from web.pages.filling import LONGEST_TYPED, Args, blame
from web.pages.forms import Filled, read_args, read_form
from web.pages.frame import UNPROCESSABLE, group, onward_to, settled
from web.problems import Problem
from web.sessions.sessions import Kind
from web.wording.consent import WORDING
from web.wording.languages import gettext, locale

pages = group("sign_up")


class SignUpForm(Query):
    """Who wants an account, and the page they are on their way to."""

    name: str = Field(max_length=4 * LONGEST_NAME)
    email: str = Field(max_length=LONGEST_EMAIL)
    agrees: Literal["yes"] | None = None
    next: str | None = None


class NextArgs(Args):
    """The page a person is on their way to."""

    next: str | None = None


class PasswordForm(Query):
    """A link's token and the password that its reader chooses."""

    token: str = Field(max_length=LONGEST_TYPED)
    password: str = Field(max_length=LONGEST_TYPED)


@pages.get("/sign-up")
@requires(Permission.PUBLIC)
def form() -> str:
    """An account without a plan (AC2)."""
    asked = read_args(NextArgs).value
    return _form(next_path=own_path(asked.next if asked else None))


@pages.post("/sign-up")
@requires(Permission.PUBLIC)
def ask() -> str | tuple[str, int]:
    """Send the link. The answer is the same whoever has an account (AC10)."""
    filled = read_form(SignUpForm)
    if filled.value is None:
        return _form(filled), UNPROCESSABLE
    asked = filled.value
    try:
        accounts.start_sign_up(
            parts(),
            asked.email,
            asked.name,
            locale(),
            client_address(request),
            destination=own_path(asked.next),
            agrees_to=WORDING if asked.agrees else None,
        )
    except LedgerError as refused:
        filled, wrong = blame(filled, refused)
        return _form(filled, wrong), UNPROCESSABLE
    return render_template("account/sent.html", email=asked.email)


@pages.get("/sign-up/verify")
@requires(Permission.PUBLIC)
def verify() -> str:
    """The link's page: it asks for a password, and uses nothing up by being opened."""
    token = request.args.get("token", "")
    return _verify(token, accounts.waiting_sign_up(parts(), token))


@pages.post("/sign-up/verify")
@requires(Permission.PUBLIC)
def verified() -> Response | tuple[str, int]:
    """The account is made, and its person signed in."""
    filled = read_form(PasswordForm)
    token = filled.value.token if filled.value else request.form.get("token", "")
    if filled.value is None:
        return _verify(token, accounts.waiting_sign_up(parts(), token), filled), UNPROCESSABLE
    try:
        done = accounts.finish_sign_up(parts(), token, filled.value.password)
    except EmailTaken:
        return onward_to("/sign-in", gettext("You already have an account; sign in."))
    except Problem as refused:
        filled, wrong = blame(filled, refused)
        waiting = accounts.waiting_sign_up(parts(), token)
        return _verify(token, waiting, filled, wrong), UNPROCESSABLE
    settled(done.position)
    answer = onward_to(own_path(done.destination), gettext("Your account is ready."))
    sign_in(answer, Kind.MEMBER, done.session)
    return answer


def _form(filled: Filled[SignUpForm] | None = None, wrong: str = "", next_path: str = "/") -> str:
    if filled:
        next_path = own_path(next(iter(filled.given.get("next", [])), None))
    return render_template("account/sign_up.html", form=filled, wrong=wrong, next_path=next_path)


def _verify(
    token: str,
    waiting: accounts.SignUp,
    filled: Filled[PasswordForm] | None = None,
    wrong: str = "",
) -> str:
    return render_template(
        "account/verify.html", token=token, waiting=waiting, form=filled, wrong=wrong
    )
