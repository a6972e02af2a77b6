"""The panel's page about oneself: password, second step, browsers signed in, language."""

from __future__ import annotations

from typing import Any, Literal

from flask import make_response, render_template, request
from markupsafe import Markup
from pydantic import Field
from werkzeug.wrappers import Response

from web.api.models import Query
from web.identity import second_step
from web.identity.auth import caller, parts, requires, sign_in, unauthenticated
from web.identity.permissions import Permission
from web.identity.principals import Contributor
from web.pages.filling import LONGEST_TYPED, blame, signed
from web.pages.forms import Filled, read_form
from web.pages.frame import UNPROCESSABLE, group, onward, settled
from web.problems import Problem
from web.sessions.sessions import Kind
from web.wording import languages
from web.wording.languages import gettext

pages = group("security", url_prefix="/panel/security")


class PasswordForm(Query):
    """The password there is, and another one."""

    current_password: str = Field(max_length=LONGEST_TYPED)
    password: str = Field(max_length=LONGEST_TYPED)


class LocaleForm(Query):
    """A language."""

    locale: Literal["en", "fr"]


class StepForm(Query):
    """What says that it is the person who asks, and has their telephone."""

    password: str = Field(max_length=LONGEST_TYPED)
    code: str = Field(max_length=LONGEST_TYPED)


@pages.get("")
@requires(Permission.OWN_SECURITY)
def page() -> str:
    """How one signs in, and where one is signed in."""
    return _page()


@pages.post("/password")
@requires(Permission.OWN_SECURITY)
def change_password() -> Response | tuple[str, int]:
    """Another password; every other browser is signed out."""
    filled, wrong = read_form(PasswordForm), ""
    if filled.value is not None:
        asked = filled.value
        try:
            opened = second_step.change_password(
                parts(), _who(), asked.current_password, asked.password
            )
        except Problem as refused:
            filled, wrong = blame(filled, refused)
        else:
            answer = onward("security.page", gettext("Your password is changed."))
            sign_in(answer, Kind.CONTRIBUTOR, opened)
            return answer
    return _page(password_form=filled, wrong=wrong), UNPROCESSABLE


@pages.post("/locale")
@requires(Permission.OWN_SECURITY)
def choose_locale() -> Response | tuple[str, int]:
    """The language of pages and letters."""
    filled = read_form(LocaleForm)
    if filled.value is None:
        return _page(), UNPROCESSABLE
    chosen = filled.value.locale
    position = parts().ledger.choose_staff_locale(_who().contributor_id, chosen, **signed())
    settled(position or None)
    answer = onward("security.page")
    languages.remember(answer, chosen)
    return answer


@pages.post("/second-step")
@requires(Permission.OWN_SECURITY)
def begin() -> Response | str:
    """A secret for the telephone; nothing is asked before a first code has come back."""
    try:
        return _enrol(second_step.begin(parts(), _who().contributor_id))
    except Problem:
        return onward("security.page")


@pages.post("/second-step/confirm")
@requires(Permission.OWN_SECURITY)
def confirm() -> Response | str | tuple[str, int]:
    """The first code came back: from now on one is asked. The codes on paper are shown once."""
    contributor_id = _who().contributor_id
    waiting = second_step.waiting(parts(), contributor_id)
    if waiting is None:
        return onward("security.page")
    filled, wrong = read_form(StepForm), ""
    if filled.value is not None:
        try:
            done = second_step.confirm(
                parts(), contributor_id, filled.value.password, filled.value.code
            )
        except Problem as refused:
            filled, wrong = blame(filled, refused)
        else:
            answer = make_response()
            sign_in(answer, Kind.CONTRIBUTOR, done.session)
            answer.set_data(_codes(done.codes, gettext("From now on you sign in with a code.")))
            return answer
    return _enrol(waiting, filled, wrong), UNPROCESSABLE


@pages.get("/second-step/off")
@requires(Permission.OWN_SECURITY)
def ask_off() -> Response | str:
    """What it takes to sign in without a code."""
    return _ask("off")


@pages.post("/second-step/off")
@requires(Permission.OWN_SECURITY)
def turn_off() -> Response | tuple[str, int]:
    """No code is asked any more."""
    filled, wrong = read_form(StepForm), ""
    if filled.value is not None:
        asked = filled.value
        try:
            second_step.turn_off(parts(), _who().contributor_id, asked.password, asked.code)
            return onward("security.page", gettext("No code is asked any more."))
        except Problem as refused:
            filled, wrong = blame(filled, refused)
    return _asked("off", filled, wrong), UNPROCESSABLE


@pages.get("/second-step/codes")
@requires(Permission.OWN_SECURITY)
def ask_codes() -> Response | str:
    """What it takes to have other codes on paper."""
    return _ask("codes")


@pages.post("/second-step/codes")
@requires(Permission.OWN_SECURITY)
def renew_codes() -> Response | str | tuple[str, int]:
    """Other codes on paper; the older ones end."""
    filled, wrong = read_form(StepForm), ""
    if filled.value is not None:
        asked = filled.value
        try:
            codes = second_step.renew_codes(
                parts(), _who().contributor_id, asked.password, asked.code
            )
            return _codes(codes, gettext("The older codes are worth nothing from now on."))
        except Problem as refused:
            filled, wrong = blame(filled, refused)
    return _asked("codes", filled, wrong), UNPROCESSABLE


@pages.post("/sessions/end")
@requires(Permission.OWN_SECURITY)
def end_others() -> Response:
    """Sign out every browser but this one."""
    who = _who()
    parts().desk.sessions.revoke_all(Kind.CONTRIBUTOR, who.contributor_id, but=who.session_id)
    return onward("security.page", gettext("Every other browser is signed out."))


def _who() -> Contributor:
    contributor = caller().contributor
    if contributor is None:
        raise unauthenticated("Sign in first.")
    return contributor


def _page(password_form: Filled[Any] | None = None, wrong: str = "") -> str:
    who, desk = _who(), parts().desk
    return render_template(
        "panel/security.html",
        standing=desk.second_factors.standing(who.contributor_id),
        sessions=desk.sessions.running(Kind.CONTRIBUTOR, who.contributor_id),
        own=who,
        chosen_locale=parts().ledger.contributor(who.contributor_id).locale,
        password_form=password_form,
        wrong=wrong,
    )


def _enrol(
    enrolment: second_step.Enrolment, filled: Filled[Any] | None = None, wrong: str = ""
) -> str:
    drawing = enrolment.drawing(gettext("QR code with the key"))
    return render_template(
        "panel/second_step.html",
        enrolment=enrolment,
        drawing=Markup(drawing),  # noqa: S704 - drawn here, from an address that is escaped
        form=filled,
        wrong=wrong,
    )


def _ask(act: str) -> Response | str:
    if not parts().desk.second_factors.is_on(_who().contributor_id):
        return onward("security.page")
    return _asked(act)


def _asked(act: str, filled: Filled[Any] | None = None, wrong: str = "") -> str:
    return render_template(
        "panel/second_step_ask.html", act=act, form=filled, wrong=wrong, to=request.path
    )


def _codes(codes: list[str], notice: str) -> str:
    return render_template("panel/recovery_codes.html", codes=codes, notice=notice)
