"""What every page stands in: the site's name, who is signed in, words for what went wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

from flask import Blueprint, Flask, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from ledger.errors import LedgerError, NotFound
from ledger.payments.gateway import GatewayError, OutcomeUnknown
from projections.live import ViewNotReady
from projections.positions import ViewNewer
from web import failures, problems
from web.api.framework import behind
from web.identity.auth import caller, parts
from web.identity.permissions import Permission
from web.problems import FieldFault, Problem
from web.wording import languages, prices
from web.wording.languages import gettext, message, say
from web.wording.words import DECLINE, WORDS

STATIC = Path(__file__).parent.with_name("static")
WAIT_SECONDS = 3.0
"""How long a page waits for the views to show what its form has just done."""

UNPROCESSABLE = HTTPStatus.UNPROCESSABLE_ENTITY

Tone = Literal["good", "bad"]
"""How a notice looks: something was done, or it was not."""

TITLES = {
    400: message("That did not work"),
    401: message("Please sign in"),
    403: message("You may not do this"),
    404: message("There is nothing here"),
    410: message("This link no longer works"),
    422: message("That did not work"),
    429: message("Too many tries"),
    500: message("Something went wrong"),
    503: message("Please try again in a moment"),
}
DETAILS = {
    "confirmation_needed": message("Your bank asks you to confirm this card first."),
    "method_needed": message("Enter a payment method first."),
    "unauthenticated": message("Sign in to see this page."),
    "forbidden": message("Your role doesn't allow this ({permission})."),
    "form_expired": message("This form has expired; go back, reload it and try again."),
    "csrf_refused": message("A form is sent from this site's own pages."),
    "form_incomplete": message("This form is incomplete; reload it and try again."),
    "not_found": message("There is nothing at this address."),
    "method_not_allowed": message("This address doesn't take this method."),
    "body_too_large": message("This is larger than we take."),
    "body_late": message("This did not arrive in time; please send it again."),
    "busy": message("Too much arrives at once; please try again in a moment."),
    "database_unavailable": message("The database can't be reached just now; please try again."),
    "payment_company_silent": message(
        "The payment company doesn't answer just now; please try again in a moment."
    ),
    "internal_error": message("Something went wrong here. Tell us the reference {reference}."),
    "too_many_requests": message("Please try again in {retry_after_seconds} seconds."),
    "link_unusable": message("This link was used, has expired, or was sent again since."),
    "sign_in_refused": message("The e-mail or the password is wrong."),
    "password_unfit": message("A password has 10 to 200 characters."),
    "password_wrong": message("This is not your password."),
    "code_wrong": message("This code is not good; one is used once only."),
    "code_needed": message("Sign in with your password and a code."),
    "second_step_off": message("Their sign-in asks for no code."),
    "second_step_missing": message("Set up the second step of your sign-in first."),
    "scopes_beyond_own": message("Nobody gives a program what they may not do themselves."),
    "text_unfit": message("This text holds characters that can't be stored."),
    "bad_request": message("The request is malformed."),
    "present_only": message("This page shows the present alone; go back to now for it."),
    "moment_in_future": message("This moment lies in the future: nothing is known of it yet."),
    "moment_malformed": message("This is not an instant such as 2026-11-01T12:00."),
    "moment_failed": message("The views could not be folded as of this moment."),
    "missing": message("Please fill this in."),
    "string_too_long": message("This is too long."),
    "uuid_parsing": message("This is not one of the choices."),
    "literal_error": message("This is not one of the choices."),
    "int_parsing": message("This is not a whole number."),
    "datetime_parsing": message("This is not a date and time such as 2026-11-01T12:00."),
    "datetime_from_date_parsing": message("This is not a date and time such as 2026-11-01T12:00."),
    "date_parsing": message("This is not a date such as 2026-11-01."),
    "date_from_datetime_parsing": message("This is not a date such as 2026-11-01."),
    "card_declined": message("The card could not be saved; try another one."),
    "card_unconfirmed": message(
        "The card is not saved: your bank did not confirm it. Try again, or another card."
    ),
    "expires_in_the_past": message("This day is over."),
    "amount_malformed": message("This is not an amount such as 12.50."),
}
"""By code; the sentence of the problem itself stands in where there is none."""


def install(app: Flask) -> None:
    """Give an application what all pages share."""
    languages.install(app)
    app.context_processor(_shared)
    app.jinja_env.globals.update(
        asset=asset,
        told=told,
        word=word,
        price_of_line=prices.of_line,
        price_of_terms=prices.of_terms,
        price_of_membership=prices.of_membership,
        price_of_charges=prices.of_charges,
    )


def group(name: str, *, url_prefix: str | None = None) -> Blueprint:
    """A group of pages, which says what the books refuse in the reader's language."""
    pages = Blueprint(name, __name__, url_prefix=url_prefix)
    pages.register_error_handler(LedgerError, _refused)
    for unreadable in (ViewNewer, ViewNotReady):  # which are no refusals of the books
        pages.register_error_handler(unreadable, failures.not_readable)
    return pages


