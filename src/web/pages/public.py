"""What anyone may see: the plans, one plan, and joining it (AX10)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from flask import make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from ledger.application import Quote
from ledger.billing.dues import Dues
from ledger.billing.outcomes import Collected
from ledger.errors import CodeRefused, LedgerError, NotFound, PlanOutsideWindow, Refused
from ledger.member import Member
from ledger.order import Order
from ledger.plan import Plan
from projections.plans import PlanRow
from web.headers import CONTENT_SECURITY_POLICY
from web.identity.auth import caller, client_address, parts, requires
from web.identity.permissions import Permission
from web.identity.principals import Person
from web.pages.filling import Args, blame
from web.pages.forms import Filled, cause, read_args, read_form
from web.pages.frame import UNPROCESSABLE, group, onward, reason, settled, told
from web.pages.joining import JoinForm, Outlook, asks_card, join, outlook, visible_plan
from web.pages.paying import (
    Elements,
    asked_again,
    asks_bank,
    elements,
    token_of,
)
from web.payments.bank import bank_answered
from web.problems import Problem
from web.sessions.limits import QUOTE_FROM
from web.wording.languages import gettext, remember_nothing, say
from web.wording.next_steps import after_paying, tone, why

pages = group("public")

NOT_JOINED = frozenset({"declined", "setup_failed"})
WELCOME = frozenset({"settled", "nothing_to_collect"})

UNFRAMED = "frame-ancestors 'none'"


class CodeArgs(Args):
    """A discount code to try before joining, as a link may carry it."""

    code: str | None = None


@dataclass(frozen=True)
class Offer:
    """A plan as one person may join it: for how much, or why not."""

    plan: Plan
    quote: Quote | None
    refusal: Refused | None
    is_member: bool
    asks_card: bool
    asks_password: bool
    outlook: Outlook | None


@pages.get("/")
@requires(Permission.PUBLIC)
def plans() -> str:
    """The sign-up page: every plan that can be joined, with its price."""
    return render_template("public/plans.html", plans=_open_plans(), now=parts().clock.now())


@pages.get("/plans/<uuid:plan_id>")
@requires(Permission.PUBLIC)
def plan(plan_id: UUID) -> str:
    """One plan, and the way in; a code may be tried, not guessed."""
    code = _code()
    if code:
        parts().desk.limits.spend(QUOTE_FROM, client_address(request))
    return _joining(plan_id, code=code)


@pages.post("/plans/<uuid:plan_id>/join")
@requires(Permission.JOIN_PLAN)
def join_plan(plan_id: UUID) -> Response | str | tuple[str, int]:
    """Join, and pay the first charge with the card as typed."""
    filled = read_form(JoinForm)
    if filled.value is None:
        return _joining(plan_id, filled), UNPROCESSABLE
    try:
        collected = join(parts(), _person(), plan_id, filled.value, cause())
    except (LedgerError, Problem) as refused:
        filled, wrong = blame(filled, refused)
        return _joining(plan_id, filled, wrong, code=_sent_code(filled)), UNPROCESSABLE
    if collected.outcome in NOT_JOINED:
        wrong = why(collected.decline_code)
        return _joining(plan_id, filled, wrong, code=_sent_code(filled)), UNPROCESSABLE
    if collected.outcome == "waiting" and not _is_placed(collected.order_id):
        return _bank_asks_of_card(filled, collected)
    return _joined(plan_id, collected)


@pages.get("/orders/<uuid:order_id>/confirm")
@requires(Permission.JOIN_PLAN)
def confirm(order_id: UUID) -> str:
    """The bank wants the person to confirm a payment; in test mode, this page plays the bank."""
    order = _own_order(order_id)
    secret = Dues(parts().collection).action(order_id)
    asked = elements(parts(), order.placed.amount, secret=secret)
    return render_template(
        "public/confirm.html", order=order, elements=asked, another=_another(order)
    )


@pages.post("/orders/<uuid:order_id>/confirm")
@requires(Permission.JOIN_PLAN)
def confirmed(order_id: UUID) -> Response:
    """The bank's answer: `approve` or not."""
    approved = "approve" in read_form(ApprovalForm).given
    order, member_id = _own_order(order_id), _person().member_id
    collected = bank_answered(parts(), member_id, order_id, approved=approved, cause=cause())
    if order.placed.charge == "first":
        return _joined(order.placed.plan_id, collected)
    settled(collected.position)
    if asks_bank(collected):
        return redirect(url_for("public.confirm", order_id=order_id))
    notice = after_paying(parts(), collected)
    return onward("account.overview", notice, tone=tone([collected]))


@pages.get("/embed/plans")
@requires(Permission.PUBLIC)
def embedded_plans() -> Response:
    """The sign-up block for other people's pages: all open plans."""
    return _framed(_open_plans())


@pages.get("/embed/plans/<uuid:plan_id>")
@requires(Permission.PUBLIC)
def embedded_plan(plan_id: UUID) -> Response:
    """The sign-up block of one plan."""
    return _framed([row for row in _open_plans() if row.plan_id == plan_id])


