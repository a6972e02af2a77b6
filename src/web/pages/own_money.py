"""A member's own money: the saved method, and paying what is due (AC6, DU3). Never for staff."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from ledger import ids
from ledger.billing.dues import Due, Dues
from ledger.billing.outcomes import Collected
from ledger.errors import LedgerError, NotFound
from ledger.payments.gateway import Rejected, Setup
from web.identity.auth import caller, parts, requires
from web.identity.permissions import Permission
from web.pages.filling import blame, signed
from web.pages.forms import Filled, actor, cause, read_form
from web.pages.frame import DETAILS, UNPROCESSABLE, group, onward, settled, told
from web.pages.paying import (
    LONGEST_TOKEN,
    CheckoutPages,
    MethodForm,
    PayForm,
    asked_again,
    asks_bank,
    checkout_of,
    elements,
    pay_due,
    token_of,
    wants_another,
)
from web.payments.bank import answer_for_setup
from web.problems import Problem
from web.sessions.limits import JOIN_BY
from web.wording.next_steps import after_paying, after_removing, after_saving, tone

pages = group("own_money", url_prefix="/account")


@pages.get("/method")
@requires(Permission.OWN_METHOD)
def method() -> str:
    """Another card, or none."""
    return _method_page()


@pages.post("/method")
@requires(Permission.OWN_METHOD)
def save_method() -> Response | str | tuple[str, int]:
    """Save a card in place of the one before; what waited for it is charged at once (DU3)."""
    filled, wrong = read_form(MethodForm), ""
    if filled.value is not None:
        try:
            setup = _save(filled.value)
            if setup.status == "action_required":
                return _bank_asks(filled, setup)
            return _saved()
        except (LedgerError, Problem) as refused:
            filled, wrong = blame(filled, refused)
    return _method_page(filled, wrong), UNPROCESSABLE


@pages.post("/method/checkout")
@requires(Permission.OWN_METHOD)
def start_checkout() -> Response:
    """Give a card on the payment company's own page; it sends the member back here."""
    company = _checkout()
    parts().desk.limits.spend(JOIN_BY, _member_id())
    back_to = parts().settings.address + url_for("own_money.returned") + "?session="
    address = parts().collection.methods.for_customer(
        _member_id(),
        lambda customer: company.start_checkout(
            attempt=ids.derived(cause().id, "checkout", customer.id),
            customer_id=customer.id,
            back_to=back_to,
        ),
    )
    return redirect(address, HTTPStatus.SEE_OTHER)


@pages.get("/method/checkout")
@requires(Permission.OWN_METHOD)
def returned() -> str:
    """Back from the company's page: one button saves what was given there."""
    return render_template("account/checkout.html", session=request.args.get("session", ""))


@pages.post("/method/checkout/save")
@requires(Permission.OWN_METHOD)
def save_checkout() -> Response | tuple[str, int]:
    """Save the card that was given there; what waited for it is charged at once (DU3)."""
    session_id = request.form.get("session", "")[:LONGEST_TOKEN]
    try:
        setup = _checkout().finish_checkout(session_id=session_id)
        if setup.status != "succeeded":
            raise Problem(UNPROCESSABLE, "card_declined", DETAILS["card_declined"])
        parts().collection.methods.save_given(_member_id(), setup, **signed())
    except Problem as refused:
        return _method_page(wrong=told(refused)), UNPROCESSABLE
    except Rejected:
        raise NotFound(what="page", id=session_id) from None
    return _saved()


@pages.post("/method/remove")
@requires(Permission.OWN_METHOD)
def remove_method() -> Response:
    """Forget the card; later charges then wait for another one."""
    settled(parts().collection.methods.remove(_member_id(), **signed()))
    return onward("account.overview", after_removing(parts(), _member_id()))


@pages.get("/memberships/<uuid:membership_id>/pay")
@requires(Permission.OWN_METHOD)
def pay(membership_id: UUID) -> Response | str:
    """What is due for a membership, and how to pay it."""
    due = _due(membership_id)
    if due is None:
        return redirect(url_for("account.overview"))
    if due.state == "confirming" and not wants_another():
        return redirect(url_for("public.confirm", order_id=due.order_id))
    return _pay_page(due)


@pages.post("/memberships/<uuid:membership_id>/pay")
@requires(Permission.OWN_METHOD)
def paid(membership_id: UUID) -> Response | tuple[str, int]:
    """Pay it now, with the saved method or another one."""
    filled, wrong = read_form(PayForm), ""
    if filled.value is not None:
        try:
            collected = pay_due(parts(), _member_id(), membership_id, filled.value, **signed())
            if collected[0].outcome != "declined":
                return _onward(collected)
            wrong = after_paying(parts(), collected[0])
        except (LedgerError, Problem) as refused:
            filled, wrong = blame(filled, refused)
    due = _due(membership_id)
    if due is None:
        return onward("account.overview", wrong, tone="bad")
    return _pay_page(due, filled, wrong), UNPROCESSABLE


# --- within -----------------------------------------------------------------------------


def _member_id() -> UUID:
    person = caller().person
    if person is None:
        raise NotFound(what="person", id="")
    return person.member_id


def _due(membership_id: UUID) -> Due | None:
    return Dues(parts().collection).of_membership(_member_id(), membership_id)


def _checkout() -> CheckoutPages:
    company = checkout_of(parts())
    if company is None:
        raise NotFound(what="page", id="checkout")
    return company


def _save(form: MethodForm) -> Setup:
    parts().desk.limits.spend(JOIN_BY, _member_id())
    if form.answers_bank:
        answer_for_setup(parts(), _member_id(), cause(), approved=bool(form.approve))
    setup = parts().collection.save_method(
        _member_id(), method_token=token_of(parts(), form), **signed()
    )
    if setup.status == "failed":
        refused = "card_unconfirmed" if form.answers_bank else "card_declined"
        raise Problem(UNPROCESSABLE, refused, DETAILS[refused])
    return setup


def _saved() -> Response:
    collected = Dues(parts().collection).pay_all(_member_id(), by=actor(), cause=cause())
    return _onward(collected, after_saving(parts(), _member_id(), collected))


def _onward(collected: list[Collected], notice: str = "") -> Response:
    settled()
    notice = notice or " ".join(after_paying(parts(), one) for one in collected)
    waiting = next((one for one in collected if asks_bank(one)), None)
    if waiting is not None:
        return onward("public.confirm", notice, order_id=waiting.order_id)
    return onward("account.overview", notice, tone=tone(collected))


def _bank_asks(filled: Filled[MethodForm], setup: Setup) -> str:
    form = filled.value or MethodForm()
    return render_template(
        "account/confirm_card.html",
        elements=elements(parts(), secret=setup.action),
        again=asked_again(token_of(parts(), form), filled),
    )


def _method_page(filled: Filled[MethodForm] | None = None, wrong: str = "") -> str:
    return render_template(
        "account/method.html",
        dues=Dues(parts().collection).of(_member_id()),
        elements=elements(parts()),
        has_checkout=checkout_of(parts()) is not None,
        form=filled,
        wrong=wrong,
    )


def _pay_page(due: Due, filled: Filled[PayForm] | None = None, wrong: str = "") -> str:
    return render_template(
        "account/pay.html",
        due=due,
        method=parts().ledger.member(_member_id()).method,
        elements=elements(parts(), due.amount),
        form=filled,
        wrong=wrong,
    )