def _refused(error: LedgerError) -> Response | str | tuple[str, int]:
    if isinstance(error, OutcomeUnknown):
        return failures.silent(error)
    status = problems.status_of(type(error))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise error
    page = render_template(
        "problem.html", title=gettext(TITLES.get(status, TITLES[400])), detail=reason(error)
    )
    return page, status


# --- words for what went wrong ----------------------------------------------------------


def told(problem: Problem | FieldFault) -> str:
    """A refusal of the edge in the reader's language."""
    more: Mapping[str, Any] = problem.more if isinstance(problem, Problem) else {}
    return say(DETAILS[problem.code], **more) if problem.code in DETAILS else problem.detail


def reason(error: LedgerError | Problem) -> str:
    """Why something was refused, in the reader's language."""
    if isinstance(error, Problem):
        return told(error)
    if isinstance(error, NotFound):
        return told(Problem(HTTPStatus.NOT_FOUND, "not_found", str(error)))
    if isinstance(error, GatewayError):  # its own sentence is for whoever runs the site
        return _of_gateway(error)
    said = {
        name: word(name, value) if name in WORDS and isinstance(value, str) else value
        for name, value in error.details.items()
    }
    return languages.refusal(error, said)


def _of_gateway(error: GatewayError) -> str:
    silent = isinstance(error, OutcomeUnknown)
    sentence = DETAILS["payment_company_silent"] if silent else DECLINE["rejected"]
    return gettext(sentence)


def word(kind: str, value: object) -> str:
    """The reader's word for one of a small set of values, such as a status."""
    return gettext(WORDS[kind].get(str(value), str(value)))


# --- answering --------------------------------------------------------------------------


def settled(position: int | None = None) -> None:
    """Wait, a little, until the views show all that is recorded (or up to a position)."""
    last = parts().recorder.max_notification_id() if position is None else position
    if last:
        parts().views.wait_for(last, wait_seconds=WAIT_SECONDS)


def require_views(position: int) -> None:
    """Wait, a little, until the views show a position; a problem if they don't."""
    found = parts().views.wait_for(position, wait_seconds=WAIT_SECONDS)
    if found.position < position:
        raise behind(found, position)


def onward(endpoint: str, notice: str = "", *, tone: Tone = "good", **values: Any) -> Response:
    """Go on to another page, which says what was done, or that it was not."""
    return onward_to(url_for(endpoint, **values), notice, tone=tone)


def onward_to(path: str, notice: str = "", *, tone: Tone = "good") -> Response:
    """Go on to a path of this site, which says what was done, or that it was not."""
    if notice:
        flash(notice, tone)
    return redirect(path, HTTPStatus.SEE_OTHER)


def url_with(**changes: object) -> str:
    """The address of the page at hand with some parameters changed; None takes one away."""
    kept = [(name, text) for name, text in request.args.items(multi=True) if name not in changes]
    added = [(name, text) for name, text in changes.items() if text is not None]
    query = urlencode([*kept, *added])
    return f"{request.path}?{query}" if query else request.path


@cache
def asset(name: str) -> str:
    """The address of a static file; another one as soon as the file is another."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def _shared() -> dict[str, Any]:
    settings = parts().settings
    return {
        "site_name": settings.site_name,
        "test_mode": settings.test_mode,
        "shows_mails": parts().desk.mailbox.is_shown,
        "show_sign_in": settings.show_sign_in,
        "who": caller,
        "may": _may,
        "url_with": url_with,
        "titles": TITLES,
    }


def _may(permission: str) -> bool:
    """Whether a page offers something; as of a moment it offers nothing but reading."""
    if "asked" in g and not permission.endswith(":read"):
        return False
    return caller().principal_for(Permission(permission)) is not None