class ApprovalForm(Args):
    """Which of the two buttons was pressed."""

    approve: str | None = None


def _open_plans() -> list[PlanRow]:
    now = parts().clock.now()
    return [row for row in parts().queries.plans.all() if row.is_joinable(now)]


def _framed(rows: list[PlanRow]) -> Response:
    """The block, which the sites that are named may frame: it holds links, and nothing of the
    reader's; it asks for no cookie and leaves none.
    """
    remember_nothing()
    now, origins = parts().clock.now(), parts().settings.frame_origins
    answer = make_response(render_template("public/block.html", plans=rows, now=now))
    if origins:
        framed = f"frame-ancestors {' '.join(origins)}"
        policy = CONTENT_SECURITY_POLICY.replace(UNFRAMED, framed)
        answer.headers["Content-Security-Policy"] = policy
        answer.headers["X-Frame-Options"] = "ALLOWALL"  # read by nothing that reads the policy
        answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer


def _another(order: Order) -> str:
    """Where another card is typed instead, once the payment is called off; a first one is not."""
    if order.placed.charge == "first":
        return ""
    return url_for("own_money.pay", membership_id=order.placed.membership_id, another="yes")


def _person() -> Person:
    person = caller().person
    if person is None:
        raise NotFound(what="person", id="")
    return person


def _code() -> str | None:
    value = read_args(CodeArgs).value
    return value.code if value else None


def _sent_code(filled: Filled[JoinForm]) -> str | None:
    return next(iter(filled.given.get("discount_code", [])), "").strip() or None


def _joining(
    plan_id: UUID, filled: Filled[JoinForm] | None = None, wrong: str = "", code: str | None = None
) -> str:
    person = caller().person
    member = parts().ledger.member(person.member_id) if person else None
    offer = _offer(visible_plan(parts(), plan_id), member, code)
    return render_template(
        "public/plan.html", offer=offer, plan=offer.plan, member=member, form=filled,
        wrong=wrong, code=code or "", code_fault=_code_fault(offer, filled),
        why_not=reason(offer.refusal) if isinstance(offer.refusal, PlanOutsideWindow) else "",
        elements=_elements(offer) if offer.asks_card else None,
    )  # fmt: skip


def _code_fault(offer: Offer, filled: Filled[JoinForm] | None) -> str:
    """Why a code can't be used (DI5), to be said beside its field."""
    if isinstance(offer.refusal, CodeRefused):
        return reason(offer.refusal)
    fault = filled.faults.get("discount_code") if filled else None
    return told(fault) if fault else ""


def _elements(offer: Offer) -> Elements | None:
    charged = offer.quote.first_charge if offer.quote else None
    return elements(parts(), charged, saves=offer.plan.price.terms.repeats)


def _offer(plan: Plan, member: Member | None, code: str | None) -> Offer:
    now = parts().clock.now()
    quote: Quote | None = None
    refusal: Refused | None = None
    try:
        quote = parts().ledger.quote(
            plan.id, discount_code=code, member_id=member.id if member else None
        )
    except CodeRefused as refused:
        refusal, quote = refused, parts().ledger.quote(plan.id)
    except Refused as refused:
        refusal = refused
    zone = parts().settings.zone
    return Offer(
        plan=plan,
        outlook=outlook(quote, now, zone) if quote else None,
        quote=quote,
        refusal=refusal,
        is_member=bool(member and member.running_in(plan.id, now)),
        asks_card=bool(quote and asks_card(quote, has_method=bool(member and member.method))),
        asks_password=plan.asks_password(now),
    )


def _own_order(order_id: UUID) -> Order:
    order = parts().ledger.order(order_id)
    if order.member_id != _person().member_id:
        raise NotFound(what="order", id=order_id)
    return order


def _joined(plan_id: UUID, collected: Collected) -> Response:
    settled(collected.position)
    if asks_bank(collected):
        return redirect(url_for("public.confirm", order_id=collected.order_id))
    if collected.outcome in NOT_JOINED:
        notice = why(collected.decline_code)
        return onward("public.plan", notice, tone="bad", plan_id=plan_id)
    if collected.outcome in WELCOME:
        notice = say("Welcome to {plan}.", plan=parts().ledger.plan(plan_id).name)
        return onward("account.overview", notice)
    if collected.outcome == "given_back":
        notice = gettext("You were in this plan already; the second payment goes back.")
        return onward("account.overview", notice)
    notice = gettext("The payment is on its way; your bank has not answered yet.")
    return onward("account.overview", notice)


def _bank_asks_of_card(filled: Filled[JoinForm], collected: Collected) -> str:
    """A card is saved before anything is ordered; its bank asks first."""
    form = filled.value or JoinForm()
    return render_template(
        "account/confirm_card.html",
        elements=elements(parts(), secret=collected.action),
        again=asked_again(token_of(parts(), form), filled),
    )


def _is_placed(order_id: UUID) -> bool:
    """A card that is saved before anything is ordered may be what waits."""
    try:
        parts().ledger.order(order_id)
    except NotFound:
        return False
    return True
