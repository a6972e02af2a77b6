"""A member's own pages (AC8). What staff write about them is on none of these (AC9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from flask import render_template, request
from pydantic import Field
from werkzeug.wrappers import Response

from ledger.billing.dues import Dues
from ledger.errors import LedgerError, NotFound
from ledger.member import Member, Membership
from ledger.texts import LONGEST_EMAIL, LONGEST_NAME
from projections.queries.orders import OrderFilter
from projections.queries.paging import Turn
from web.api.models import Query
from web.identity import accounts
from web.identity.auth import caller, client_address, parts, requires, sign_in
from web.identity.permissions import Permission
from web.identity.principals import Person
from web.pages.filling import LONGEST_TYPED, Args, blame, signed
from web.pages.forms import Filled, read_args, read_form
from web.pages.frame import UNPROCESSABLE, group, onward, settled
from web.problems import Problem
from web.sessions.sessions import Kind
from web.wording import languages
from web.wording.consent import WORDING
from web.wording.languages import gettext
from web.wording.next_steps import after_cancelling, after_leaving, after_withdrawing

pages = group("account", url_prefix="/account")
ORDERS_SHOWN = 50


class OverviewArgs(Args):
    """From where on the orders are listed."""

    cursor: str | None = None


class NameForm(Query):
    """Another name."""

    name: str = Field(max_length=4 * LONGEST_NAME)


class EmailForm(Query):
    """Another address; the password says that it is the person who asks."""

    email: str = Field(max_length=LONGEST_EMAIL)
    password: str = Field(max_length=LONGEST_TYPED)


class ConsentForm(Query):
    """Whether campaign messages are wanted."""

    agrees: Literal["yes"] | None = None


class PasswordForm(Query):
    """The password there is, and another one."""

    current_password: str = Field(max_length=LONGEST_TYPED)
    password: str = Field(max_length=LONGEST_TYPED)


class LocaleForm(Query):
    """Another language."""

    locale: Literal["en", "fr"]


@dataclass(frozen=True)
class Stay:
    """One of the person's memberships, as their page shows it."""

    membership: Membership
    is_running: bool
    has_access: bool
    ending: str | None
    renews_at: datetime | None

    @property
    def act(self) -> str | None:
        """What its member may do: `cancel`, `withdraw`, `leave`, or nothing."""
        if not self.is_running:
            return None
        if self.membership.terms.model == "free":
            return "leave"
        if self.membership.terms.model != "recurring":
            return None
        return "cancel" if self.membership.cancelled_at is None else "withdraw"


@pages.get("")
@requires(Permission.OWN_ACCOUNT)
def overview() -> str:
    """Memberships, payment method, orders."""
    member, now = _member(), parts().clock.now()
    stays = [_stay(membership, now) for membership in member.memberships.values()]
    stays.sort(key=lambda stay: (stay.is_running, stay.membership.joined_at), reverse=True)
    args = read_args(OverviewArgs).value or OverviewArgs()
    turn = Turn("placed", descending=True, limit=ORDERS_SHOWN, cursor=args.cursor)
    orders = parts().queries.orders.page(OrderFilter(member_id=member.id), turn)
    dues = {due.membership_id: due for due in Dues(parts().collection).of_member(member)}
    return render_template(
        "account/overview.html", member=member, stays=stays, orders=orders, dues=dues
    )


@pages.get("/orders/<uuid:order_id>")
@requires(Permission.OWN_ACCOUNT)
def order(order_id: UUID) -> str:
    """One of the person's orders with its receipts; somebody else's is not found."""
    row = parts().queries.orders.one(order_id)
    if row is None or row.member_id != _person().member_id:
        raise NotFound(what="order", id=order_id)
    queries = parts().queries
    return render_template(
        "account/order.html",
        order=row,
        receipts=queries.receipts.of_order(order_id),
        person=queries.orders.people([row]).get(row.member_id),
    )


# --- memberships ------------------------------------------------------------------------


@pages.get("/memberships/<uuid:membership_id>/<any(cancel, leave):act>")
@requires(Permission.OWN_ACCOUNT)
def ask(membership_id: UUID, act: str) -> str:
    """What will happen, before it does."""
    membership = _member().membership(membership_id)
    stay = _stay(membership, parts().clock.now())
    if stay.act != act:
        raise NotFound(what="page", id=act)
    return render_template(f"account/{act}.html", stay=stay, membership=membership)


@pages.post("/memberships/<uuid:membership_id>/cancel")
@requires(Permission.OWN_ACCOUNT)
def cancel(membership_id: UUID) -> Response:
    """Stop renewal; access stays to the end of the paid period (AX3)."""
    _carry_out(parts().ledger.self_cancel, membership_id)
    membership = _member().membership(membership_id)
    return onward("account.overview", after_cancelling(membership, parts().clock.now()))


@pages.post("/memberships/<uuid:membership_id>/withdraw")
@requires(Permission.OWN_ACCOUNT)
def withdraw(membership_id: UUID) -> Response:
    """Renew after all (AX4)."""
    _carry_out(parts().ledger.withdraw_cancellation, membership_id)
    membership = _member().membership(membership_id)
    return onward("account.overview", after_withdrawing(parts(), membership))


@pages.post("/memberships/<uuid:membership_id>/leave")
@requires(Permission.OWN_ACCOUNT)
def leave(membership_id: UUID) -> Response:
    """Leave a free plan at once (AX5)."""
    _carry_out(parts().ledger.leave, membership_id)
    return onward("account.overview", after_leaving(_member().membership(membership_id)))


# --- name, address, language ------------------------------------------------------------


@pages.get("/details")
@requires(Permission.OWN_ACCOUNT)
def details() -> str:
    """Name, e-mail and language."""
    return _details()


@pages.post("/name")
@requires(Permission.OWN_ACCOUNT)
def rename() -> Response | tuple[str, int]:
    """Another name."""
    filled, wrong = read_form(NameForm), ""
    if filled.value is not None:
        try:
            settled(parts().ledger.rename(_person().member_id, filled.value.name, **signed()))
            return onward("account.details", gettext("Your name is changed."))
        except LedgerError as refused:
            filled, wrong = blame(filled, refused)
    return _details(filled, wrong), UNPROCESSABLE


@pages.post("/locale")
@requires(Permission.OWN_ACCOUNT)
def choose_locale() -> Response | tuple[str, int]:
    """The language of pages and mails."""
    filled = read_form(LocaleForm)
    if filled.value is None:
        return _details(filled), UNPROCESSABLE
    settled(parts().ledger.choose_locale(_person().member_id, filled.value.locale, **signed()))
    answer = onward("account.details")
    languages.remember(answer, filled.value.locale)
    return answer


@pages.post("/messages")
@requires(Permission.OWN_ACCOUNT)
def choose_messages() -> Response:
    """Agree to messages, or no more (NO4)."""
    asked, ledger, member_id = read_form(ConsentForm).value, parts().ledger, _person().member_id
    if asked is not None and asked.agrees:
        settled(ledger.agree(member_id, wording=WORDING, where="account", **signed()))
        return onward("account.details", gettext("You get our news and offers from now on."))
    settled(ledger.unsubscribe(member_id, **signed()))
    return onward("account.details", gettext("We send you no news and offers any more."))


@pages.get("/password")
@requires(Permission.OWN_ACCOUNT)
def password() -> str:
    """Another password?"""
    return render_template("account/password.html", form=None, wrong="")


@pages.post("/password")
@requires(Permission.OWN_ACCOUNT)
def change_password() -> Response | tuple[str, int]:
    """Another password; every other browser is signed out."""
    filled, wrong = read_form(PasswordForm), ""
    if filled.value is not None:
        asked = filled.value
        try:
            opened = accounts.change_password(
                parts(), _person(), asked.current_password, asked.password
            )
        except Problem as refused:
            filled, wrong = blame(filled, refused)
        else:
            answer = onward("account.details", gettext("Your password is changed."))
            sign_in(answer, Kind.MEMBER, opened)
            return answer
    return render_template("account/password.html", form=filled, wrong=wrong), UNPROCESSABLE


@pages.post("/email")
@requires(Permission.OWN_ACCOUNT)
def change_email() -> str | tuple[str, int]:
    """A link goes to the new address; nothing changes before it is followed (AC10)."""
    filled, wrong = read_form(EmailForm), ""
    if filled.value is not None:
        asked, address = filled.value, client_address(request)
        try:
            accounts.start_email_change(
                parts(), _person().member_id, asked.email, asked.password, address
            )
            return render_template("account/sent.html", email=asked.email)
        except (LedgerError, Problem) as refused:
            filled, wrong = blame(filled, refused)
    return _details(filled, wrong), UNPROCESSABLE


@pages.get("/email/confirm")
@requires(Permission.PUBLIC)
def confirm_email() -> str:
    """The link's page."""
    token = request.args.get("token", "")
    email = accounts.waiting_email_change(parts(), token)
    return render_template("account/confirm_email.html", token=token, email=email)


@pages.post("/email/confirm")
@requires(Permission.PUBLIC)
def email_confirmed() -> Response:
    """The account has another address; other browsers are signed out."""
    done = accounts.finish_email_change(parts(), request.form.get("token", ""))
    settled(done.position)
    answer = onward("account.overview", gettext("Your address is changed."))
    sign_in(answer, Kind.MEMBER, done.session)
    return answer


# --- within -----------------------------------------------------------------------------


def _person() -> Person:
    person = caller().person
    if person is None:
        raise NotFound(what="person", id="")
    return person


def _member() -> Member:
    return parts().ledger.member(_person().member_id)


def _carry_out(act: Callable[..., int], membership_id: UUID) -> None:
    settled(act(_person().member_id, membership_id, **signed()))


def _stay(membership: Membership, now: datetime) -> Stay:
    running = membership.is_running(now)
    return Stay(
        membership=membership,
        is_running=running,
        has_access=membership.covers(now),
        ending=membership.ending_at(now),
        renews_at=membership.period_end if running and not membership.cancelled_at else None,
    )


def _details(filled: Filled[Any] | None = None, wrong: str = "") -> str:
    return render_template("account/details.html", member=_member(), form=filled, wrong=wrong)
